internal import TDXCalls

extension Engine {
    /// Whether regions can be what they are asked to be, before anything is spent on them.
    func check(
        _ regions: [MemoryRegion], _ contents: [any MemoryContent], for domain: Domain, _ ledger: Ledger
    ) throws(LifecycleError) {
        precondition(regions.count == contents.count, "a region without content, or content without a region")
        guard !regions.isEmpty else { return }
        for leaf in [Leaf.memSEPTAdd, .memPageAdd, .mrExtend] where !platform.module.leaves.contains(leaf.number) {
            throw .lacksLeaf(leaf)
        }
        if regions.contains(where: { $0.largePageCount > 0 }) {
            let missing = [Leaf.memPagePromote, .phymemPageWBINVD].first { !platform.module.leaves.contains($0.number) }
            // By the reason why there are none at all, where there is one.
            if let missing, host.largePagesRefusal == nil { throw .lacksLeaf(missing) }
        }
        if domain.memory.regions.count + regions.count > limits.memoryRegionsMax {
            throw .memory(
                MemoryViolation(nil, .memory, "a TD gets at most \(limits.memoryRegionsMax) regions of memory"))
        }
        for (place, region) in regions.enumerated() {
            if let (member, reason) = violation(of: region, contents[place].sizeBytes, domain.spec) {
                throw .memory(MemoryViolation(place, member, reason))
            }
        }
        try checkOverlaps(regions, with: domain.memory.regions)
        // Before any table is planned for them: what does not fit into the host needs no plan.
        let pages = regions.reduce(0) { $0 + $1.pageCount }
        if pages > ledger.pagesFree { throw .capacity(ledger.shortage(of: pages)) }
        // Nothing is set aside: others may be quicker, and small pages may take what is free now.
        let largePages = regions.reduce(0) { $0 + $1.largePageCount }
        guard largePages > 0 else { return }
        let runs = host.largePages
        if largePages > runs.free { throw .capacity(Shortage(runs, requested: largePages)) }
    }

    /// The same for a creation, which may also ask for what cannot go together.
    func checkContents(_ request: TDRequest, for domain: Domain, _ ledger: Ledger) throws(LifecycleError) {
        let spec = request.spec
        if !spec.memory.isEmpty, !spec.buildUntil.hasContents {
            throw .memory(
                MemoryViolation(
                    nil, .buildUntil,
                    "memory is added to a TD that is initialised; this one is built until "
                        + spec.buildUntil.rawValue))
        }
        if spec.buildUntil == .finalized {
            if !platform.module.leaves.contains(Leaf.mrFinalize.number) { throw .lacksLeaf(.mrFinalize) }
            if spec.vcpuCount == 0 {
                throw .memory(
                    MemoryViolation(nil, .vcpuCount, "TDH.MR.FINALIZE wants a vCPU that is initialised"))
            }
        }
        try check(spec.memory, request.contents, for: domain, ledger)
    }

    private func violation(
        of region: MemoryRegion, _ contentBytes: UInt64, _ spec: TDSpec
    ) -> (MemoryViolation.Member, String)? {
        guard region.pageSizeBytes == pageSizeBytes || region.pageSizeBytes == largePageSizeBytes else {
            return (.pageSizeBytes, "pages of a guest have \(pageSizeBytes) or \(largePageSizeBytes) bytes")
        }
        let page = UInt64(region.pageSizeBytes)
        if region.pageSizeBytes == largePageSizeBytes, let reason = host.largePagesRefusal {
            return (.pageSizeBytes, reason)
        }
        if region.gpa.rawValue % page != 0 { return (.gpa, "not a multiple of \(page)") }
        if region.sizeBytes == 0 { return (.sizeBytes, "an empty region") }
        if region.sizeBytes % page != 0 { return (.sizeBytes, "not a multiple of \(page)") }
        // The top bit of the guest's width says shared.
        let limit = UInt64(1) << UInt64(spec.gpaWidthBits - 1)
        if region.gpa.rawValue >= limit || region.sizeBytes > limit - region.gpa.rawValue {
            return (.gpa, "private memory of this TD ends at 0x\(String(limit, radix: 16))")
        }
        if contentBytes > region.sizeBytes {
            return (.sizeBytes, "the content has \(contentBytes) bytes, the region \(region.sizeBytes)")
        }
        return nil
    }

    private func checkOverlaps(
        _ regions: [MemoryRegion], with existing: [GuestRegion]
    ) throws(LifecycleError) {
        var taken = existing.map { $0.present }
        for (place, region) in regions.enumerated() {
            if let other = taken.first(where: { $0.sizeBytes > 0 && $0.overlaps(region) }) {
                throw .memory(
                    MemoryViolation(
                        place, .gpa,
                        "0x\(String(other.gpa.rawValue, radix: 16)) to 0x\(String(other.end, radix: 16)) is mapped "
                            + "already, or is to be"))
            }
            taken.append(region)
        }
    }
}

extension GuestRegion {
    /// The part of it that is mapped.
    fileprivate var present: MemoryRegion {
        var region = region
        region.sizeBytes = UInt64(pagesAdded * pageSizeBytes)
        return region
    }
}
