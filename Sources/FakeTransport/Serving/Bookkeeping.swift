internal import TDXCalls

/// What the module was given by the calls that it accepted, as far as it does not say so itself when it is asked.
struct Bookkeeping: Sendable {
    /// KeyIDs that TDs have, by their TDRs.
    private(set) var keyIDs: [UInt64: UInt16] = [:]
    /// Of control pages that vCPUs have: the TDVPR.
    private(set) var tdvprs: [UInt64: UInt64] = [:]
    /// Where vCPUs are associated, by their TDVPRs.
    private(set) var processors: [UInt64: UInt32] = [:]
    /// TDRs, until they are written back.
    private(set) var tdrs: Set<UInt64> = []

    /// Takes in what an accepted call has changed.
    mutating func note(_ leaf: Leaf, _ input: Registers, on processor: Processor, addressBits: UInt8) {
        let page = input.rcx
        switch leaf.number {
        case Leaf.mngCreate.number:
            keyIDs[page] = UInt16(truncatingIfNeeded: input.rdx)
            tdrs.insert(page)
        case Leaf.mngKeyFreeID.number: keyIDs[page] = nil
        case Leaf.vpAddCX.number: tdvprs[page] = input.rdx
        case Leaf.vpInit.number, Leaf.vpRD.number, Leaf.vpWR.number, Leaf.vpEnter.number:
            // The operand of VP.ENTER has flags in its lowest bits.
            let tdvpr = page & ~UInt64(pageSizeBytes - 1)
            if processors[tdvpr] == nil { processors[tdvpr] = processor.rawValue }
        case Leaf.vpFlush.number: processors[page] = nil
        case Leaf.phymemPageReclaim.number:
            tdvprs[page] = nil
            processors[page] = nil
        case Leaf.phymemPageWBINVD.number: tdrs.remove(page & (1 << UInt64(addressBits) - 1))
        default: break
        }
    }

    /// The TD that has a KeyID.
    func tdr(of keyID: UInt16) -> UInt64? { keyIDs.first { $0.value == keyID }?.key }
}
