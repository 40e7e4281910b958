internal import TDXCalls

extension Call {
    /// TDH.PHYMEM.PAGE.RDMD, leaf 24: RCX a page. RCX, RDX, R8 and R9 answer its type, owner, size and, for guest
    /// and secure EPT pages, the epoch it was blocked in.
    mutating func phymemPageRDMD() throws(Refusal) -> Completion {
        let address = registers.rcx
        clearMetadataOutputs()
        try checkPrivateAddress(address, .rcx)
        let located = try lockMetadata(address, .rcx, .shared)
        let type = located.entry.type
        registers.rcx = type.rawValue
        registers.rdx = located.entry.owner
        registers.r8 = UInt64(located.size)
        if type == .reg || type == .ept { registers.r9 = located.entry.blockEpoch }
        return .success
    }
}
