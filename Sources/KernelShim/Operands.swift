internal import TDXCalls

/// What a register of a leaf holds, on the way in.
enum OperandClass: Sendable {
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
