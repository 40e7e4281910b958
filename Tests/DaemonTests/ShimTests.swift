import KernelShim
import Logging
import TDXCalls
import Testing

@testable import tdxd

// Testing's dependencies have a type of this name, too.
private typealias ExitStatus = tdxd.ExitStatus

@Suite("The kernel shim as back end")
struct ShimTests {
    private static let failures: [(ShimUnavailable, tdxd.ExitStatus)] = [
        (.noDevice(path: "/dev/tdx_shim", errorNumber: 2), .shimNoDevice),
        (.notPermitted(path: "/dev/tdx_shim", errorNumber: 1), .shimNotPermitted),
        (.otherABI(version: 2), .shimOtherABI), (.otherABI(version: nil), .shimOtherABI),
        (.noExports, .shimNoExports), (.exportsRestricted, .shimExportsRestricted), (.noPlatform, .shimNoPlatform),
        (.noModule, .shimNoModule), (.noEmulator, .shimNoEmulator), (.noBackend(reason: 9), .shimFailing),
        (.sessionInUse(session: 7), .shimInUse), (.sessionFile(path: "/s", reason: "it is a folder"), .shimSessionFile),
        (.failing(PortError(.notExecuted, "the device says no")), .shimFailing),
    ]

    @Test("Each reason has its exit code, which --help explains, and says what is wrong", arguments: 0..<failures.count)
    func codes(_ index: Int) {
        let (error, status) = Self.failures[index]
        let failure = Failure(error)
        #expect(failure.status == status)
        #expect(failure.reason == error.description)
        #expect(tdxd.ExitStatus.explanation.contains("\n  \(status.rawValue)   "))
    }

    @Test("Reasons that somebody can do something about have codes of their own")
    func distinct() {
        let statuses = Set(Self.failures.map(\.1.rawValue))
        #expect(statuses == Set(80...90))
        #expect(Set(Self.failures.map { $0.0.description }).count == Self.failures.count)
    }

    private func backend(_ choice: ModuleChoice, _ device: String) -> tdxd.ExitStatus? {
        let settings = ShimSettings(device: device, stateDirectory: nil)
        do throws(Failure) {
            _ = try Backend(choice, .standard, settings, Logger(label: "test"))
            return nil
        } catch {
            return error.status
        }
    }

    @Test("Without the device the shim cannot be had, and auto is the fake; what is no shim is none")
    func devices() {
        #expect(backend(.shim, "/nowhere/tdx_shim") == .shimNoDevice)
        #expect(backend(.auto, "/nowhere/tdx_shim") == nil)
        #expect(backend(.shim, "/dev/null") == .shimOtherABI)
        #expect(backend(.auto, "/dev/null") == .shimOtherABI)
    }

    @Test("Where state is kept")
    func state() {
        #expect(Standards(userID: 0, environment: [:]).stateDirectory == "/var/lib/tdxd")
        #expect(Standards(userID: 0, environment: ["STATE_DIRECTORY": "/s/a:/s/b"]).stateDirectory == "/s/a")
        #expect(Standards(userID: 7, environment: ["XDG_STATE_HOME": "/x"]).stateDirectory == "/x/tdxd")
        #expect(Standards(userID: 7, environment: ["HOME": "/h"]).stateDirectory == "/h/.local/state/tdxd")
        #expect(Standards(userID: 7, environment: [:]).stateDirectory == nil)
    }
}
