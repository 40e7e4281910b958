internal import TDXCalls

extension Call {
    /// TDH.PHYMEM.PAGE.WBINVD, leaf 41: RCX a free page with any KeyID on top. Writes back its cache lines.
    mutating func phymemPageWBINVD() throws(Refusal) -> Completion {
        let address = registers.rcx & ~module.keyIDMask
        let entry = try page(address, .rcx, .nda, .shared)
        let keyID = UInt16((registers.rcx & module.keyIDMask) >> UInt64(module.platform.keyIDShift))
        module.writtenBack(entry, at: address, underKeyID: keyID, by: module.deed(leaf, on: processor))
        return .success
    }
}
