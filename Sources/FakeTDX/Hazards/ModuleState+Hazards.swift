internal import TDXCalls

// What the host owes, watched from where pages, KeyIDs and vCPUs change hands. Reports change nothing: the module does
// not know of them.

extension ModuleState {
    func deed(_ leaf: Leaf, on processor: LogicalProcessor) -> Deed {
        Deed(leaf: leaf.number, processor: processor.index, sequence: hazards.nextDeed())
    }

    func deed(_ deed: Deed.Host) -> Deed { Deed(deed, sequence: hazards.nextDeed()) }

    /// Whether a page's lines may still be dirty under the KeyID it was used with.
    func hasLines(_ custody: PageCustody) -> Bool {
        custody.keyID != 0 && custody.generation == keys.generation(custody.keyID)
    }

    func report(_ rule: HazardRule, page: UInt64? = nil, keyID: UInt16? = nil, earlier: Deed, later: Deed) {
        hazards.report(
            rule, page: page, keyID: keyID, earlier: described(earlier),
            later: described(later)
                ?? FakeHazardDeed(name: "", processor: nil, sequence: 0))
    }

    private func described(_ deed: Deed) -> FakeHazardDeed? {
        guard deed != .none else { return nil }
        if let host = deed.host { return FakeHazardDeed(name: host.name, processor: nil, sequence: deed.sequence) }
        return FakeHazardDeed(
            name: Leaf(deed.leaf).name, processor: platform.processors[deed.processor].processor,
            sequence: deed.sequence)
    }

    /// The module takes a page, which it uses under a KeyID.
    func given(_ entry: PageEntry, at page: UInt64, underKeyID keyID: UInt16, by leaf: Leaf, on lp: LogicalProcessor) {
        var custody = entry.custody
        let earlier = entry.lastDeed
        let later = deed(leaf, on: lp)
        if custody.isFreed { report(.pageUsedAfterFree, page: page, earlier: earlier, later: later) }
        if custody.mayBeDirty { report(.pageNotFlushed, page: page, earlier: earlier, later: later) }
        if !custody.isOwned { checkLines(custody, page, earlier, later) }
        custody.give(underKeyID: keyID, generation: keys.generation(keyID))
        entry.custody = custody
        entry.lastDeed = later
    }

    /// The module lets go of a page.
    func returned(_ entry: PageEntry, by leaf: Leaf, on lp: LogicalProcessor) {
        entry.custody.comeBack()
        entry.lastDeed = deed(leaf, on: lp)
    }

    /// PAGE.WBINVD of a page under a KeyID.
    func writtenBack(_ entry: PageEntry, at page: UInt64, underKeyID keyID: UInt16, by later: @autoclosure () -> Deed) {
        var custody = entry.custody
        guard hasLines(custody) else { return }
        guard custody.keyID == keyID else {
            return report(
                .writtenBackUnderWrongKeyID, page: page, keyID: keyID, earlier: entry.lastDeed, later: later())
        }
        custody.forgetLines()
        entry.custody = custody
    }

    /// A leaf found a TD's keys not configured.
    func refusedForKeys(_ td: TDState, by leaf: Leaf, on lp: LogicalProcessor) {
        guard td.lifecycle == .hkidAssigned, td.configuredPackages != 0 else { return }
        report(
            .keyPartlyConfigured, page: td.address, keyID: td.keyID, earlier: keys.lastDeed(td.keyID),
            later: deed(leaf, on: lp))
    }

    /// CREATE found a KeyID in use.
    func refusedKeyID(_ keyID: UInt16, by leaf: Leaf, on lp: LogicalProcessor) {
        guard keys.state(keyID) == .flushed, keys.pendingPackages(keyID) != 0 else { return }
        report(.keyIDReused, keyID: keyID, earlier: keys.lastDeed(keyID), later: deed(leaf, on: lp))
    }

    /// A leaf reads memory of the host's.
    ///
    /// - Parameter operand: the address as the host gave it, with the KeyID it is read under.
    func readsHostMemory(_ operand: UInt64, by leaf: Leaf, on lp: LogicalProcessor) {
        let keyID = UInt16((operand & keyIDMask) >> UInt64(platform.keyIDShift))
        let page = operand & ~keyIDMask & ~0xfff
        guard let entry = metadata(of: page) else {
            // What the host writes, it writes under KeyID 0.
            if keyID != 0 { report(.wrongKeyID, page: page, keyID: keyID, earlier: .none, later: deed(leaf, on: lp)) }
            return
        }
        guard keyID != 0 || entry.custody.isOwned || entry.custody.hasPrivateRemains else { return }
        report(.wrongKeyID, page: page, keyID: keyID, earlier: entry.lastDeed, later: deed(leaf, on: lp))
    }

    /// Small-page metadata of an address in a TDMR.
    func metadata(of address: UInt64) -> PageEntry? { tdmrs.containing(address)?.entry4K(at: address) }
}
