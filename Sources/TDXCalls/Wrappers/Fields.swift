// RFC group 5: access to the metadata fields of TDs and vCPUs, and of the module itself.

extension TDXModule {
    /// Reads one element of a TD-scope field.
    ///
    /// - Throws: `opStateIncorrect` before MNG.INIT, `tdKeysNotConfigured` before the keys and after VPFLUSHDONE,
    ///   `metadataFieldIDIncorrect`, `metadataFieldNotReadable`, `operandBusy` (RCX, OP_STATE). Nothing changed then.
    /// - Source: TDX Module 1.5 ABI, TDH.MNG.RD, leaf 11.
    public func tdh_mng_rd(_ td: TD, _ field: FieldID, on processor: Processor) throws(SEAMCALLError) -> UInt64 {
        var registers = Registers(rcx: td.tdr.rawValue, rdx: field.rawValue)
        try issue(.mngRD, &registers, on: processor)
        return registers.r8
    }

    /// Writes the bits of `mask` of a TD-scope field.
    ///
    /// - Returns: the old value, under the readable mask.
    /// - Throws: as ``tdh_mng_rd(_:_:on:)``, and `metadataFieldNotWritable`, `metadataFieldValueNotValid`, `operandBusy`
    ///   (METADATA_FIELD: changed meanwhile).
    /// - Source: TDX Module 1.5 ABI, TDH.MNG.WR, leaf 13. Linux has no wrapper for it.
    public func tdh_mng_wr(
        _ td: TD, _ field: FieldID, _ data: UInt64, mask: UInt64, on processor: Processor
    ) throws(SEAMCALLError) -> UInt64 {
        var registers = Registers(rcx: td.tdr.rawValue, rdx: field.rawValue, r8: data, r9: mask)
        try issue(.mngWR, &registers, on: processor)
        return registers.r8
    }

    /// Reads one element of a vCPU-scope field. **Associates the vCPU with `processor`** if it was with none,
    /// also when the field is then refused.
    ///
    /// - Throws: `vcpuAssociated` (with another processor), `vcpuStateIncorrect`, `tdcxNumIncorrect`, the field refusals
    ///   of ``tdh_mng_rd(_:_:on:)``, `operandBusy` (RCX: TDVPR, TDR, OP_STATE).
    /// - Source: TDX Module 1.5 ABI, TDH.VP.RD, leaf 26.
    public func tdh_vp_rd(_ vp: VP, _ field: FieldID, on processor: Processor) throws(SEAMCALLError) -> UInt64 {
        var registers = Registers(rcx: vp.tdvpr.rawValue, rdx: field.rawValue)
        try issue(.vpRD, &registers, on: processor)
        return registers.r8
    }

    /// Writes the bits of `mask` of a vCPU-scope field; associates as ``tdh_vp_rd(_:_:on:)`` does.
    ///
    /// - Returns: the old value, under the readable mask.
    /// - Throws: as the read, and `metadataFieldNotWritable`, `metadataFieldValueNotValid`.
    /// - Source: TDX Module 1.5 ABI, TDH.VP.WR, leaf 43.
    public func tdh_vp_wr(
        _ vp: VP, _ field: FieldID, _ data: UInt64, mask: UInt64, on processor: Processor
    ) throws(SEAMCALLError) -> UInt64 {
        var registers = Registers(rcx: vp.tdvpr.rawValue, rdx: field.rawValue, r8: data, r9: mask)
        try issue(.vpWR, &registers, on: processor)
        return registers.r8
    }

    /// Reads one element of a field of the module itself.
    ///
    /// - Throws: `sysLPInitNotDone`, `metadataFieldIDIncorrect`, `metadataFieldNotReadable`, `metadataFieldSkip`.
    /// - Source: TDX Module 1.5 ABI, TDH.SYS.RD, leaf 34.
    public func tdh_sys_rd(_ field: FieldID, on processor: Processor) throws(SEAMCALLError) -> UInt64 {
        var registers = Registers(rdx: field.rawValue)
        try issue(.sysRD, &registers, on: processor)
        return registers.r8
    }
}
