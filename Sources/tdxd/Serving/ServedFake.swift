internal import ControlAPI
internal import ControlSchema
internal import FakeReplay
internal import FakeTDX
internal import FakeTransport
internal import FoundationEssentials
internal import KernelShim
internal import Logging
internal import SEAMCALLTrace
internal import TDXCalls

extension Backend {
    /// The fake of another process, with what a daemon before this one left in it.
    static func servedFake(
        _ path: String, _ settings: ShimSettings, _ logger: Logger
    ) throws(Failure) -> Backend {
        let remote: RemoteModule
        do throws(TransportError) { remote = try RemoteModule(path: path) } catch {
            throw Failure(.backendUnavailable, "the fake of another process cannot be had: \(error.description)")
        }
        let inventory = try takeOver(sessionFile(path, settings), remote, logger)
        // `try?`: it is for recordings and to be shown, and both can do without what the other end does not say.
        let platform = try? JSONDecoder().decode(TracePlatform.self, from: Data(remote.platform))
        let profile = platform?.profile.flatMap(FakeProfile.init(rawValue:))
        let identity = BackendIdentity(
            kind: "fake", description: "software model of the TDX module in another process: nothing is protected",
            isHardware: false, reportsAllOutputs: true,
            profile: profile.map {
                ModuleProfile(name: $0.rawValue, heldAgainstRecordings: $0.isHeldAgainstRecordings)
            })
        return Backend(
            calls: remote, host: remote, identity: identity, platform: platform ?? TracePlatform(remote), fake: nil,
            inventory: inventory)
    }

    /// Each socket has a file of its own: a session of one module says nothing to another.
    static func sessionName(_ socket: String) -> String {
        let absolute = socket.hasPrefix("/") ? socket : FileManager.default.currentDirectoryPath + "/" + socket
        var name = "fake-session"
        for character in absolute {
            switch character {
            case "/": name += "%2F"
            case "%": name += "%25"
            default: name.append(character)
            }
        }
        return name
    }

    private static func sessionFile(_ socket: String, _ settings: ShimSettings) throws(Failure) -> SessionFile {
        do throws(ShimUnavailable) {
            return SessionFile(path: try sessionFolder(settings) + "/" + sessionName(socket))
        } catch {
            throw Failure(error)
        }
    }

    /// In the same order as with the shim: our own session is in the file before there is anything in it, and those before
    /// it are until they are taken over.
    private static func takeOver(
        _ file: SessionFile, _ remote: RemoteModule, _ logger: Logger
    ) throws(Failure) -> HostInventory {
        let own = SessionKey(number: 0, token: remote.session)
        let former = try onFile { () throws(ShimUnavailable) in try file.read() }
        try onFile { () throws(ShimUnavailable) in try file.write(former + [own]) }
        var taken = 0
        for session in former {
            switch try onSocket({ () throws(PortError) in try remote.takeOver(session.token) }) {
            case .taken: taken += 1
            case .nothing: break
            case .inUse:
                // Nothing is in our own session yet: a start that fails again and again must not fill the file.
                if taken == 0 { try onFile { () throws(ShimUnavailable) in try file.write(former) } }
                throw Failure(
                    .shimInUse,
                    "the session with the fake that \(file.path) names is still open: another tdxd runs with the same "
                        + "state directory; stop that one first")
            }
        }
        try onFile { () throws(ShimUnavailable) in try file.write([own]) }
        guard taken > 0 else { return HostInventory() }
        let inventory = try onSocket { () throws(PortError) in try remote.inventory() }
        logger.warning(
            "Took over what a daemon before this one left",
            metadata: [
                "sessions": "\(taken)", "pages": "\(inventory.pages.count)", "keyIDs": "\(inventory.keyIDs.count)",
            ])
        return inventory
    }

    private static func onSocket<Result>(_ body: () throws(PortError) -> Result) throws(Failure) -> Result {
        do throws(PortError) { return try body() } catch {
            throw Failure(
                .backendUnavailable, "what a daemon before this one left cannot be taken over: \(error.explanation)")
        }
    }

    private static func onFile<Result>(
        _ body: () throws(ShimUnavailable) -> Result
    ) throws(Failure) -> Result {
        do throws(ShimUnavailable) { return try body() } catch { throw Failure(error) }
    }
}
