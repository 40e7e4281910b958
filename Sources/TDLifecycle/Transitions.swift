internal import TDXCalls

/// What the module accepted, as far as the row must know it.
enum Accepted: Sendable {
    case plain
    case page(PageAddress<AnyPage>)
    case created(TD)
    /// What a field holds.
    case value(UInt64)
}

extension Domain {
    /// Takes the effect of an accepted call into the row. No I/O; `sequence` and `time` name the event.
    mutating func apply(
        _ call: Call, _ accepted: Accepted, on processor: Processor, platform: Platform, sequence: UInt64,
        time: WallTime
    ) {
        stateSource = .inferred
        switch call {
        case .create:
            guard case .created(let created) = accepted else { return }
            td = created
            lifecycle = .hkidAssigned
            hold(created.tdr.any, as: .tdr, vcpu: nil, sequence, time)
        case .configureKey(let package):
            configuredPackages.insert(package)
            if configuredPackages.count == platform.packages.count { lifecycle = .keysConfigured }
        case .addTDCSPage:
            guard case .page(let address) = accepted else { return }
            td?.tdcs.append(PageAddress(rawValue: address.rawValue))
            hold(address, as: .tdcs, vcpu: nil, sequence, time)
            if pageCount(.tdcs) >= platform.module.tdcsPages, opState == nil { opState = .uninitialized }
        case .initialize:
            opState = .initialized
        case .createVCPU(let spec):
            guard case .page(let address) = accepted else { return }
            let number = vcpus.count
            vcpus.append(
                VCPU(
                    number: number, createdAt: time, spec: spec, vp: VP(tdvpr: PageAddress(rawValue: address.rawValue)))
            )
            hold(address, as: .tdvpr, vcpu: number, sequence, time)
            vcpus[number].revision = sequence
        case .addTDCXPage(let number):
            guard case .page(let address) = accepted else { return }
            vcpus[number].vp.tdcx.append(PageAddress(rawValue: address.rawValue))
            hold(address, as: .tdcx, vcpu: number, sequence, time)
            vcpus[number].revision = sequence
        case .initializeVCPU(let number):
            vcpus[number].index = nextVCPUIndex
            nextVCPUIndex += 1
            vcpus[number].state = .ready
            initializedVCPUs += 1
            associate(number, with: processor, by: call.leaf, platform, sequence)
        case .flushVCPU(let number):
            dissociate(number, sequence)
        case .flushDone:
            lifecycle = .blocked
            writtenBackPackages = []
        case .writeBack(let package, _):
            writtenBackPackages.insert(package)
        case .freeKey:
            lifecycle = .teardown
            keyID = nil
            // The write-backs before it covered all lines under the TD's KeyID.
            dropFreedTable()
        case .addTable(let table):
            guard case .page(let address) = accepted else { return }
            hold(address, as: .sept, vcpu: nil, sequence, time)
            memory.tables.add(table)
        case .addPage(let region):
            fill(region, pages: 1, chunks: 0, sequence, time)
        case .extend(let region):
            fill(region, pages: 0, chunks: 1, sequence, time)
        case .promote(let region):
            promote(region, accepted, sequence, time)
        case .writeBackTable:
            dropFreedTable()
        case .finalize:
            opState = .runnable
        case .readMRTD:
            guard case .value(let value) = accepted else { return }
            stateSource = .read
            noteMRTD(value)
        case .reclaimPage(let id):
            if memory.pages.page(id) != nil {
                heldCounts[.guest] -= memory.pages.remove(id)
                return
            }
            // From the end, where a teardown begins.
            guard let place = pages.lastIndex(where: { $0.id == id }) else { return }
            if let kind = pages[place].kind { heldCounts[kind] -= 1 }
            if pages[place].state == .held(.tdr) {
                pages[place].state = .reclaimedTDR
                pages[place].since = sequence
                pages[place].sinceTime = time
                lifecycle = .none
            } else {
                removePage(at: place)
            }
        case .writeBackTDR:
            if let place = pages.firstIndex(where: { $0.state == .reclaimedTDR }) { removePage(at: place) }
            td = nil
        }
    }

    /// Notes that `leaf` has bound a vCPU to a processor; only the first to do so counts.
    mutating func associate(
        _ number: Int, with processor: Processor, by leaf: Leaf, _ platform: Platform, _ sequence: UInt64
    ) {
        guard vcpus[number].association == nil, let package = platform.package(of: processor) else { return }
        vcpus[number].association = VCPU.Association(
            processor: processor, package: package, by: leaf, since: sequence)
        vcpus[number].revision = sequence
        associated.append(number)
    }

    /// Takes an association back that turned out not to have come about.
    mutating func dissociate(_ number: Int, _ sequence: UInt64) {
        vcpus[number].association = nil
        vcpus[number].revision = sequence
        if let place = associated.lastIndex(of: number) { associated.remove(at: place) }
    }

    /// Pages are given to the module in the order they were reserved.
    private mutating func hold(
        _ address: PageAddress<AnyPage>, as kind: PageKind, vcpu: Int?, _ sequence: UInt64, _ time: WallTime
    ) {
        precondition(
            firstReserved < pages.count && pages[firstReserved].address == address, "a page the ledger did not reserve")
        pages[firstReserved].state = .held(kind)
        pages[firstReserved].vcpu = vcpu
        pages[firstReserved].since = sequence
        pages[firstReserved].sinceTime = time
        firstReserved += 1
        heldCounts[kind] += 1
    }

    mutating func removePage(at place: Int) {
        if place < firstReserved { firstReserved -= 1 }
        pages.remove(at: place)
    }
}
