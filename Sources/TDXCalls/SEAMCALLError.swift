/// A leaf that did not do what was asked.
///
/// It carries every output register, because some leaves answer through them when they refuse
/// (MNG.INIT names the CPUID leaf, PAGE.RECLAIM the page's owner, the memory leaves the SEPT entry);
/// the accessors below give those registers their names.
public struct SEAMCALLError: Error, Hashable, Sendable {
    public enum Cause: Hashable, Sendable {
        /// The answer has bit 63 set, or bit 62 alone: a TDH.VP.ENTER after which the vCPU or the TD is lost.
        case refused(Completion)
        /// The port failed: no answer of the module.
        case port(PortError)
    }

    public let leaf: Leaf
    public let processor: Processor
    public let cause: Cause
    /// The register file after the call.
    public let registers: Registers

    public init(leaf: Leaf, processor: Processor, cause: Cause, registers: Registers) {
        self.leaf = leaf
        self.processor = processor
        self.cause = cause
        self.registers = registers
    }

    /// The module's answer; nil if there was none.
    public var completion: Completion? {
        if case .refused(let completion) = cause { completion } else { nil }
    }

    /// Whether the leaf itself refused. If the port failed, the instruction failed or the module's dispatcher
    /// turned the call away, the output registers hold what went in and must not be read as answers.
    var leafAnswered: Bool {
        switch completion {
        case nil, .some(.sysShutdown), .some(.sysNotReady): false
        case .some(let completion):
            !completion.isMadeBySoftware && completion != Completion(.operandInvalid, operand: .rax)
        }
    }

    /// PAGE.RECLAIM and PAGE.RDMD: what the PAMT holds on the page. Zeroes when the leaf did not get that far,
    /// nil when it was not reached.
    public var pageMetadata: PageMetadata? {
        guard leafAnswered else { return nil }
        return switch leaf.number {
        case Leaf.phymemPageReclaim.number, Leaf.phymemPageRDMD.number: PageMetadata(registers)
        default: nil
        }
    }

    /// MNG.INIT with `OPERAND_INVALID|CPUID_CONFIG`: the refused setting; nil where RCX says nothing.
    public var refusedCPUID: RefusedCPUID? {
        guard leaf.number == Leaf.mngInit.number, completion == Completion(.operandInvalid, operand: .cpuidConfig),
            registers.rcx != 0
        else { return nil }
        return RefusedCPUID(registers.rcx)
    }

    /// The memory leaves: the SEPT entry at which the walk or the state check ended. Nil when the leaf did not
    /// get that far: it clears both registers first, and no entry reads as zero, since a free one has bit 63 set.
    public var septEntry: SEPTEntry? {
        guard leafAnswered, Self.leavesWithSEPTEntry.contains(leaf.number), registers.rcx != 0 else { return nil }
        return SEPTEntry(registers)
    }

    private static let leavesWithSEPTEntry: Set<UInt16> = Set(
        [
            Leaf.memPageAdd, .memPageAug, .memPageDemote, .memPagePromote, .memPageRelocate, .memPageRemove,
            .memRangeBlock, .memRangeUnblock, .memRD, .memWR, .memSEPTAdd, .memSEPTRD, .memSEPTRemove, .mrExtend,
        ].map(\.number))
}

/// RCX of a refused MNG.INIT: leaf in bits 31:0, sub-leaf in bits 63:32 (all ones where the leaf has none).
public struct RefusedCPUID: Hashable, Sendable {
    public let rawValue: UInt64

    public init(_ rawValue: UInt64) { self.rawValue = rawValue }

    public var leaf: UInt32 { UInt32(truncatingIfNeeded: rawValue) }
    public var subleaf: UInt32? {
        let value = UInt32(truncatingIfNeeded: rawValue >> 32)
        return value == CPUIDConfigEntry.noSubleaf ? nil : value
    }
}

/// Extended error of the memory leaves: RCX is the entry, RDX its level and state.
public struct SEPTEntry: Hashable, Sendable {
    public let entry: UInt64
    /// 0 = 4K, 1 = 2M, 2 = 1G, 3 = 512G, 4 = 256T.
    public let level: UInt8
    /// Entry state code; unknown values survive.
    public let state: UInt8
    /// 0 for L1, 1 to 3 for the L2 VMs.
    public let vmIndex: UInt8

    init(_ registers: Registers) {
        entry = registers.rcx
        level = UInt8(registers.rdx & 7)
        state = UInt8(truncatingIfNeeded: registers.rdx >> 8)
        vmIndex = UInt8(registers.rdx >> 16 & 3)
    }
}
