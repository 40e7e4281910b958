internal import Synchronization
internal import TDXCalls

/// Operation states a leaf allows, a bit each.
struct OpStates: OptionSet {
    let rawValue: UInt16

    static let initialized = OpStates(rawValue: 1 << 1)
    static let runnable = OpStates(rawValue: 1 << 2)
    static let liveExport = OpStates(rawValue: 1 << 3)
    static let pausedExport = OpStates(rawValue: 1 << 4)
    static let postExport = OpStates(rawValue: 1 << 5)
    static let memoryImport = OpStates(rawValue: 1 << 6)
    static let stateImport = OpStates(rawValue: 1 << 7)
    static let postImport = OpStates(rawValue: 1 << 8)
    static let liveImport = OpStates(rawValue: 1 << 9)
    static let failedImport = OpStates(rawValue: 1 << 10)

    static let uninitialized = OpStates(rawValue: 1)
    /// Everything but uninitialised.
    static let anyInitialized = OpStates(rawValue: 0x7fe)
    /// Where the memory of a TD that can run, or be exported, is rearranged.
    static let memoryManagement: OpStates = [
        .initialized, .runnable, .liveExport, .pausedExport, .postExport, .postImport, .liveImport,
    ]

    func allow(_ state: OpState) -> Bool { rawValue >> UInt16(state.rawValue) & 1 == 1 }
}

extension Call {
    /// The state check that every leaf makes that touches a TDCS, unless it says otherwise.
    ///
    /// - Parameter opStateLock: how the operation state is locked; nil where an exclusive TDR does instead.
    /// - Throws: TD_FATAL, TD_KEYS_NOT_CONFIGURED, TDCS_NOT_ALLOCATED, OPERAND_BUSY with OP_STATE,
    ///   OP_STATE_INCORRECT.
    mutating func check(
        _ td: TDState, allow allowed: OpStates, opStateLock mode: LockMode? = .shared
    ) throws(Refusal) {
        guard !td.isFatal else { throw Refusal(.tdFatal) }
        try checkKeys(of: td)
        guard td.tdcsCount >= TDState.tdcsPagesBase else { throw Refusal(.tdcsNotAllocated) }
        if let mode { try lock(td.opStateLock, mode, .opState) }
        guard allowed.allow(td.opState) else { throw Refusal(.opStateIncorrect) }
    }

    /// - Throws: TD_KEYS_NOT_CONFIGURED before a TD's keys are there, and when they are gone.
    func checkKeys(of td: TDState) throws(Refusal) {
        guard td.lifecycle == .keysConfigured else {
            module.refusedForKeys(td, by: leaf, on: processor)
            throw Refusal(.tdKeysNotConfigured)
        }
    }

    /// Whether a vCPU has the pages its TD's L2 VMs ask for.
    ///
    /// - Throws: TDCX_NUM_INCORRECT.
    func checkPages(of vcpu: VCPUState, in td: TDState) throws(Refusal) {
        let wanted = VCPUState.pagesBase + VCPUState.pagesPerL2VM * td.configuration.numL2VMs
        guard vcpu.pages.count >= wanted else { throw Refusal(.tdcxNumIncorrect) }
    }

    /// Ties a vCPU to this processor if it is with none.
    ///
    /// - Throws: VCPU_ASSOCIATED if it is with another.
    func associate(_ vcpu: VCPUState, of td: TDState) throws(Refusal) {
        let here = UInt32(processor.index)
        let outcome = vcpu.association.compareExchange(
            expected: VCPUState.notAssociated, desired: here, ordering: .relaxed)
        if outcome.exchanged {
            td.associatedVCPUs.wrappingAdd(1, ordering: .relaxed)
            td.noteAssociation(module.deed(leaf, on: processor))
        } else if outcome.original != here {
            throw Refusal(.vcpuAssociated)
        }
    }

    /// Gives a free small page to a TD.
    func give(
        _ entry: PageEntry, at address: UInt64, to td: TDState, as type: PageType, contents: PageContents = .none
    ) {
        module.given(entry, at: address, underKeyID: td.keyID, by: leaf, on: processor)
        entry.assign(type, owner: td.address, contents: contents)
        changeChildCount(of: td, by: 1)
    }

    /// Takes a page of any size from its TD; the count of children is the caller's.
    func takeBack(_ page: LocatedPage, at address: UInt64) {
        if page.size == 0 {
            module.returned(page.entry, by: leaf, on: processor)
        } else {
            let first = page.tdmr.index4K(address)
            for index in first..<first + pages4K(atSize: Int(page.size)) {
                module.returned(page.tdmr.entry4K(index), by: leaf, on: processor)
            }
        }
        page.entry.free()
    }

    /// Adds 4 KiB pages to a TD's count of children, or takes them off.
    func changeChildCount(of td: TDState, by pages: Int) {
        td.childCount.wrappingAdd(UInt64(bitPattern: Int64(pages)), ordering: .relaxed)
    }
}

/// 4 KiB pages in a page of a size level: 1, 512 or 262144.
func pages4K(atSize size: Int) -> Int { 1 << (9 * size) }
