internal import Synchronization
internal import TDXCalls

extension Call {
    /// TDH.PHYMEM.PAGE.RECLAIM, leaf 28: RCX a page. RCX, RDX and R8 answer its type, owner and size as soon as it
    /// has a type, also when the leaf then refuses.
    mutating func phymemPageReclaim() throws(Refusal) -> Completion {
        let address = registers.rcx
        clearMetadataOutputs()
        try checkPrivateAddress(address, .rcx)
        let located = try lockMetadata(address, .rcx, .exclusive)
        let entry = located.entry
        let type = entry.type
        guard type != .nda, type != .rsvd else { throw Refusal(.pageMetadataIncorrect, .rcx) }
        registers.rcx = type.rawValue
        registers.rdx = entry.owner
        registers.r8 = UInt64(located.size)
        let sizeMask = UInt64(pageSizeBytes << (9 * Int(located.size))) - 1
        guard address & sizeMask == 0 else { throw Refusal(.operandInvalid, .rcx) }
        if type == .tdr {
            guard case .td(let td) = entry.contents else { preconditionFailure("a TDR without its TD") }
            guard td.lifecycle == .teardown else { throw Refusal(.lifecycleStateIncorrect) }
            guard td.childCount.load(ordering: .relaxed) == 0 else { throw Refusal(.tdAssociatedPagesExist) }
        } else {
            let td = try implicitTD(of: entry)
            guard td.lifecycle == .teardown else { throw Refusal(.lifecycleStateIncorrect) }

            // Commit.
            changeChildCount(of: td, by: -pages4K(atSize: Int(located.size)))
        }
        takeBack(located, at: address)
        return .success
    }

    /// RECLAIM and RDMD answer in these six, and zero them first.
    mutating func clearMetadataOutputs() {
        registers.rcx = 0
        registers.rdx = 0
        registers.r8 = 0
        registers.r9 = 0
        registers.r10 = 0
        registers.r11 = 0
    }
}
