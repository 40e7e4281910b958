internal import ControlAPI
internal import ControlSchema
internal import FakeTDX
internal import Logging
internal import TDXCalls

/// What executes SEAMCALLs, and how it introduces itself.
struct Backend: Sendable {
    let calls: any SEAMCALLPort
    let host: any HostPort
    let identity: BackendIdentity
    /// Nil where it is hardware.
    let fake: FakeTDX?

    /// - Parameter logger: is warned of the fake's hazards.
    /// - Throws: if the choice cannot be had on this host or in this build.
    init(_ choice: ModuleChoice, _ settings: FakeSettings, _ logger: Logger) throws(Failure) {
        switch choice.resolved {
        case .fake, .auto:
            self = try Self.fake(settings, logger)
        case .shim:
            throw Failure(
                .backendUnavailable,
                "this build has no back end for the kernel shim (\(ModuleChoice.shimDevice)); "
                    + "--module fake runs without TDX")
        }
    }

    private static func fake(_ settings: FakeSettings, _ logger: Logger) throws(Failure) -> Backend {
        do throws(FakePlatformError) {
            let fake = try FakeTDX(platform: settings.platform, timing: settings.timing, profile: settings.profile) {
                logger.warn(of: $0)
            }
            let identity = BackendIdentity(
                kind: "fake", description: "software model of the TDX module in this process: nothing is protected",
                isHardware: false, reportsAllOutputs: true,
                profile: ModuleProfile(
                    name: settings.profile.rawValue,
                    heldAgainstRecordings: settings.profile.isHeldAgainstRecordings))
            return Backend(calls: fake, host: fake, identity: identity, fake: fake)
        } catch {
            throw Failure(.configuration, "the fake refuses its platform: \(error)")
        }
    }

    private init(calls: any SEAMCALLPort, host: any HostPort, identity: BackendIdentity, fake: FakeTDX?) {
        self.calls = calls
        self.host = host
        self.identity = identity
        self.fake = fake
    }
}

extension FakeSettings {
    /// The default platform of the fake, with these processors and KeyIDs.
    var platform: FakePlatform {
        var platform = FakePlatform.oracle(processors: processors, packages: packages)
        // What the module draws at random, such as a TD's UUID, must not repeat from one start to the next.
        platform.randomSeed = UInt64.random(in: .min ... .max)
        let first = platform.privateKeyIDs.lowerBound
        let last = KeyID(rawValue: first.rawValue + UInt16(keyIDs))
        platform.privateKeyIDs = first...last
        platform.keyIDBits = UInt8(UInt16.bitWidth - last.rawValue.leadingZeroBitCount)
        return platform
    }

    var timing: FakeTiming {
        FakeTiming(
            cacheWriteBack: writeBack, cacheWriteBackSlice: writeBackSlice, keyConfiguration: keyConfiguration,
            call: call)
    }
}
