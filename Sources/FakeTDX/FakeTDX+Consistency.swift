internal import Synchronization
internal import TDXCalls

/// Something that no sequence of calls may lead to.
public enum FakeInconsistency: Hashable, Sendable {
    /// A page belongs to what is no TD.
    case ownerIsNoTD(page: UInt64, owner: UInt64)
    /// A TD's count of children is not the number of pages that name it as their owner.
    case childCount(td: UInt64, counted: UInt64, owned: UInt64)
    /// A TD's count of associated vCPUs is not the number there are.
    case associations(td: UInt64, counted: Int, found: Int)
    /// A TD's count of vCPUs inside it is not the number there are.
    case inside(td: UInt64, counted: Int, found: Int)
    /// A KeyID in use has not exactly one TD, or a free one has any.
    case keyOwners(keyID: UInt16, owners: Int)
    /// A control page is of another type or owner than the TD or vCPU that uses it says, or used twice or not at all.
    case controlPage(td: UInt64, page: UInt64)
    /// Guest memory or a table that its TD's secure EPT does not lead to exactly once.
    case mapping(td: UInt64, page: UInt64)
}

extension FakeTDX {
    /// Looks for what can never be, whatever was called: see ``FakeInconsistency``. To be asked while no call is under
    /// way.
    public func inconsistencies() -> [FakeInconsistency] {
        var collected = Collected()
        for index in 0..<state.tdmrs.count { collected.add(state.tdmrs[index]) }
        var owned: [UInt64: [UInt64]] = [:]
        var found: [FakeInconsistency] = []
        for (address, page) in collected.pages where page.type > 1 && page.type != PageType.tdr.rawValue {
            owned[page.owner, default: []].append(address)
            if collected.tds[page.owner] == nil { found.append(.ownerIsNoTD(page: address, owner: page.owner)) }
        }
        for (address, td) in collected.tds { found += check(td, collected, owned[address] ?? []) }
        return found + keyInconsistencies(collected)
    }

    private func check(_ td: TDState, _ collected: Collected, _ owned: [UInt64]) -> [FakeInconsistency] {
        var found: [FakeInconsistency] = []
        let children = owned.reduce(UInt64(0)) { $0 + UInt64(pages4K(atSize: collected.pages[$1]?.size ?? 0)) }
        let counted = td.childCount.load(ordering: .relaxed)
        if counted != children { found.append(.childCount(td: td.address, counted: counted, owned: children)) }

        let vcpus = owned.compactMap { collected.vcpus[$0] }
        let associated = vcpus.count { $0.association.load(ordering: .relaxed) != VCPUState.notAssociated }
        let associations = Int(td.associatedVCPUs.load(ordering: .relaxed))
        if associations != associated {
            found.append(.associations(td: td.address, counted: associations, found: associated))
        }
        let inside = vcpus.count { $0.phase == .active }
        let running = td.running(inEpochLike: 0) + td.running(inEpochLike: 1)
        if inside != running { found.append(.inside(td: td.address, counted: running, found: inside)) }
        // While it is torn down, what the TD remembers is gone page by page.
        guard td.lifecycle == .keysConfigured else { return found }
        return found + controlPages(td, vcpus, collected, owned) + mappings(td, collected, owned)
    }

    private func controlPages(
        _ td: TDState, _ vcpus: [VCPUState], _ collected: Collected, _ owned: [UInt64]
    ) -> [FakeInconsistency] {
        let used = td.tdcs + vcpus.flatMap { $0.pages.dropFirst() }
        let control = owned.filter { collected.pages[$0]?.type == PageType.tdcx.rawValue }
        var found = Self.differences(used, control).map { FakeInconsistency.controlPage(td: td.address, page: $0) }
        for address in owned where collected.pages[address]?.type == PageType.tdvpr.rawValue {
            if collected.vcpus[address]?.pages.first != address {
                found.append(.controlPage(td: td.address, page: address))
            }
        }
        return found
    }

    private func mappings(_ td: TDState, _ collected: Collected, _ owned: [UInt64]) -> [FakeInconsistency] {
        // Tables of L2 VMs hang on no entry here.
        guard td.configuration.numL2VMs == 0 else { return [] }
        let mapped = td.entries().map { key, word -> UInt64 in
            let word = SEPTWord(rawValue: word)
            // As the collected pages have it: the size is part of the key.
            return word.page | (word.state.isNonLeaf ? 0 : key & 7)
        }
        let types = [PageType.reg.rawValue, PageType.ept.rawValue]
        let memory = owned.filter { types.contains(collected.pages[$0]?.type ?? 0) }
        return Self.differences(mapped, memory).map { .mapping(td: td.address, page: $0) }
    }

    /// What is not exactly once in each of two lists.
    private static func differences(_ left: [UInt64], _ right: [UInt64]) -> [UInt64] {
        let twice = [left, right].flatMap { list in
            Dictionary(list.map { ($0, 1) }, uniquingKeysWith: +).filter { $0.value > 1 }.keys
        }
        return Set(left).symmetricDifference(right) + twice
    }

    private func keyInconsistencies(_ collected: Collected) -> [FakeInconsistency] {
        var owners: [UInt16: Int] = [:]
        for td in collected.tds.values where td.lifecycle != .teardown { owners[td.keyID, default: 0] += 1 }
        let keyIDs = platform.privateKeyIDs.lowerBound.rawValue...platform.privateKeyIDs.upperBound.rawValue
        return keyIDs.compactMap { keyID in
            let keyState = state.keys.state(keyID)
            let isUsed = keyState == .assigned || keyState == .flushed
            let count = owners[keyID] ?? 0
            return count == (isUsed ? 1 : 0) ? nil : .keyOwners(keyID: keyID, owners: count)
        }
    }
}
