internal import ArgumentParser
internal import FakeReplay
internal import FakeTDX
internal import FakeTransport
internal import FoundationEssentials
internal import Glibc
internal import Logging
internal import SEAMCALLTrace
internal import TDXCalls

struct FakeModule: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fake-module",
        abstract: "Serve the fake TDX module to daemons, as a process of its own.",
        discussion: """
            tdxd fake-module --serve /tmp/fake.sock &
            tdxd --module fake:/tmp/fake.sock --socket /tmp/tdxd.sock

            The module outlives the daemons: when one dies, what the module holds (TDs, with their pages and KeyIDs) stays, \
            and the rest is free again; a daemon with the state directory of the dead one takes the TDs over. 'tdxd trace \
            replay --module fake:SOCKET' gets fresh modules beside it. Only root and the user it runs as may connect. It serves until SIGTERM or SIGINT, \
            and what it holds ends with it.

            With --serve up-call it answers the kernel shim's emulation instead (a build of the kernel module for tests \
            only): its platform is this machine, and of the flags below only those of time count.

            EXIT CODES
              0   stopped by SIGTERM or SIGINT
              64  a flag is wrong
              69  the up-call device cannot be had
              73  nothing can be served at the socket
            """)

    @Option(help: ArgumentHelp("A Unix socket's path, or up-call.", valueName: "socket"))
    var serve: String

    @OptionGroup(title: "The fake's platform and timing")
    var fake: FakeOptions

    private static let upcall = "up-call"

    func run() throws {
        StopSignals.block()
        do throws(Failure) {
            let logger = Logger(label: "tdxd") { _ in LineLogHandler(.info, .text, to: .standardError) }
            if serve == Self.upcall {
                try Self.answerUpcalls(try settings(), logger)
            } else {
                try Self.serve(at: serve, try settings(), logger)
            }
        } catch {
            LineOutput.standardError.write("tdxd: \(error.reason)\n")
            throw ExitCode(error.status.rawValue)
        }
    }

    private func settings() throws(Failure) -> FakeSettings {
        do throws(ConfigurationError) {
            let sources = ConfigurationSources(
                flags: fake.values, environment: [:], file: nil, standards: Standards.current([:]).values)
            return try FakeSettings(sources.effective())
        } catch {
            throw Failure(error)
        }
    }

    private static func serve(at path: String, _ settings: FakeSettings, _ logger: Logger) throws(Failure) {
        let platform = settings.platform
        let fake = try make(platform, settings, logger)
        let described = settings.told(platform)
        let server: FakeModuleServer
        do throws(TransportError) {
            let module = try ServedModule(calls: fake, host: fake, platform: json(described))
            let replays: ReplayMaker = { (head) throws(PortError) in try FakeReplayService(head: head) }
            server = try FakeModuleServer(path: path, serving: module, replays: replays) { event in
                switch event {
                case .refused(let reason): logger.warning("A client is shut out", metadata: ["reason": "\(reason)"])
                case .opened: logger.notice("A client has come")
                case .closed(let pages, let keyIDs):
                    logger.notice(
                        "A client has gone", metadata: ["pagesThatStay": "\(pages)", "keyIdsThatStay": "\(keyIDs)"])
                }
            }
        } catch {
            throw Failure(.cannotCreateSocket, error.description)
        }
        logger.notice("Serving the fake module", metadata: ["place": "\(path)"])
        wait(logger)
        server.stop()
    }

    private static func answerUpcalls(_ settings: FakeSettings, _ logger: Logger) throws(Failure) {
        let device = try orUnavailable { () throws(TransportError) in try UpcallDevice() }
        guard let top = PhysicalMemoryTop.read() else {
            throw Failure(.backendUnavailable, "/proc/iomem does not say how much memory this machine has")
        }
        let platform = settings.platform.spanning(top, processors: device.processors)
        let fake = try make(platform, settings, logger)
        try orUnavailable { () throws(TransportError) in
            let module = try ServedModule(calls: fake, host: fake, platform: [])
            try device.attach(module) { bytes, address in fake.writePhysical(bytes, at: address) }
        }
        logger.notice("Answering the kernel's up-calls", metadata: ["memoryTop": "\(top)"])
        device.serve { reason in
            logger.error("The kernel gives no more up-calls", metadata: ["reason": "\(reason)"])
        }
        wait(logger)
    }

    private static func orUnavailable<Result>(
        _ body: () throws(TransportError) -> Result
    ) throws(Failure) -> Result {
        do throws(TransportError) { return try body() } catch {
            throw Failure(.backendUnavailable, error.description)
        }
    }

    private static func make(
        _ platform: FakePlatform, _ settings: FakeSettings, _ logger: Logger
    ) throws(Failure) -> FakeTDX {
        do throws(FakePlatformError) {
            return try FakeTDX(platform: platform, timing: settings.timing, profile: settings.profile) {
                logger.warn(of: $0)
            }
        } catch {
            throw Failure(.configuration, "the fake refuses its platform: \(error)")
        }
    }

    /// Nothing where it cannot be told: it is for recordings only.
    private static func json(_ platform: TracePlatform) -> [UInt8] {
        // `try?`: an empty description is one that says nothing.
        (try? JSONEncoder().encode(platform)).map { [UInt8]($0) } ?? []
    }

    private static func wait(_ logger: Logger) {
        let signals = StopSignals(
            onHangup: {},
            onSecond: { signal in _exit(ExitStatus.secondSignal(signal)) })
        let signal = signals.wait()
        logger.notice("Stopping", metadata: ["signal": "\(signal)"])
    }
}
