internal import TDXCalls

extension Call {
    /// TDH.MEM.RD, leaf 12: RCX guest address of 8 bytes, RDX the TDR of a debug TD. R8 answers them.
    mutating func memRD() throws(Refusal) -> Completion {
        registers.r8 = 0
        let address = try debugAddress(allow: .anyInitialized)
        registers.r8 = module.memory.word(at: address)
        return .success
    }

    /// What MEM.RD and MEM.WR have in common.
    ///
    /// - Returns: the physical address.
    mutating func debugAddress(allow allowed: OpStates) throws(Refusal) -> UInt64 {
        let (gpa, tdr) = (registers.rcx, registers.rdx)
        registers.rcx = 0
        registers.rdx = 0
        let td = try td(tdr, .rdx, .shared)
        try check(td, allow: allowed)
        guard td.isDebug else { throw Refusal(.tdNonDebug) }
        guard gpa & 7 == 0 else { throw Refusal(.operandInvalid, .rcx) }
        try checkPrivateGPA(gpa, of: td)
        try lock(td.treeLock, .shared, .septTree)
        return try mappedAddress(of: gpa, td)
    }
}
