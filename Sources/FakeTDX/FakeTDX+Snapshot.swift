internal import Digests
internal import Synchronization
internal import TDXCalls
internal import Threading

extension FakeTDX {
    /// What the module keeps now. To be taken while no call is under way.
    public func snapshot() -> FakeSnapshot {
        var collected = Collected()
        for index in 0..<state.tdmrs.count { collected.add(state.tdmrs[index]) }
        return FakeSnapshot(
            state: state.state,
            keys: (0..<UInt16(1 << Int(platform.keyIDBits))).map { state.keys.word($0) },
            configuredPackages: state.configuredPackages, writeBacks: state.packages.map(\.position),
            initializedProcessors: state.processors.map { $0.isInitialized.load(ordering: .relaxed) },
            usableEnds: (0..<state.tdmrs.count).map { state.tdmrs[$0].usableEnd },
            heldLocks: [state.globalLock.isHeld, state.keys.lock.isHeld] + state.packages.map(\.writeBackLock.isHeld),
            pages: collected.pages,
            tds: collected.tds.mapValues { td in td.snapshot(state) },
            vcpus: collected.vcpus.mapValues { vcpu in vcpu.snapshot() })
    }
}

/// All metadata there is, and what hangs on it.
struct Collected {
    var pages: [UInt64: FakeSnapshot.Page] = [:]
    var tds: [UInt64: TDState] = [:]
    var vcpus: [UInt64: VCPUState] = [:]

    mutating func add(_ tdmr: TDMR) {
        for index in tdmr.touchedIndices4K {
            // Small pages inside a large one are not looked at by anybody.
            guard tdmr.entry2M(index >> 9).type != .reg else { continue }
            add(tdmr.entry4K(index), size: 0, at: tdmr.base + UInt64(index) << 12)
        }
        for index in 0..<tdmr.count2M {
            add(tdmr.entry2M(index), size: 1, at: tdmr.base + UInt64(index) << 21)
        }
        for index in 0..<tdmr.count1G {
            add(tdmr.entry1G(index), size: 2, at: tdmr.base + UInt64(index) << 30)
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
            sept: entries(), heldLocks: [opStateLock.isHeld, treeLock.isHeld, epochLock.isHeld])
    }

    /// Entries of the secure EPT that are not free; the key is the guest address and, below it, the level.
    func entries() -> [UInt64: UInt64] {
        // Reclaimed tables are gone although the entries that named them are not.
        guard lifecycle == .keysConfigured, opState != .uninitialized, let septRoot else { return [:] }
        var entries: [UInt64: UInt64] = [:]
        func visit(_ table: SEPTPage, _ level: Int, _ base: UInt64) {
            for index in 0..<SEPTPage.entryCount {
                let word = table[index].load()
                guard word != .free else { continue }
                let gpa = base + UInt64(index) << UInt64(12 + 9 * level)
                entries[gpa | UInt64(level)] = word.rawValue
                if word.state.isNonLeaf, let next = table[index].table { visit(next, level - 1, gpa) }
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
