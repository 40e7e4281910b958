public import TDXCalls
internal import Threading

extension FakeTDX: ModuleTables {
    /// Each entry is read under its lock, held shared for that long: a call that wants it just then is told that it is
    /// busy, as it would be by TDH.PHYMEM.PAGE.RDMD.
    public func forEachModulePage(_ body: (PageAddress<AnyPage>, ModulePage) -> Void) {
        for number in 0..<state.tdmrs.count {
            let tdmr = state.tdmrs[number]
            for index in tdmr.touchedIndices4K { show(tdmr.entry4K(index), tdmr.base + UInt64(index) << 12, body) }
            for index in 0..<tdmr.count2M { show(tdmr.entry2M(index), tdmr.base + UInt64(index) << 21, body) }
            for index in 0..<tdmr.count1G { show(tdmr.entry1G(index), tdmr.base + UInt64(index) << 30, body) }
        }
    }

    private func show(_ entry: PageEntry, _ address: UInt64, _ body: (PageAddress<AnyPage>, ModulePage) -> Void) {
        if let page = read(entry, at: address) { body(PageAddress(rawValue: address), page) }
    }

    /// Nil if the page is the host's.
    private func read(_ entry: PageEntry, at address: UInt64) -> ModulePage? {
        guard entry.lock.take(.shared) else { return .busy }
        defer { entry.lock.releaseShared() }
        let type = entry.type
        if type == .nda || type == .rsvd { return nil }
        // The metadata of a TDR names no owner.
        return .held(type, owner: PageAddress(rawValue: type == .tdr ? address : entry.owner))
    }

    public func modulePage(_ address: PageAddress<AnyPage>) -> ModulePage? {
        let place = address.rawValue
        guard let tdmr = state.tdmr(containing: place) else { return nil }
        for entry in [tdmr.entry1G(at: place), tdmr.entry2M(at: place)] {
            // An upper entry that is free leaves it to those below.
            if let page = read(entry, at: place), page != .busy { return page }
        }
        return read(tdmr.entry4K(at: place), at: place)
    }

    public func keyEntry(_ keyID: KeyID) -> KeyTableEntry? {
        guard Int(keyID.rawValue) < 1 << Int(platform.keyIDBits) else { return nil }
        let pending = state.keys.pendingPackages(keyID.rawValue)
        let packages = (0..<platform.packageCount).filter { pending >> UInt64($0) & 1 == 1 }
        let entry: KeyTableEntry.State =
            switch state.keys.state(keyID.rawValue) {
            case .free: .free
            case .assigned: .assigned
            case .flushed: .flushed
            case .reserved: .reserved
            }
        return KeyTableEntry(entry, pendingPackages: Set(packages.map { Package(rawValue: UInt32($0)) }))
    }

    public var freePages: Int { host.allocations.withLock { $0.pages.freeCount } }
    public var freeKeyIDs: Int { host.allocations.withLock { $0.keyIDs.count(where: \.self) } }
}
