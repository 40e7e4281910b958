internal import ControlAPI
internal import ControlSchema
internal import FakeReplay
internal import FakeTDX
internal import Logging
internal import SEAMCALLTrace
internal import TDXCalls

/// What executes SEAMCALLs, and how it introduces itself.
struct Backend: Sendable {
    let calls: any SEAMCALLPort
    let host: any HostPort
    let identity: BackendIdentity
    /// The machine, as the head of a recording tells it.
    let platform: TracePlatform
    /// What a daemon before this one left with the module.
    let inventory: HostInventory
    /// Nil where it is hardware, or another process.
    let fake: FakeTDX?

    /// - Parameter logger: is warned of the fake's hazards.
    /// - Throws: if the choice cannot be had on this host or in this build.
    init(_ choice: ModuleChoice, _ fake: FakeSettings, _ shim: ShimSettings, _ logger: Logger) throws(Failure) {
        switch choice.resolved(shim) {
        case .fake, .auto: self = try Self.fake(fake, logger)
        case .servedFake(let path): self = try Self.servedFake(path, shim, logger)
        case .shim: self = try Self.shim(shim, logger)
        }
    }

    private static func fake(_ settings: FakeSettings, _ logger: Logger) throws(Failure) -> Backend {
        do throws(FakePlatformError) {
            let platform = settings.platform
            let fake = try FakeTDX(platform: platform, timing: settings.timing, profile: settings.profile) {
                logger.warn(of: $0)
            }
            let identity = BackendIdentity(
                kind: "fake", description: "software model of the TDX module in this process: nothing is protected",
                isHardware: false, reportsAllOutputs: true,
                profile: ModuleProfile(
                    name: settings.profile.rawValue,
                    heldAgainstRecordings: settings.profile.isHeldAgainstRecordings))
            return Backend(
                calls: fake, host: fake, identity: identity,
                platform: settings.told(platform), fake: fake)
        } catch {
            throw Failure(.configuration, "the fake refuses its platform: \(error)")
        }
    }

    init(
        calls: any SEAMCALLPort, host: any HostPort, identity: BackendIdentity, platform: TracePlatform,
        fake: FakeTDX? = nil, inventory: HostInventory = HostInventory()
    ) {
        self.calls = calls
        self.host = host
        self.identity = identity
        self.platform = platform
        self.inventory = inventory
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

    /// The platform as recordings tell it.
    func told(_ platform: FakePlatform) -> TracePlatform {
        TracePlatform(platform, profile: profile, cacheSubBlocks: writeBackInterruptions)
    }

    /// How often a write-back may be interrupted, generously: a replay, in which no time passes, needs as many places.
    var writeBackInterruptions: Int {
        guard writeBack > .zero, writeBackSlice > .zero else { return 0 }
        return min(FakePlatform.cacheSubBlocksMax, 4 * Int(writeBack / writeBackSlice))
    }

    var timing: FakeTiming {
        FakeTiming(
            cacheWriteBack: writeBack, cacheWriteBackSlice: writeBackSlice, keyConfiguration: keyConfiguration,
            call: call)
    }
}
