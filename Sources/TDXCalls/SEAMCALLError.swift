/// A leaf that did not do what was asked.
///
/// It carries every output register, because some leaves answer through them when they refuse
/// (MNG.INIT names the CPUID leaf, PAGE.RECLAIM the page's owner, the memory leaves the SEPT entry);
/// the accessors below give those registers their names.
public struct SEAMCALLError: Error, Hashable, Sendable {
    public enum Cause: Hashable, Sendable {
        /// The module answered with bit 63 set.
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

    /// PAGE.RECLAIM and PAGE.RDMD: what the PAMT holds on the page. Zeroes when the module did not get that far.
    public var pageMetadata: PageMetadata? {
        switch leaf.number {
        case Leaf.phymemPageReclaim.number, Leaf.phymemPageRDMD.number: PageMetadata(registers)
        default: nil
        }
    }

    /// MNG.INIT with `OPERAND_INVALID|CPUID_CONFIG`: the refused setting; nil where RCX says nothing.
    public var refusedCPUID: RefusedCPUID? {
        guard leaf.number == Leaf.mngInit.number, completion?.operand == .cpuidConfig, registers.rcx != 0 else {
            return nil
        }
        return RefusedCPUID(registers.rcx)
    }

    /// The memory leaves: the SEPT entry at which the walk or the state check ended.
    public var septEntry: SEPTEntry? {
        guard let info = leaf.info, info.outputs.contains(where: { $0.name == "extErr1" }) else { return nil }
        return SEPTEntry(registers)
    }
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
