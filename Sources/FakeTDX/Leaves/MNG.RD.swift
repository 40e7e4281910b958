internal import TDXCalls

extension Call {
    /// TDH.MNG.RD, leaf 11, versions 0 and 1: RCX the TDR, RDX a field id. R8 the value, and in version 1 RDX the
    /// next id.
    mutating func mngRD() throws(Refusal) -> Completion {
        let id = FieldID(rawValue: registers.rdx)
        registers.r8 = 0
        if version > 0 { registers.rdx = FieldID.none.rawValue }
        try checkVersion()
        let td = try td(registers.rcx, .rcx, .shared)
        try check(td, allow: .anyInitialized)
        return try readField(in: TDFields(td: td, module: module), id)
    }
}
