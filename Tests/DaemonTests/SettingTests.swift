import ArgumentParser
import Configuration
import Testing

@testable import tdxd

@Suite("What can be set")
struct SettingTests {
    @Test("A flag's name decides the variable's and the file member's")
    func names() {
        #expect(Setting.socketMode.flag == "--socket-mode")
        #expect(Setting.socketMode.variable == "TDXD_SOCKET_MODE")
        #expect(Setting.socketMode.key == "socketMode")
        #expect(Setting.fakeWriteBack.key == "fakeWriteBackMs")
        #expect(Setting.module.key == "module")
    }

    @Test("No two settings have a name in common")
    func namesAreUnique() {
        for names in [Setting.all.map(\.name), Setting.all.map(\.variable), Setting.all.map(\.key)] {
            #expect(Set(names).count == Setting.all.count)
        }
    }

    @Test(
        "Every setting has the flag and the variable that it says, and a default unless it may stay unset",
        arguments: Setting.all)
    func everySettingCanBeSet(_ setting: Setting) throws {
        let (text, content): (String, ConfigContent) =
            switch setting.kind {
            case .text: ("x", .string("x"))
            case .number(let range): (String(range.upperBound), .int(range.upperBound))
            case .list: ("x", .stringArray(["x"]))
            }
        let options = try ServeOptions.parse([setting.flag, text])
        #expect(options.values == [setting: content])
        let standards = Standards(userID: 0, environment: [:]).values
        // State has a place wherever somebody says so, and images in it; else they end with the process.
        let isKnownHere: Set<Setting> = [.imagesDirectory, .stateDirectory]
        #expect((standards[setting] != nil) == (!setting.isOptional || isKnownHere.contains(setting)))
        let sources = ConfigurationSources(
            flags: [:], environment: [setting.variable: text], file: nil, standards: standards)
        #expect(
            try sources.effective()[setting] == EffectiveConfiguration.Value(content: content, source: .environment))
    }

    @Test("The defaults make a configuration that holds, for root and for others")
    func standards() throws {
        for (userID, environment, path) in [
            (UInt32(0), [:], "/run/tdxd/tdxd.sock"),
            (1000, ["XDG_RUNTIME_DIR": "/run/user/1000"], "/run/user/1000/tdxd.sock"),
        ] {
            let standards = Standards(userID: userID, environment: environment)
            let sources = ConfigurationSources(flags: [:], environment: [:], file: nil, standards: standards.values)
            let settings = try Settings(sources.effective())
            #expect(settings.socketPath == path)
            #expect(settings.socketMode == 0o660)
            #expect(settings.drainTimeout == .seconds(30))
        }
    }

    @Test("Without a runtime directory a user's socket must be given")
    func noPlaceForTheSocket() throws {
        let standards = Standards(userID: 1000, environment: [:])
        let sources = ConfigurationSources(flags: [:], environment: [:], file: nil, standards: standards.values)
        let values = try sources.effective()
        let error = #expect(throws: ConfigurationError.self) { try Settings(values) }
        #expect(error?.description == "default of --socket: there is none here: set it")
        #expect(error?.exit == .configuration)
    }
}
