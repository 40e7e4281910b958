internal import ArgumentParser
internal import ControlAPI
internal import FakeReplay
internal import FoundationEssentials
internal import Glibc
internal import Logging
internal import TDXCalls

struct LabCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lab", abstract: "Try the TDX module itself.", subcommands: [LabVerify.self])
}

struct LabVerify: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Build, look at and destroy one small TD, leaf by leaf, and leave a recording.",
        discussion: """
            For whoever has TDX hardware: nothing but this needs to run there. Every call is printed with its answer; what \
            every TDX module must refuse is tried too. The recording is then replayed on the software model, and each \
            difference is printed. What was built is taken down again, also after a failure. No daemon may run on the \
            same back end.

            EXIT CODES
              0    every call answered as it must, and the model agrees
              1    a call did not answer as it must
              2    the model answers otherwise; the recording has it all
              others as of tdxd:
            \(ExitStatus.explanation)
            """)

    @Option(help: "What executes SEAMCALLs: auto, fake, fake:SOCKET or shim.")
    var module = ModuleChoice.auto

    @Option(help: ArgumentHelp("The kernel shim's device.", valueName: "path"))
    var shimDevice = ShimSettings.defaultDevice

    @Option(help: ArgumentHelp("As of tdxd: where the shim's session is written down.", valueName: "folder"))
    var stateDirectory: String?

    @Option(help: ArgumentHelp("A new file for the recording.", valueName: "file"))
    var record = "tdxd-verify.jsonl"

    func run() throws {
        do throws(Failure) {
            try verify()
        } catch {
            LineOutput.standardError.write("tdxd: \(error.reason)\n")
            throw ExitCode(error.status.rawValue)
        }
    }

    private func verify() throws(Failure) {
        let code = try LabVerification(
            module, ShimSettings(device: shimDevice, stateDirectory: stateDirectory ?? Self.standards.stateDirectory),
            record: record
        ) { LineOutput.standardOutput.write($0 + "\n") }.run()
        if code != 0 { throw Failure(code == 1 ? .verificationFailed : .verificationDiffers, "see above") }
    }

    private static var standards: Standards { .current(ProcessInfo.processInfo.environment) }
}

extension ModuleChoice: ExpressibleByArgument {
    init?(argument: String) {
        do throws(ItemFault) { try self.init(argument) } catch { return nil }
    }

    var defaultValueDescription: String { "auto" }
}

/// The whole run: the back end, the TD, the recording and its replay.
struct LabVerification {
    private let backend: Backend
    private let recording: Recording
    private let path: String
    private let say: @Sendable (String) -> Void

    init(
        _ choice: ModuleChoice, _ shim: ShimSettings, record path: String, say: @escaping @Sendable (String) -> Void
    ) throws(Failure) {
        var logger = Logger(label: "tdxd") { _ in LineLogHandler(.error, .text, to: .standardError) }
        logger.logLevel = .error
        backend = try Backend(choice, .standard, shim, logger)
        self.path = path
        self.say = say
        say("back end: \(backend.identity.kind), \(backend.identity.description)")
        recording = try Recording(RecordSettings(path: path, bytesMax: Self.recordingMax), of: backend, logger)
    }

    private static let recordingMax = 64 << 20

    /// - Returns: 0 if all is as it must be, 1 if a call is not, 2 if the model differs.
    func run() throws(Failure) -> Int32 {
        guard backend.inventory.isEmpty else {
            throw Failure(
                .shimInUse,
                "a daemon that is gone left \(backend.inventory.pages.count) pages with the module: start tdxd and delete "
                    + "its TDs first")
        }
        let recorder = recording.recorder(of: backend)
        let narrator = Narrator(recorder, say: say)
        var failure: String?
        do throws(Verification.Fault) {
            var verification = try Verification(TDXModule(calls: narrator, host: recorder), say: say)
            do throws(Verification.Fault) {
                try verification.checkEnvironment()
                try verification.build()
                try verification.inspect()
            } catch {
                say("FAILED: \(error.sentence)")
                failure = error.sentence
            }
            try verification.destroy()
        } catch {
            say("FAILED: \(error.sentence)")
            failure = error.sentence
        }
        say("\(narrator.calls) calls, recorded in \(path)")
        say("the software model, asked the same:")
        let replayed = replay(file: path) { say("  " + $0) }
        if failure != nil { return 1 }
        return replayed == 0 ? 0 : 2
    }
}
