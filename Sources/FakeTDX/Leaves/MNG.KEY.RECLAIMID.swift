internal import TDXCalls

extension Call {
    /// TDH.MNG.KEY.RECLAIMID, leaf 27: kept for compatibility; looks at nothing.
    mutating func mngKeyReclaimID() throws(Refusal) -> Completion { .success }
}
