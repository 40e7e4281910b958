internal import TDXCalls

extension Call {
    /// TDH.PHYMEM.PAGE.WBINVD, leaf 41: RCX a free page with any KeyID on top. Writes back its cache lines.
    mutating func phymemPageWBINVD() throws(Refusal) -> Completion {
        _ = try page(registers.rcx & ~module.keyIDMask, .rcx, .nda, .shared)
        return .success
    }
}
