internal import Synchronization
internal import TDXCalls
internal import Threading

/// State of the module itself; the value is the module's code.
enum SystemState: UInt8, Sendable {
    case initPending = 0, initDone = 1, configDone = 2, ready = 3, shutdown = 4
}

/// The whole module, and the machine under it.
final class ModuleState: @unchecked Sendable {
    let platform: FakePlatform
    let timing: FakeTiming
    let profile: FakeProfile
    let leaves: LeafEntries
    let memory: PhysicalMemory
    let hazards: HazardLedger
    let entropy: EntropySource
    let keys: KeyTable
    let packages: [PackageState]
    let processors: [LogicalProcessor]
    /// Written under the global lock, in SYS.CONFIG, before any leaf that reads it can run.
    private(set) var tdmrs = TDMRSet([])
    private(set) var globalKeyID: UInt16 = 0
    /// A bit for each package whose global key is programmed; belongs to the global lock.
    var configuredPackages: UInt64 = 0
    let systemFields: SystemFields
    let interrupts = PendingInterrupt()
    /// Locks that somebody outside the module holds.
    let heldOutside = Locked<[HeldOutside]>([])
    /// IA32_TSC_ADJUST no longer has its value of boot time.
    let tscAdjustDiffers = Atomic<Bool>(false)
    let cpuidLimited = Atomic<Bool>(false)
    private let locks = LockBlock(count: 1)
    private let stateCode = Atomic<UInt8>(SystemState.initPending.rawValue)
    private let started = MonotonicTime.now

    /// The platform was validated.
    init(platform: FakePlatform, timing: FakeTiming, profile: FakeProfile, hazards: HazardLedger) {
        self.profile = profile
        leaves = LeafTable.entries(of: profile)
        self.platform = platform
        self.timing = timing
        self.hazards = hazards
        keyIDMask = ((1 << UInt64(platform.keyIDBits)) - 1) << UInt64(platform.keyIDShift)
        memory = PhysicalMemory(addressBits: UInt64(platform.keyIDShift))
        entropy = EntropySource(seed: platform.randomSeed)
        keys = KeyTable(count: 1 << Int(platform.keyIDBits))
        let privateKeyIDs = platform.privateKeyIDs
        let privateCount = Int(privateKeyIDs.upperBound.rawValue - privateKeyIDs.lowerBound.rawValue) + 1
        packages = (0..<platform.packageCount).map { _ in PackageState(privateKeyIDs: privateCount) }
        processors = platform.processors.enumerated().map {
            LogicalProcessor(index: $0.offset, package: Int($0.element.package.rawValue))
        }
        systemFields = SystemFields(platform: platform, profile: profile)
    }

    var globalLock: LockReference { locks[0] }

    var state: SystemState {
        get { SystemState(rawValue: stateCode.load(ordering: .acquiring)) ?? .shutdown }
        set { stateCode.store(newValue.rawValue, ordering: .releasing) }
    }

    /// SYS.CONFIG's outcome. The global lock is held, and nobody looks at TDMRs before the state says so.
    func configure(tdmrs layouts: [TDMRLayout], globalKeyID: UInt16) {
        tdmrs = TDMRSet(layouts)
        self.globalKeyID = globalKeyID
    }

    /// All packages' bits.
    var allPackages: UInt64 { (1 << UInt64(packages.count)) - 1 }

    /// Bits of a physical address that hold a KeyID.
    let keyIDMask: UInt64

    func isPrivate(_ keyID: UInt64) -> Bool {
        keyID >= UInt64(platform.privateKeyIDs.lowerBound.rawValue)
            && keyID <= UInt64(platform.privateKeyIDs.upperBound.rawValue)
    }

    func tdmr(containing address: UInt64) -> TDMR? { tdmrs.containing(address) }

    /// The host's time-stamp counter.
    var tsc: UInt64 {
        let elapsed = MonotonicTime.now.duration(since: started).components
        let nanoseconds = UInt64(elapsed.seconds) * 1_000_000_000 + UInt64(elapsed.attoseconds / 1_000_000_000)
        let ticks = nanoseconds.multipliedFullWidth(by: platform.nativeTSCFrequencyHz)
        let nanosecondsPerSecond: UInt64 = 1_000_000_000
        return nanosecondsPerSecond.dividingFullWidth((ticks.high % nanosecondsPerSecond, ticks.low)).quotient &+ 1
    }
}
