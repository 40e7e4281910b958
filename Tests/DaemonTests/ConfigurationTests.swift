import Configuration
import ControlAPI
import FoundationEssentials
import Testing

@testable import tdxd

@Suite("Where a value comes from")
struct ConfigurationTests {
    private static let standards = Standards(userID: 0, environment: [:]).values

    private func sources(
        flags: [Setting: ConfigContent] = [:], environment: [String: String] = [:], file: String? = nil
    ) throws(ConfigurationError) -> ConfigurationSources {
        let read = try file.map { (json) throws(ConfigurationError) in
            try ConfigurationFile(path: "/etc/tdxd.json", json: Data(json.utf8))
        }
        return ConfigurationSources(
            flags: flags, environment: environment, file: read, standards: Self.standards)
    }

    /// The error of a configuration, in words.
    private func complaint(
        flags: [Setting: ConfigContent] = [:], environment: [String: String] = [:], file: String? = nil
    ) -> String? {
        do throws(ConfigurationError) {
            _ = try Settings(sources(flags: flags, environment: environment, file: file).effective())
            return nil
        } catch {
            return error.description
        }
    }

    @Test("A flag wins over the environment, that over the file, and that over the default")
    func precedence() throws {
        let file = #"{"threads": 2, "httpThreads": 3, "logFormat": "json"}"#
        let environment = ["TDXD_THREADS": "5", "TDXD_HTTP_THREADS": "6"]
        let values = try sources(flags: [.threads: .int(7)], environment: environment, file: file).effective()
        let inFile = ValueSource.file(path: "/etc/tdxd.json")
        #expect(values[.threads] == EffectiveConfiguration.Value(content: .int(7), source: .flag))
        #expect(values[.httpThreads] == EffectiveConfiguration.Value(content: .int(6), source: .environment))
        #expect(values[.logFormat] == EffectiveConfiguration.Value(content: .string("json"), source: inFile))
        #expect(values[.drainTimeout] == EffectiveConfiguration.Value(content: .int(30), source: .standard))
        #expect(values.report.hasPrefix("module = auto  (default)\nshimDevice = /dev/tdx_shim  (default)\n"))
    }

    @Test("An error names the source and the setting")
    func errorsNameTheirSource() {
        #expect(complaint(flags: [.threads: .int(65)]) == "--threads: must lie between 1 and 64")
        #expect(complaint(environment: ["TDXD_THREADS": "x"]) == "TDXD_THREADS: must be a whole number")
        #expect(complaint(environment: ["TDXD_LOG_FORMAT": "xml"]) == "TDXD_LOG_FORMAT: must be one of text, json")
        #expect(complaint(file: #"{"socketMode": "9"}"#)?.hasPrefix("/etc/tdxd.json: socketMode: must be") == true)
        #expect(
            complaint(flags: [.fakeProcessors: .int(5)])
                == "--fake-processors: must be a multiple of the packages, which are 2")
    }

    @Test("Nobody is named twice, nor is a place")
    func duplicates() {
        let roles = ["TDXD_SOCKET_ROLE": "uid:7=lab;gid:7=viewer;uid:7=viewer"]
        #expect(complaint(environment: roles) == "TDXD_SOCKET_ROLE: names the same user or group twice")
        let places = ["TDXD_LISTEN_PLAIN": "127.0.0.1:80,role=lab;127.0.0.1:80,role=viewer"]
        #expect(complaint(environment: places) == "TDXD_LISTEN_PLAIN: names the same place twice")
    }

    @Test("A fault in a weaker source does not matter where a stronger one decides")
    func onlyTheDecisiveSourceCounts() {
        #expect(complaint(flags: [.threads: .int(1)], environment: ["TDXD_THREADS": "x"]) == nil)
    }

    @Test(
        "The file's members are checked",
        arguments: [
            (#"{"thread": 1}"#, "/etc/tdxd.json: thread: no such setting"),
            (#"{"threads": "1"}"#, "/etc/tdxd.json: threads: must be a whole number"),
            (#"{"threads": 1.5}"#, "/etc/tdxd.json: threads: must be a whole number"),
            (#"{"socket": null}"#, "/etc/tdxd.json: socket: must be a string"),
            (#"{"socketRole": "uid:1=lab"}"#, "/etc/tdxd.json: socketRole: must be an array of strings"),
            ("{", "/etc/tdxd.json: is not a JSON object"),
        ])
    func file(_ text: String, _ expected: String) {
        #expect(complaint(file: text) == expected)
    }

    @Test("A wrong flag is a fault of usage, everything else one of the configuration")
    func exitCodes() {
        #expect(ConfigurationError(.flag, .threads, "").exit == .usage)
        for source in [ValueSource.environment, .file(path: "x"), .standard] {
            #expect(ConfigurationError(source, .threads, "").exit == .configuration)
        }
    }

    @Test("Items of a list in the environment are separated by semicolons, since some have commas")
    func lists() throws {
        let environment = ["TDXD_LISTEN_PLAIN": "127.0.0.1:80,role=viewer;[::1]:81,role=lab"]
        let settings = try Settings(sources(environment: environment).effective())
        #expect(settings.plainListeners.map(\.name) == ["plain-127.0.0.1:80", "plain-::1:81"])
        #expect(settings.plainListeners.map(\.role) == [.viewer, .lab])
    }

    @Test("Variables that set nothing are found, the one for the file is known")
    func unknownVariables() throws {
        let environment = ["TDXD_THREAD": "1", "TDXD_THREADS": "1", "TDXD_CONFIG": "x", "PATH": "y"]
        #expect(try sources(environment: environment).unknownVariables == ["TDXD_THREAD"])
    }
}
