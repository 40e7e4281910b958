internal import ArgumentParser
internal import FakeReplay
internal import SEAMCALLTrace

struct TraceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace", abstract: "Work with recordings of SEAMCALLs.",
        subcommands: [TraceReplay.self, TraceDiff.self])
}

struct TraceReplay: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Replay recordings on a fresh fake and compare every answer.",
        discussion: """
            Takes files of recordings, and what 'tdxd --record' writes, also of a daemon that was killed. Each difference \
            is printed with its trace, step and call; the last line counts the traces that agree and differ. Exits with 0 if all selected traces agree and there is one, 1 if not, 2 if the file cannot be used.
            """)

    @Argument(help: "A file of recordings.")
    var file: String

    @Option(
        help: ArgumentHelp(
            "Only traces with such a name, or with this in it; * and ? match anything.", valueName: "pattern"))
    var filter: String?

    @Option(help: "rfc: only traces of the leaves that the wrappers cover. all: every trace.")
    var leaves: Leaves = .all

    @Option(
        help: ArgumentHelp(
            "fake: in this process. fake:SOCKET: on fresh fakes of 'tdxd fake-module', through its socket.",
            valueName: "fake|fake:SOCKET"))
    var module: String = "fake"

    enum Leaves: String, ExpressibleByArgument, CaseIterable {
        case rfc, all

        var selection: LeafSelection {
            switch self {
            case .rfc: .rfc
            case .all: .all
            }
        }
    }

    private func socket() throws -> String? {
        do throws(ItemFault) {
            switch try ModuleChoice(module) {
            case .fake, .auto: return nil
            case .servedFake(let path): return path
            case .shim:
                throw ItemFault("must be fake or fake:SOCKET: a device hands out its own pages, not a recording's")
            }
        } catch {
            throw ValidationError("--module \(error.reason)")
        }
    }

    func validate() throws { _ = try socket() }

    func run() throws {
        let socket = try socket()
        let code = replay(file: file, filter: filter, leaves: leaves.selection, socket: socket) { line in
            LineOutput.standardOutput.write(line + "\n")
        }
        if code != 0 { throw ExitCode(code) }
    }
}
