internal import ArgumentParser
internal import FakeReplay
internal import KernelShim
internal import SEAMCALLTrace
internal import ShimReplay

struct TraceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace", abstract: "Work with recordings of SEAMCALLs.",
        subcommands: [TraceReplay.self, TraceDiff.self])
}

struct TraceReplay: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Replay recordings on a fresh fake, or the kernel shim, and compare every answer.",
        discussion: """
            Takes files of recordings, and what 'tdxd --record' writes, also of a daemon that was killed. Each difference \
            is printed with its trace, step and call; the last line counts the traces that agree and differ.

            With --module shim the device gives pages, KeyIDs and memory of its own for the recorded ones. Calls that \
            changed nothing and that the device does not take are skipped; a recording with any other such call is left \
            out, and the reason printed, which is no failure.

            EXIT CODES
              0   all selected traces agree (with --module shim: all that were not left out), and there is one
              1   one differs, or (not with --module shim) none was selected
              2   the file cannot be used
              3   with --module shim: every selected trace was left out, or there is none
              80  and above, with --module shim: the device cannot be had, or fails, as of 'tdxd serve'
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
            """
            fake: in this process. fake:SOCKET: on fresh fakes of 'tdxd fake-module', through its socket. shim: through \
            the kernel shim, with the pages and KeyIDs that its device gives; recordings that want others are left out.
            """,
            valueName: "fake|fake:SOCKET|shim"))
    var module: String = "fake"

    @OptionGroup var place: ShimPlace

    enum Leaves: String, ExpressibleByArgument, CaseIterable {
        case rfc, all

        var selection: LeafSelection {
            switch self {
            case .rfc: .rfc
            case .all: .all
            }
        }
    }

    private func choice() throws -> ModuleChoice {
        do throws(ItemFault) { return try ModuleChoice(module) } catch {
            throw ValidationError("--module \(error.reason)")
        }
    }

    func validate() throws { _ = try choice() }

    func run() throws {
        let code: Int32
        switch try choice() {
        case .fake, .auto: code = replay(file: file, filter: filter, leaves: leaves.selection, print: line)
        case .servedFake(let path):
            code = replay(file: file, filter: filter, leaves: leaves.selection, socket: path, print: line)
        case .shim: code = try replayOnShim()
        }
        if code != 0 { throw ExitCode(code) }
    }

    private func replayOnShim() throws -> Int32 {
        let traces: [Trace]
        do throws(TraceError) {
            let recordings = try TraceFile(path: file)
            if let damage = recordings.damage { line("\(file): \(damage)") }
            traces = recordings.traces
        } catch {
            line(error.description)
            return Self.unusable
        }
        let pattern = filter.map { NamePattern($0) }
        let selected = traces.filter { leaves.selection.includes($0) && pattern?.matches($0.name) ?? true }
        let path = place.shimDevice
        var replay = ShimReplay(.usedBefore) { () throws(ShimUnavailable) in try DeviceFile(path: path) }
        do throws(ShimUnavailable) { return try replay.run(selected, print: line).rawValue } catch {
            let failure = Failure(error)
            LineOutput.standardError.write("tdxd: \(failure.reason)\n")
            throw ExitCode(failure.status.rawValue)
        }
    }

    private static let unusable: Int32 = 2

    private func line(_ text: String) { LineOutput.standardOutput.write(text + "\n") }
}
