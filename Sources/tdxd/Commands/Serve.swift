internal import ArgumentParser
internal import FoundationEssentials
internal import Glibc
internal import Logging

struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve the API until SIGTERM or SIGINT (the default).",
        discussion: """
            Each flag can also be set by an environment variable (--socket-mode: TDXD_SOCKET_MODE; items of a list are \
            separated by ';') or by a member of the file given with --config (socketMode). Flags win over the \
            environment, the environment over the file. 'tdxd check-config' shows what is in force and why.

            TLS
            A client is known by a URI in its certificate, or by the certificate's SHA-256 as sha256:<64 digits>; the \
            file given with --roles says who has which role:
              {"identities": {"spiffe://tdxd/user/alice": "operator"}}
            Certificates, CAs, revocation lists and roles are read anew on SIGHUP and when the files change. No \
            connection is dropped for it but those of clients who are not believed any more. What does not hold is \
            refused as a whole, and what was in force stays; the log and 'tls' in /host say so. The audit file is opened \
            anew on SIGHUP.

            \(ExitStatus.explanation)
            """)

    @OptionGroup var options: ServeOptions

    func run() throws {
        // Before any thread is started, so that no thread can be hit by them.
        StopSignals.block()
        do throws(Failure) {
            try serve()
        } catch {
            LineOutput.standardError.write("tdxd: \(error.reason)\n")
            throw ExitCode(error.status.rawValue)
        }
    }

    private func serve() throws(Failure) {
        let environment = ProcessInfo.processInfo.environment
        let supervisor = try Supervisor(environment)
        let sockets = try PassedSockets(environment)
        Supervisor.clearEnvironment()
        let (settings, unknown) = try settings(environment)
        let logger = Logger(label: "tdxd") { _ in
            LineLogHandler(settings.logLevel, settings.logFormat, to: .standardError)
        }
        for variable in unknown {
            logger.warning("No setting has this variable", metadata: ["variable": "\(variable)"])
        }
        if settings.socketPath == Standards.current(environment).socket {
            try SocketDirectory.create(for: settings.socketPath)
        }
        let assembly = try Assembly(settings, sockets, logger)
        let signals = StopSignals(
            onHangup: {
                supervisor.reloading()
                assembly.reload { supervisor.ready(assembly.summary) }
            },
            onSecond: { signal in
                logger.error("Stopping at once, told twice", metadata: ["signal": "\(signal)"])
                _exit(ExitStatus.secondSignal(signal))
            })
        let watchdog = Watchdog(supervisor, logger) { assembly.isAlive() }
        supervisor.ready(assembly.summary)
        StartupPages.giveBack()
        // Outside the metadata, which is not evaluated below the log's level.
        let signal = signals.wait()
        logger.notice("Draining", metadata: ["signal": "\(signal)"])
        supervisor.stopping("Finishing what runs")
        let status = assembly.drain()
        watchdog?.stop()
        logger.notice("Stopped", metadata: ["status": "\(status.rawValue)"])
        if status != .success { throw Failure(status, "operations were still running when the drain timeout passed") }
    }

    private func settings(_ environment: [String: String]) throws(Failure) -> (Settings, unknown: [String]) {
        do throws(ConfigurationError) {
            let sources = try options.sources(environment: environment)
            return (try Settings(sources.effective()), sources.unknownVariables)
        } catch {
            throw Failure(error)
        }
    }
}
