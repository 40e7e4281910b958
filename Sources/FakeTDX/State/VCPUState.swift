internal import Synchronization
internal import Threading

/// A vCPU's state; the value is the module's code.
enum VCPUPhase: UInt8, Sendable {
    case uninitialized = 0, ready = 2, active = 4, disabled = 8
}

/// A vCPU: what the module keeps in its TDVPR and further pages. The TDVPR's metadata entry owns it.
///
/// Plain members are written with the TDVPR held exclusively; what changes under a shared hold is atomic.
final class VCPUState: @unchecked Sendable {
    /// The TDVPR, then the further pages in the order they were added.
    var pages: [UInt64]
    /// The module's number: order of VP.INIT.
    var index: UInt32 = 0
    private let phaseCode = Atomic<UInt8>(VCPUPhase.uninitialized.rawValue)
    /// Processor index, or ``notAssociated``.
    let association = Atomic<UInt32>(VCPUState.notAssociated)
    let epoch = Atomic<UInt64>(0)
    /// Fields with a word of their own; see ``FieldMap``.
    let fields: AtomicWords
    /// Mask of the registers a TDVMCALL exposed to the host, and that it may answer in; zero without one.
    private let exposedRegisters = Atomic<UInt64>(0)
    private static let isExposed: UInt64 = 1 << 63
    /// Fields of large arrays that were written, by their place in ``FieldMap``.
    let sparse = Locked<[Int: UInt64]>([:])

    static let notAssociated = UInt32.max
    static let pagesBase = 6
    static let pagesPerL2VM = 3
    static let pagesMax = 15

    init(address: UInt64) {
        pages = [address]
        pages.reserveCapacity(Self.pagesMax)
        fields = AtomicWords(count: FieldMap.vp.storedWords)
    }

    var phase: VCPUPhase {
        get { VCPUPhase(rawValue: phaseCode.load(ordering: .relaxed)) ?? .disabled }
        set { phaseCode.store(newValue.rawValue, ordering: .relaxed) }
    }

    func exposeRegisters(_ mask: UInt64) { exposedRegisters.store(mask | Self.isExposed, ordering: .relaxed) }

    /// The mask of a TDVMCALL that waits for its answer, which it gets now; nil if none does.
    func takeExposedRegisters() -> UInt64? {
        let mask = exposedRegisters.exchange(0, ordering: .relaxed)
        return mask == 0 ? nil : mask & ~Self.isExposed
    }
}
