/// A logical processor, by the host's number.
public struct Processor: RawRepresentable, Hashable, Comparable, Sendable {
    public let rawValue: UInt32

    public init(rawValue: UInt32) { self.rawValue = rawValue }

    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// A processor package (socket), by the host's number.
public struct Package: RawRepresentable, Hashable, Comparable, Sendable {
    public let rawValue: UInt32

    public init(rawValue: UInt32) { self.rawValue = rawValue }

    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// Executes one leaf on one logical processor. Registers in, registers and completion out.
///
/// With ``HostPort`` this is the only seam of the house: the fake module, the kernel shim and the
/// decorators over them conform, and nothing above can tell which it talks to.
public protocol SEAMCALLPort: Sendable {
    /// Whether the port repeats a call that lacked entropy itself, as Linux's own wrappers do.
    var retriesEntropy: Bool { get }
    /// Whether no call waits for anything, so that a thread with other duties may make a few: each takes microseconds.
    var isPrompt: Bool { get }

    /// - Throws: ``PortError`` if the instruction was not executed or its outcome is not known; never for
    ///   an answer of the module.
    func call(
        _ leaf: Leaf, _ registers: inout Registers, on processor: Processor
    ) throws(PortError) -> Completion
}

extension SEAMCALLPort {
    public var retriesEntropy: Bool { false }
    public var isPrompt: Bool { false }
}

/// The shim's or the transport's own failure. Never a module answer.
public struct PortError: Error, Hashable, Sendable {
    public enum Reason: Hashable, Sendable {
        /// The module was not reached and nothing changed.
        case notExecuted
        /// The call may or may not have been executed: what it touched cannot be trusted.
        case outcomeUnknown
        /// The host has nothing more of what was asked for.
        case exhausted
        /// This back end has no such leaf or facility.
        case unsupported
    }

    public let reason: Reason
    /// A sentence for whoever reads the log.
    public let explanation: String
    /// What exactly it was, where the back end can tell.
    public let fault: PortFault?
    /// The kernel's error number, where there was one.
    public let errorNumber: Int32?

    public init(_ reason: Reason, _ explanation: String, fault: PortFault? = nil, errorNumber: Int32? = nil) {
        self.reason = reason
        self.explanation = explanation
        self.fault = fault
        self.errorNumber = errorNumber
    }
}

/// What the host owes the module besides calls: pages, KeyIDs, cache flushes, host memory, topology.
public protocol HostPort: Sendable {
    /// Processors that can execute SEAMCALLs, with the package of each; ascending by number.
    var processors: [ProcessorInfo] { get }
    /// What the module says of itself; read once at start.
    var module: ModuleInformation { get }
    /// How many pages and KeyIDs there are to hand out in all, and whether others share them.
    var capacity: HostCapacity { get }

    /// A free 4 KiB page that the module may be given. Its contents are of no consequence.
    func allocatePage() throws(PortError) -> PageAddress<HostOwned>
    /// Why pages of 2 MiB cannot be had here; nil where they can.
    var largePagesRefusal: String? { get }
    /// 512 free pages in a row, the first at a multiple of 2 MiB. Each is flushed, cleared and freed by itself.
    ///
    /// - Throws: `unsupported` where ``largePagesRefusal`` has a reason; `exhausted` also if what is free is scattered.
    func allocateLargePage() throws(PortError) -> PageAddress<HostOwned>
    /// How many of those are there to be had.
    var largePages: HostLargePages { get }
    /// Writes back and invalidates the page's cache lines under KeyID 0. Called by the one helper that
    /// holds the reason, `TDXModule.flushed`.
    func flush(_ page: PageAddress<HostOwned>)
    /// Makes a page that came back from the module fit for ordinary use, where this machine needs that.
    func clear(_ page: PageAddress<HostOwned>)
    func free(_ page: PageAddress<HostOwned>)

    /// A private KeyID nobody uses.
    func allocateKeyID() throws(PortError) -> KeyID
    func freeKeyID(_ keyID: KeyID)

    /// Host memory the module reads parameters from; a type of its own, since it is never donated.
    func allocateMemory(bytes: Int) throws(PortError) -> HostMemory
    func write(_ bytes: [UInt8], to memory: HostMemory, at offset: Int)
    func read(_ memory: HostMemory, at offset: Int, count: Int) -> [UInt8]
    func freeMemory(_ memory: HostMemory)
}

extension HostPort {
    public var largePagesRefusal: String? { "this back end hands out pages one by one, not 2 MiB in a row" }

    public var largePages: HostLargePages { HostLargePages(free: 0, total: 0) }

    public func allocateLargePage() throws(PortError) -> PageAddress<HostOwned> {
        throw PortError(.unsupported, largePagesRefusal ?? "no pages of 2 MiB")
    }
}

public struct ProcessorInfo: Hashable, Sendable {
    public let processor: Processor
    public let package: Package

    public init(processor: Processor, package: Package) {
        self.processor = processor
        self.package = package
    }
}

/// Shared host memory: page-aligned, at least as long as asked, under KeyID 0.
public struct HostMemory: Hashable, Sendable {
    /// Host physical address of the first byte.
    public let address: UInt64
    public let sizeBytes: Int

    public init(address: UInt64, sizeBytes: Int) {
        self.address = address
        self.sizeBytes = sizeBytes
    }
}

/// Runs of 512 pages from a multiple of 2 MiB on.
public struct HostLargePages: Hashable, Sendable {
    /// With none of their pages handed out, at this moment.
    public let free: Int
    public let total: Int

