internal import ArgumentParser
internal import KernelShim
internal import TDXCalls

struct ShimCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shim",
        abstract: "See to what daemons that are gone left in the kernel shim (for root).",
        discussion: """
            A daemon that dies leaves its TDs with the TDX module, and the shim keeps their pages in the daemon's session. \
            The next daemon takes that over, if it finds the session's file. Where the file is lost, the session is an \
            orphan: it can be reclaimed here, which destroys its TDs. What cannot be reclaimed can be forgotten: its \
            memory is lost until the machine is restarted, and no longer keeps the shim loaded.

            \(ExitStatus.explanation)
            """,
        subcommands: [ShimSessions.self, ShimReclaim.self, ShimForget.self])
}

struct ShimPlace: ParsableArguments {
    @Option(help: ArgumentHelp("The kernel shim's device.", valueName: "path"))
    var shimDevice = ShimSettings.defaultDevice

    /// Runs `body` with the device, and says what went wrong.
    func administer(_ body: (ShimAdministration) throws(Failure) -> Void) throws {
        do throws(Failure) {
            let administration: ShimAdministration
            do throws(ShimUnavailable) {
                administration = try ShimAdministration(DeviceFile(path: shimDevice))
            } catch {
                throw Failure(error)
            }
            try body(administration)
        } catch {
            LineOutput.standardError.write("tdxd: \(error.reason)\n")
            throw ExitCode(error.status.rawValue)
        }
    }
}

struct ShimSessions: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sessions", abstract: "List the shim's sessions and what they hold.")

    @OptionGroup var place: ShimPlace

    func run() throws {
        try place.administer { (shim) throws(Failure) in
            let sessions = try Failure.wrap { () throws(PortError) in try shim.sessions() }
            LineOutput.standardOutput.write("SESSION           STATE   PAGES  KEYIDS  QUARANTINED\n")
            for session in sessions {
                let fields = [
                    String(session.number, radix: 16).padded(to: 16),
                    (session.isOpen ? "open" : "orphan").padded(to: 6),
                    String(session.pages).padded(to: 5), String(session.keyIDs).padded(to: 6),
                    String(session.quarantined),
                ]
                LineOutput.standardOutput.write(fields.joined(separator: "  ") + "\n")
            }
        }
    }
}

/// A session by the number that the list shows.
struct SessionNumber: ExpressibleByArgument, Sendable {
    let number: UInt64

    init?(argument: String) {
        guard let number = UInt64(argument, radix: 16) else { return nil }
        self.number = number
    }
}

struct ShimReclaim: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reclaim", abstract: "Destroy the TDs of an orphan session and free what they held.")

    @Argument(help: ArgumentHelp("The session, as 'tdxd shim sessions' shows it.", valueName: "session"))
    var session: SessionNumber

    @OptionGroup var place: ShimPlace

    /// Enough for every page there can be: a reclaim that makes no headway ends here.
    private static let requestsMax = 1_000_000

    func run() throws {
        try place.administer { (shim) throws(Failure) in
            var steps = 0
            for _ in 0..<Self.requestsMax {
                switch try Failure.wrap({ () throws(PortError) in try shim.reclaim(session.number) }) {
                case .done(let made):
                    LineOutput.standardOutput.write("done after \(steps + made) calls\n")
                    return
                case .more(let made, let remaining):
                    steps += made
                    LineOutput.standardOutput.write("\(steps) calls, \(remaining) objects left\n")
                case .stuck(let leaf, let completion, let remaining):
                    throw Failure(
                        .shimReclaimStuck,
                        "\(leaf.name) answered \(completion): \(remaining) objects stay; 'tdxd shim forget' gives them up"
                    )
                }
            }
            throw Failure(.shimFailing, "the reclaim does not come to an end")
        }
    }
}

struct ShimForget: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "forget",
        abstract: "Give up what an orphan session has in quarantine, or what a reclaim could not free.")

    @Argument(help: ArgumentHelp("The session, as 'tdxd shim sessions' shows it.", valueName: "session"))
    var session: SessionNumber

    @OptionGroup var place: ShimPlace

    func run() throws {
        try place.administer { (shim) throws(Failure) in
            let lost = try Failure.wrap { () throws(PortError) in try shim.forget(session.number) }
            LineOutput.standardOutput.write(
                "\(lost.pages) pages and \(lost.keyIDs) KeyIDs are out of use until the machine is restarted\n")
        }
    }
}

extension Failure {
    fileprivate static func wrap<Result>(_ body: () throws(PortError) -> Result) throws(Failure) -> Result {
        do throws(PortError) { return try body() } catch { throw Failure(.shimFailing, error.explanation) }
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
