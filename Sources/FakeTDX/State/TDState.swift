internal import Digests
internal import Synchronization
internal import TDXCalls

/// A TD's lifecycle state; the value is the module's code.
enum Lifecycle: UInt8, Sendable {
    case hkidAssigned = 0, keysConfigured = 1, blocked = 2, teardown = 3
}

/// A TD's operation state; the value is the module's code. States of migration are known and never entered.
enum OpState: UInt8, Sendable {
    case uninitialized = 0, initialized = 1, runnable = 2, liveExport = 3, pausedExport = 4, postExport = 5
    case memoryImport = 6, stateImport = 7, postImport = 8, liveImport = 9, failedImport = 10

    /// Whether a page must be blocked and tracked before it is removed.
    var requiresTracking: Bool { self == .runnable || self == .liveExport || self == .liveImport }
}

/// A TD: what the module keeps in its TDR and TDCS pages. The TDR's metadata entry owns it.
///
/// Plain members are written with the TDR held exclusively and read with it held at all; what changes under a
/// shared hold is atomic.
@safe final class TDState: @unchecked Sendable {
    // The TDR.
    let address: UInt64
    let keyID: UInt16
    let uuid: [UInt64]
    var isFatal = false
    var lifecycle = Lifecycle.hkidAssigned
    /// A bit for each package whose key is programmed.
    var configuredPackages: UInt64 = 0
    /// TDCS pages in the order they were added.
    private(set) var tdcs: [UInt64] = []
    /// How many there are: apart, because every call asks.
    private(set) var tdcsCount = 0
    /// Pages of the TD but the TDR, in 4 KiB units.
    let childCount = Atomic<UInt64>(0)

    // The TDCS.
    var opState = OpState.uninitialized
    private(set) var configuration = TDConfiguration()
    /// Highest level of the secure EPT: 3 with four levels, 4 with five.
    private(set) var topLevel = 0
    /// The bit that makes a guest address a shared one.
    private(set) var sharedBit = 0
    private(set) var isDebug = false
    // SAFETY of all uses: initialised in init, destroyed in deinit. Behind a pointer, because the TDR, held exclusively,
    // makes accesses exclusive, and the language need not check that again.
    private let hash: UnsafeMutablePointer<SHA384>
    /// All zero until MR.FINALIZE.
    var mrtd = TDConfiguration.zeroes
    var migrationKey: [UInt64] = [0, 0, 0, 0]
    /// Nil until MNG.INIT.
    var septRoot: SEPTPage?
    let vcpuCount = Atomic<UInt32>(0)
    /// Those that VP.INIT was given, in releases that take them.
    var x2apicIDs: Set<UInt32> = []
    let associatedVCPUs = Atomic<UInt32>(0)
    let epoch = Atomic<UInt64>(0)
    /// vCPUs inside the TD that entered in an even and in an odd epoch.
    let runningEven = Atomic<Int>(0)
    let runningOdd = Atomic<Int>(0)
    /// Fields the host may write.
    let writable: AtomicWords
    private let association = Atomic<UInt64>(0)
    private let locks = LockBlock(count: 3)

    static let tdcsPagesBase = 6
    static let tdcsPagesMax = 9
    /// The TDCS page that holds the root of the secure EPT, counted from 0.
    static let septRootPage = 3
    /// The TDCS page that holds the MSR bitmaps.
    static let msrBitmapsPage = 2

    init(address: UInt64, keyID: UInt16, uuid: [UInt64]) {
        self.address = address
        self.keyID = keyID
        self.uuid = uuid
        unsafe hash = .allocate(capacity: 1)
        unsafe hash.initialize(to: SHA384())
        writable = AtomicWords(count: FieldMap.td.storedWords)
    }

    deinit {
        septRoot?.destroy()
        unsafe hash.deinitialize(count: 1)
        unsafe hash.deallocate()
    }

    /// The measurement so far.
    var measurement: SHA384 {
        get { unsafe hash.pointee }
        _modify { yield unsafe &hash.pointee }
    }

    /// The next TDCS page.
    func addTDCS(_ page: UInt64) {
        tdcs.append(page)
        tdcsCount = tdcs.count
    }

    /// MNG.INIT's outcome.
    func configure(_ configuration: TDConfiguration) {
        self.configuration = configuration
        topLevel = Int(configuration.eptpControls >> 3 & 7)
        sharedBit = configuration.gpaWidth52 ? 51 : 47
        isDebug = configuration.attributes & TDAttributes.debug.rawValue != 0
    }

    var opStateLock: LockReference { locks[0] }
    var treeLock: LockReference { locks[1] }
    var epochLock: LockReference { locks[2] }

    /// The latest call that tied a vCPU of the TD to a processor.
    var lastAssociation: Deed { Deed(rawValue: association.load(ordering: .relaxed)) }
    func noteAssociation(_ deed: Deed) { association.store(deed.rawValue, ordering: .relaxed) }

    /// vCPUs inside that entered in an epoch of the parity of `epoch`.
    func running(inEpochLike epoch: UInt64) -> Int {
        epoch & 1 == 0 ? runningEven.load(ordering: .relaxed) : runningOdd.load(ordering: .relaxed)
    }

    func addRunning(_ delta: Int, inEpochLike epoch: UInt64) {
        if epoch & 1 == 0 {
            runningEven.wrappingAdd(delta, ordering: .relaxed)
        } else {
            runningOdd.wrappingAdd(delta, ordering: .relaxed)
        }
    }

    /// An address as the TD's own pages are kept: with the KeyID on top.
    func withKeyID(_ address: UInt64, shift: UInt8) -> UInt64 { address | UInt64(keyID) << UInt64(shift) }
}

/// What MNG.INIT copies from TD_PARAMS.
struct TDConfiguration: Hashable, Sendable {
    var attributes: UInt64 = 0
    var xfam: UInt64 = 0
    var maxVCPUs: UInt32 = 0
    var numL2VMs = 0
    var eptpControls: UInt64 = 0
    var configFlags: UInt64 = 0
    var tscFrequency: UInt16 = 0
    var tscMultiplier: UInt64 = 0
    var tscOffset: UInt64 = 0
    var mrConfigID = zeroes
    var mrOwner = zeroes
    var mrOwnerConfig = zeroes
    var ia32ArchCapabilities: UInt64 = 0
    /// Values of the configurable CPUID leaves, in the module's order.
    var cpuid: [CPUIDValues] = []

    /// A measurement register that nobody has set.
    static let zeroes = [UInt8](repeating: 0, count: SHA384.digestBytes)

    var gpaWidth52: Bool { configFlags & ConfigFlags.gpaWidth52.rawValue != 0 }
    /// Width of guest physical addresses in bits.
    var gpaWidth: UInt64 { gpaWidth52 ? 52 : 48 }
}