    public init(free: Int, total: Int) {
        self.free = free
        self.total = total
    }
}

public struct HostCapacity: Hashable, Sendable {
    public enum Source: String, Sendable {
        /// We hand out all there is: what is not held is free.
        case ledger
        /// Shared with KVM: what we do not hold may be somebody's.
        case kernelAllocator
    }

    /// Private KeyIDs a TD may get; the module's own is not among them.
    public let keyIDs: ClosedRange<KeyID>?
    public let pages: Int
    public let source: Source

    public init(keyIDs: ClosedRange<KeyID>?, pages: Int, source: Source) {
        self.keyIDs = keyIDs
        self.pages = pages
        self.source = source
    }
}

/// What a host must know of the module before it builds a TD; the fields of TDH.SYS.RD it comes from.
public struct ModuleInformation: Hashable, Sendable {
    /// How the back end is called in the API and in the log: `fake`, `shim`.
    public var backend: String
    /// Major, minor and update version.
    public var majorVersion: UInt16
    public var minorVersion: UInt16
    public var updateVersion: UInt16
    public var buildDate: UInt32
    public var buildNumber: UInt16
    /// TDX_FEATURES0.
    public var features0: UInt64
    /// The module's own KeyID, which the TDR lives under.
    public var globalKeyID: KeyID
    /// Lowest and highest private KeyID, the global one included.
    public var privateKeyIDs: ClosedRange<KeyID>
    /// The bit at which a KeyID starts in a physical address.
    public var keyIDShift: UInt8
    /// TDCS_BASE_SIZE and TDCS_SIZE_PER_L2_VM in 4 KiB pages.
    public var tdcsPages: Int
    public var tdcsPagesPerL2VM: Int
    /// TDVPS_BASE_SIZE and TDVPS_SIZE_PER_L2_VM in 4 KiB pages; the TDVPR counts.
    public var tdvpsPages: Int
    public var tdvpsPagesPerL2VM: Int
    /// 1 = the bit may be set, and 1 = the bit must be set.
    public var attributesFixed0: UInt64
    public var attributesFixed1: UInt64
    public var xfamFixed0: UInt64
    public var xfamFixed1: UInt64
    public var configFlagsFixed0: UInt64
    public var configFlagsFixed1: UInt64
    /// Configurable CPUID leaves in the module's order.
    public var cpuidConfig: [CPUIDConfigEntry]
    /// Host TSC in kHz; the default of a TD's.
    public var tscFrequencyKHz: UInt64
    /// Leaf numbers this back end can execute.
    public var leaves: Set<UInt16>
    /// Whether VP.INIT takes version 1, the form with an x2APIC id.
    public var hasVPInitX2APICID: Bool

    public init(
        backend: String, majorVersion: UInt16, minorVersion: UInt16, updateVersion: UInt16, buildDate: UInt32,
        buildNumber: UInt16, features0: UInt64, globalKeyID: KeyID, privateKeyIDs: ClosedRange<KeyID>,
        keyIDShift: UInt8, tdcsPages: Int, tdcsPagesPerL2VM: Int, tdvpsPages: Int, tdvpsPagesPerL2VM: Int,
        attributesFixed0: UInt64, attributesFixed1: UInt64, xfamFixed0: UInt64, xfamFixed1: UInt64,
        configFlagsFixed0: UInt64, configFlagsFixed1: UInt64, cpuidConfig: [CPUIDConfigEntry],
        tscFrequencyKHz: UInt64, leaves: Set<UInt16>, hasVPInitX2APICID: Bool
    ) {
        self.backend = backend
        self.majorVersion = majorVersion
        self.minorVersion = minorVersion
        self.updateVersion = updateVersion
        self.buildDate = buildDate
        self.buildNumber = buildNumber
        self.features0 = features0
        self.globalKeyID = globalKeyID
        self.privateKeyIDs = privateKeyIDs
        self.keyIDShift = keyIDShift
        self.tdcsPages = tdcsPages
        self.tdcsPagesPerL2VM = tdcsPagesPerL2VM
        self.tdvpsPages = tdvpsPages
        self.tdvpsPagesPerL2VM = tdvpsPagesPerL2VM
        self.attributesFixed0 = attributesFixed0
        self.attributesFixed1 = attributesFixed1
        self.xfamFixed0 = xfamFixed0
        self.xfamFixed1 = xfamFixed1
        self.configFlagsFixed0 = configFlagsFixed0
        self.configFlagsFixed1 = configFlagsFixed1
        self.cpuidConfig = cpuidConfig
        self.tscFrequencyKHz = tscFrequencyKHz
        self.leaves = leaves
        self.hasVPInitX2APICID = hasVPInitX2APICID
    }
}

/// A CPUID leaf a TD may be configured with.
public struct CPUIDConfigEntry: Hashable, Sendable {
    public let leaf: UInt32
    /// 0xffffffff where the leaf has none.
    public let subleaf: UInt32
    /// Bits that may be set directly, as SYS.RD reports them.
    public let direct: CPUIDValues

    public init(leaf: UInt32, subleaf: UInt32, direct: CPUIDValues) {
        self.leaf = leaf
        self.subleaf = subleaf
        self.direct = direct
    }

    public static let noSubleaf: UInt32 = 0xffff_ffff
}

/// The four registers CPUID answers in.
public struct CPUIDValues: Hashable, Sendable {
    public var eax: UInt32
    public var ebx: UInt32
    public var ecx: UInt32
    public var edx: UInt32

    public init(eax: UInt32 = 0, ebx: UInt32 = 0, ecx: UInt32 = 0, edx: UInt32 = 0) {
        self.eax = eax
        self.ebx = ebx
        self.ecx = ecx
        self.edx = edx
    }
}
