internal import CTDXShim
internal import TDXCalls

/// Makes an inventory of what the shim lists, and does not believe what contradicts itself.
struct InventoryReading {
    private let entries: [tdx_shim_entry]
    private let byHandle: [UInt64: tdx_shim_entry]
    private let processors: Set<UInt32>

    init(_ entries: [tdx_shim_entry], _ processors: Set<UInt32>) {
        self.entries = entries
        self.processors = processors
        byHandle = Dictionary(entries.map { ($0.handle, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// Takes every entry into the tables.
    func inventory(_ table: inout Addresses) throws(PortError) -> HostInventory {
        for entry in entries {
            if entry.isKeyID {
                _ = try table.add(keyID: entry.handle, number: entry.number)
            } else if HeldPage.Kind(entry.kind) != nil {
                _ = try table.add(page: entry.handle, shown: entry.number)
            } else {
                throw .badAnswer("an object of kind \(entry.kind)")
            }
        }
        var inventory = HostInventory()
        for entry in entries {
            if let number = table.keyIDs[entry.handle] {
                let tdr = try parent(of: entry, isOneOf: [TDX_SHIM_PAGE_TDR, TDX_SHIM_PAGE_QUARANTINED], table)
                inventory.keyIDs.append(HeldKeyID(number, tdr: tdr, doubt: HoldingDoubt(entry)))
            } else {
                inventory.pages.append(try page(entry, table))
            }
        }
        return inventory
    }

    private func page(_ entry: tdx_shim_entry, _ table: Addresses) throws(PortError) -> HeldPage {
        guard let address = table.addresses[entry.handle], let kind = HeldPage.Kind(entry.kind) else {
            throw .badAnswer("an object of kind \(entry.kind)")
        }
        let parents: [tdx_shim_kind] =
            switch kind {
            case .tdr: []
            // Its TDVPR as long as that is there, then its TDR.
            case .tdcx: [TDX_SHIM_PAGE_TDVPR, TDX_SHIM_PAGE_TDR, TDX_SHIM_PAGE_QUARANTINED]
            case .doubtful: [TDX_SHIM_PAGE_TDR, TDX_SHIM_PAGE_TDVPR, TDX_SHIM_PAGE_QUARANTINED]
            case .tdcs, .tdvpr, .sept, .guest, .returned: [TDX_SHIM_PAGE_TDR, TDX_SHIM_PAGE_QUARANTINED]
            }
        var keyID: KeyID?
        if entry.keyid != 0 {
            keyID = table.keyIDs[entry.keyid]
            if keyID == nil { throw .badAnswer("a TD whose KeyID \(entry.keyid.hex) is not there") }
        }
        let processor = processors.contains(entry.processor) ? Processor(rawValue: entry.processor) : nil
        return HeldPage(
            PageAddress(rawValue: address), kind, parent: try parent(of: entry, isOneOf: parents, table), keyID: keyID,
            processor: kind == .tdvpr ? processor : nil, doubt: HoldingDoubt(entry),
            was: kind == .doubtful ? HeldPage.Kind(UInt32(entry.before)) : nil)
    }

    private func parent(
        of entry: tdx_shim_entry, isOneOf kinds: [tdx_shim_kind], _ table: Addresses
    ) throws(PortError) -> PageAddress<AnyPage>? {
        if entry.parent == 0 { return nil }
        // A page that waits for its write-back may have outlived its TD.
        guard let parent = byHandle[entry.parent], let address = table.addresses[entry.parent] else {
            if entry.kind == TDX_SHIM_PAGE_RETURNED.rawValue || entry.isDoubtful { return nil }
            throw .badAnswer("object \(entry.handle.hex) of a TD that is not there")
        }
        guard kinds.contains(where: { $0.rawValue == parent.kind }) else {
            throw .badAnswer("object \(entry.handle.hex) of kind \(entry.kind) below one of kind \(parent.kind)")
        }
        return PageAddress(rawValue: address)
    }
}

extension tdx_shim_entry {
    var isKeyID: Bool {
        [TDX_SHIM_KEYID_ASSIGNED, TDX_SHIM_KEYID_QUARANTINED].contains { $0.rawValue == kind }
    }

    var isDoubtful: Bool {
        kind == TDX_SHIM_PAGE_QUARANTINED.rawValue || kind == TDX_SHIM_KEYID_QUARANTINED.rawValue
    }
}

extension HeldPage.Kind {
    /// Nil for what is no page, or the host's.
    fileprivate init?(_ kind: UInt32) {
        switch kind {
        case TDX_SHIM_PAGE_TDR.rawValue: self = .tdr
        case TDX_SHIM_PAGE_TDCS.rawValue: self = .tdcs
        case TDX_SHIM_PAGE_TDVPR.rawValue: self = .tdvpr
        case TDX_SHIM_PAGE_TDCX.rawValue: self = .tdcx
        case TDX_SHIM_PAGE_SEPT.rawValue: self = .sept
        case TDX_SHIM_PAGE_GUEST.rawValue: self = .guest
        case TDX_SHIM_PAGE_RETURNED.rawValue: self = .returned
        case TDX_SHIM_PAGE_QUARANTINED.rawValue: self = .doubtful
        default: return nil
        }
    }
}

extension HoldingDoubt {
    /// Nil unless the shim has it in quarantine, or waiting for a write-back that did not work.
    fileprivate init?(_ entry: tdx_shim_entry) {
        let reason: String
        switch (entry.doubt, entry.kind) {
        case (_, TDX_SHIM_PAGE_RETURNED.rawValue): reason = "its caches could not be written back"
        case (_, _) where !entry.isDoubtful: return nil
        case (TDX_SHIM_DOUBT_TIMEOUT.rawValue, _): reason = "the call was not answered in time"
        case (TDX_SHIM_DOUBT_VMFAIL.rawValue, _): reason = "the call ended as VMfailInvalid"
        case (TDX_SHIM_DOUBT_EMULATOR.rawValue, _): reason = "the emulator died, and with it what it knew"
        case (TDX_SHIM_DOUBT_CONTRADICTION.rawValue, _):
            reason = "the module's answer contradicted what was known of the page"
        default: reason = "the shim gives doubt \(entry.doubt)"
        }
        let leaf: Leaf? =
            switch entry.leaf {
            case _ where !entry.isDoubtful: .phymemPageWBINVD
            case UInt16(TDX_SHIM_NO_LEAF): nil
            default: Leaf(entry.leaf)
            }
        self.init(
            reason: reason, leaf: leaf,
            completion: entry.status == 0 ? nil : Completion(rawValue: entry.status))
    }
}
