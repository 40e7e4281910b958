internal import Digests
internal import Synchronization
internal import TDXCalls
internal import Threading

extension FakeTDX {
    /// What the module keeps now. To be taken while no call is under way.
    public func snapshot() -> FakeSnapshot {
        var collected = Collected()
        for tdmr in state.tdmrs { collected.add(tdmr) }
        return FakeSnapshot(
            state: state.state,
            keys: (0..<UInt16(1 << Int(platform.keyIDBits))).map { state.keys.word($0) },
            configuredPackages: state.configuredPackages, writeBacks: state.packages.map(\.position),
            initializedProcessors: state.processors.map { $0.isInitialized.load(ordering: .relaxed) },
            usableEnds: state.tdmrs.map(\.usableEnd),
            heldLocks: [state.globalLock.isHeld, state.keys.lock.isHeld] + state.packages.map(\.writeBackLock.isHeld),
            pages: collected.pages,
            tds: collected.tds.mapValues { td in td.snapshot(state) },
            vcpus: collected.vcpus.mapValues { vcpu in vcpu.snapshot() })
    }

    /// Looks for what can never be, whatever was called: see ``FakeInconsistency``. To be asked while no call is under
    /// way.
    public func inconsistencies() -> [FakeInconsistency] {
        var collected = Collected()
        for tdmr in state.tdmrs { collected.add(tdmr) }
        var found: [FakeInconsistency] = []
        var children: [UInt64: UInt64] = [:]
        for (address, page) in collected.pages where page.type > 1 && page.type != PageType.tdr.rawValue {
            children[page.owner, default: 0] += UInt64(pages4K(atSize: page.size))
            if collected.tds[page.owner] == nil { found.append(.ownerIsNoTD(page: address, owner: page.owner)) }
        }
        var keyOwners: [UInt16: Int] = [:]
        for (address, td) in collected.tds {
            let counted = td.childCount.load(ordering: .relaxed)
            let owned = children[address] ?? 0
            if counted != owned { found.append(.childCount(td: address, counted: counted, owned: owned)) }
            if td.lifecycle != .teardown { keyOwners[td.keyID, default: 0] += 1 }
            let associated = collected.vcpus.values.count {
                $0.pages[0] != 0 && collected.pages[$0.pages[0]]?.owner == address
                    && $0.association.load(ordering: .relaxed) != VCPUState.notAssociated
            }
            let counter = td.associatedVCPUs.load(ordering: .relaxed)
            if Int(counter) != associated {
                found.append(.associations(td: address, counted: Int(counter), found: associated))
            }
        }
        for keyID in platform.privateKeyIDs.lowerBound.rawValue...platform.privateKeyIDs.upperBound.rawValue {
            let state = state.keys.state(keyID)
            let owners = keyOwners[keyID] ?? 0
            let isUsed = state == .assigned || state == .flushed
            if owners != (isUsed ? 1 : 0) { found.append(.keyOwners(keyID: keyID, owners: owners)) }
        }
        return found
    }
}

/// Something that no sequence of calls may lead to.
public enum FakeInconsistency: Hashable, Sendable {
    /// A page belongs to what is no TD.
    case ownerIsNoTD(page: UInt64, owner: UInt64)
    /// A TD's count of children is not the number of pages that name it as their owner.
    case childCount(td: UInt64, counted: UInt64, owned: UInt64)
    /// A TD's count of associated vCPUs is not the number there are.
    case associations(td: UInt64, counted: Int, found: Int)
    /// A KeyID in use has not exactly one TD, or a free one has any.
    case keyOwners(keyID: UInt16, owners: Int)
}

private struct Collected {
    var pages: [UInt64: FakeSnapshot.Page] = [:]
    var tds: [UInt64: TDState] = [:]
    var vcpus: [UInt64: VCPUState] = [:]

    mutating func add(_ tdmr: TDMR) {
        for index in tdmr.pages4K.touchedIndices {
            // Small pages inside a large one are not looked at by anybody.
            guard tdmr.pages2M[index >> 9].type != .reg else { continue }
            add(tdmr.pages4K[index], size: 0, at: tdmr.layout.range.base + UInt64(index) << 12)
        }
        for index in 0..<tdmr.pages2M.count {
            add(tdmr.pages2M[index], size: 1, at: tdmr.layout.range.base + UInt64(index) << 21)
        }
        for index in 0..<tdmr.pages1G.count {
            add(tdmr.pages1G[index], size: 2, at: tdmr.layout.range.base + UInt64(index) << 30)
        }
    }

    private mutating func add(_ entry: PageEntry, size: Int, at address: UInt64) {
        guard !entry.isUntouched else { return }
        // The size is part of the key: a large page's entry and that of its first small page are two.
        pages[address | UInt64(size)] = FakeSnapshot.Page(
            type: entry.type.rawValue, owner: entry.owner, size: size, blockEpoch: entry.blockEpoch,
            isLocked: entry.lock.isHeld)
        switch entry.contents {
        case .td(let td): tds[address] = td
        case .vcpu(let vcpu): vcpus[address] = vcpu
        case .sept, .none: break
        }
    }
}

extension TDState {
    fileprivate func snapshot(_ module: ModuleState) -> FakeSnapshot.TD {
        FakeSnapshot.TD(
            keyID: keyID, uuid: uuid, isFatal: isFatal, lifecycle: lifecycle, configuredPackages: configuredPackages,
            tdcs: tdcs, childCount: childCount.load(ordering: .relaxed), opState: opState,
            configuration: configuration, measurement: measurement.digest().bytes, mrtd: mrtd,
            migrationKey: migrationKey, vcpuCount: vcpuCount.load(ordering: .relaxed),
            associatedVCPUs: associatedVCPUs.load(ordering: .relaxed), epoch: epoch.load(ordering: .relaxed),
            running: [running(inEpochLike: 0), running(inEpochLike: 1)], writable: writable.all,
            sept: entries(module), heldLocks: [opStateLock.isHeld, treeLock.isHeld, epochLock.isHeld])
    }

    /// Entries of the secure EPT that are not free; the key is the guest address and, below it, the level.
    private func entries(_ module: ModuleState) -> [UInt64: UInt64] {
        // Reclaimed tables are gone although the entries that named them are not.
        guard lifecycle == .keysConfigured, opState != .uninitialized else { return [:] }
        var entries: [UInt64: UInt64] = [:]
        let call = Call(module: module, processor: module.processors[0], version: 0, registers: Registers())
        func visit(_ table: SEPTPage, _ level: Int, _ base: UInt64) {
            for index in 0..<SEPTPage.entryCount {
                let word = table[index].load()
                guard word != .free else { continue }
                let gpa = base + UInt64(index) << UInt64(12 + 9 * level)
                entries[gpa | UInt64(level)] = word.rawValue
                if word.state.isNonLeaf { visit(call.table(at: word.page), level - 1, gpa) }
            }
        }
        visit(septRoot, topLevel, 0)
        return entries
    }
}

extension VCPUState {
    fileprivate func snapshot() -> FakeSnapshot.VCPU {
        FakeSnapshot.VCPU(
            pages: pages, index: index, phase: phase, association: association.load(ordering: .relaxed),
            epoch: epoch.load(ordering: .relaxed), fields: fields.all, sparse: sparse.withLock { $0 })
    }
}
