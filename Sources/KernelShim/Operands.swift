internal import CTDXShim
public import TDXCalls

/// What a register of a leaf holds, on the way in.
public enum OperandClass: Sendable {
    /// A number as it is: a guest's address, a field, data.
    case value
    /// The address of a page.
    case page
    /// The same with a KeyID in its top bits; the shim knows which KeyID is due.
    case taggedPage
    case keyID
    /// The address of host memory, or of something in it.
    case memory
}

/// What a register holds that came back.
public enum OutputClass: Sendable {
    case value
    /// The address of a page of this session's, or 0.
    case page
    /// A secure EPT entry without its ``addressBits``.
    case entry

    public static let addressBits: UInt64 = 0x000F_FFFF_FFFF_F000

    /// Nil for what did not come back.
    init?(_ kind: UInt32) {
        switch kind {
        case TDX_SHIM_OUTPUT_VALUE.rawValue: self = .value
        case TDX_SHIM_OUTPUT_OBJECT.rawValue: self = .page
        case TDX_SHIM_OUTPUT_ENTRY.rawValue: self = .entry
        default: return nil
        }
    }
}

extension KernelShim {
    /// What the registers of a leaf hold on the way in; nil if the shim has no form for it.
    public static func operands(of leaf: Leaf) -> [Register: OperandClass]? { Operands.byLeaf[leaf.number] }
}

/// The leaves that the shim has a form for, and what their registers hold. Others are refused before they get there.
enum Operands {
    static let registers: [Register] = [.rcx, .rdx, .r8, .r9, .r10, .r11]

    static let byLeaf: [UInt16: [Register: OperandClass]] = [
        Leaf.mngAddCX.number: [.rcx: .page, .rdx: .page],
        Leaf.memPageAdd.number: [.rcx: .value, .rdx: .page, .r8: .page, .r9: .memory],
        Leaf.memSEPTAdd.number: [.rcx: .value, .rdx: .page, .r8: .page],
        Leaf.vpAddCX.number: [.rcx: .page, .rdx: .page],
        Leaf.memPageAug.number: [.rcx: .value, .rdx: .page, .r8: .page],
        Leaf.memRangeBlock.number: [.rcx: .value, .rdx: .page],
        Leaf.mngKeyConfig.number: [.rcx: .page],
        Leaf.mngCreate.number: [.rcx: .page, .rdx: .keyID],
        Leaf.vpCreate.number: [.rcx: .page, .rdx: .page],
        Leaf.mngRD.number: [.rcx: .page, .rdx: .value],
        Leaf.mngWR.number: [.rcx: .page, .rdx: .value, .r8: .value, .r9: .value],
        Leaf.mrExtend.number: [.rcx: .value, .rdx: .page],
        Leaf.mrFinalize.number: [.rcx: .page],
        Leaf.vpFlush.number: [.rcx: .page],
        Leaf.mngVPFlushDone.number: [.rcx: .page],
        Leaf.mngKeyFreeID.number: [.rcx: .page],
        Leaf.mngInit.number: [.rcx: .page, .rdx: .memory],
        Leaf.vpInit.number: [.rcx: .page, .rdx: .value, .r8: .value],
        Leaf.phymemPageRDMD.number: [.rcx: .page],
        Leaf.vpRD.number: [.rcx: .page, .rdx: .value],
        Leaf.phymemPageReclaim.number: [.rcx: .page],
        Leaf.memPageRemove.number: [.rcx: .value, .rdx: .page],
        Leaf.memTrack.number: [.rcx: .page],
        Leaf.memRangeUnblock.number: [.rcx: .value, .rdx: .page],
        Leaf.phymemCacheWB.number: [.rcx: .value],
        Leaf.phymemPageWBINVD.number: [.rcx: .taggedPage],
        Leaf.vpWR.number: [.rcx: .page, .rdx: .value, .r8: .value, .r9: .value],
    ]

    /// A register that no leaf of these uses must be zero: there is no place for it on the way.
    static func strayRegister(_ registers: Registers, _ operands: [Register: OperandClass]) -> Register? {
        Register.allCases.first { operands[$0] == nil && registers[$0] != 0 }
    }
}
