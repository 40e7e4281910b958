internal import TDXCalls

/// SYS.CONFIG's tests of the TDMR list, in the module's order.
struct TDMRCheck {
    var layouts: [TDMRLayout]
    let convertibleMemory: [MemoryRange]
    /// First physical address beyond the machine's: the lowest KeyID bit.
    let addressLimit: UInt64

    /// Bytes of one metadata entry, whatever the page size.
    static let pamtEntryBytes: UInt64 = 16

    func firstRefusal() -> Completion? {
        do throws(Refusal) {
            try run()
            return nil
        } catch {
            return error.completion
        }
    }

    func run() throws(Refusal) {
        for index in layouts.indices { try check(index) }
    }

    /// Tests one TDMR, those before it having passed; those after it are not looked at.
    func check(_ index: Int) throws(Refusal) {
        try checkRange(index)
        try checkReserved(index)
        try checkPAMTs(index)
        try checkMemory(index)
    }

    private func refusal(_ code: Completion, _ index: Int, _ byte1: Int = 0, _ byte2: Int = 0) -> Refusal {
        Refusal(code, details: UInt32(index) | UInt32(byte1) << 8 | UInt32(byte2) << 16)
    }

    private func checkRange(_ index: Int) throws(Refusal) {
        let range = layouts[index].range
        guard range.base <= UInt64.max - range.size else { throw refusal(.invalidTDMR, index) }
        if index > 0, range.base < layouts[index - 1].range.end { throw refusal(.nonOrderedTDMR, index) }
        let mask = FakePlatform.gigabyte - 1
        guard range.base & mask == 0, range.size & mask == 0, range.size > 0, isPhysical(range) else {
            throw refusal(.invalidTDMR, index)
        }
    }

    private func checkReserved(_ index: Int) throws(Refusal) {
        let tdmr = layouts[index]
        var end: UInt64 = 0
        var sawEmpty = false
        for (number, area) in tdmr.reserved.enumerated() {
            guard area.size > 0 else {
                sawEmpty = true
                continue
            }
            // A gap of empty entries is blamed on the area before it, which should have been the last.
            guard !sawEmpty else { throw refusal(.nonOrderedReservedInTDMR, index, number - 1) }
            guard number == 0 || area.base >= end else { throw refusal(.nonOrderedReservedInTDMR, index, number) }
            guard area.base & 0xfff == 0, area.size & 0xfff == 0, area.base <= UInt64.max - area.size,
                area.end <= tdmr.range.size
            else { throw refusal(.invalidReservedInTDMR, index, number) }
            end = area.end
        }
    }

    /// Metadata tables of a TDMR by level, with the number of pages each describes.
    private func pamts(_ tdmr: TDMRLayout) -> [(level: Int, range: MemoryRange, pages: UInt64)] {
        [
            (2, tdmr.pamt1G, tdmr.range.size >> 30), (1, tdmr.pamt2M, tdmr.range.size >> 21),
            (0, tdmr.pamt4K, tdmr.range.size >> 12),
        ]
    }

    private func checkPAMTs(_ index: Int) throws(Refusal) {
        for pamt in pamts(layouts[index]) {
            let pageAligned = pamt.range.base & 0xfff == 0 && pamt.range.size & 0xfff == 0
            guard pageAligned, pamt.range.base <= UInt64.max - pamt.range.size, isPhysical(pamt.range),
                pamt.range.size >= pamt.pages * Self.pamtEntryBytes
            else { throw refusal(.invalidPAMT, index, pamt.level) }
        }
    }

    private func checkMemory(_ index: Int) throws(Refusal) {
        for pamt in pamts(layouts[index]).reversed() {
            for other in 0...index {
                for table in pamts(layouts[other]) where table.range.overlaps(pamt.range) {
                    guard other == index, table.level == pamt.level else {
                        throw refusal(.pamtOverlap, index, pamt.level, other)
                    }
                }
            }
            // Tables may lie in a TDMR's reserved areas, and only there.
            for other in 0...index where overlapsUsable(pamt.range, layouts[other]) {
                throw refusal(.pamtOverlap, index, pamt.level, other)
            }
            guard isConvertible(pamt.range) else { throw refusal(.pamtOutsideCMRs, index, pamt.level) }
        }
        for other in 0..<index {
            for table in pamts(layouts[other]).reversed() where overlapsUsable(table.range, layouts[index]) {
                throw refusal(.pamtOverlap, index, table.level, other)
            }
        }
        guard usableAreas(layouts[index]).allSatisfy(isConvertible) else { throw refusal(.tdmrOutsideCMRs, index) }
    }

    private func isConvertible(_ range: MemoryRange) -> Bool { convertibleMemory.contains { $0.contains(range) } }

    private func isPhysical(_ range: MemoryRange) -> Bool {
        range.base < addressLimit && range.size <= addressLimit - range.base
    }

    private func overlapsUsable(_ range: MemoryRange, _ tdmr: TDMRLayout) -> Bool {
        usableAreas(tdmr).contains { $0.overlaps(range) }
    }

    /// What of a TDMR is not reserved.
    private func usableAreas(_ tdmr: TDMRLayout) -> [MemoryRange] {
        var areas: [MemoryRange] = []
        var start: UInt64 = 0
        for area in tdmr.reserved where area.size > 0 {
            if area.base > start {
                areas.append(MemoryRange(base: tdmr.range.base + start, size: area.base - start))
            }
            start = area.end
        }
        if start < tdmr.range.size {
            areas.append(MemoryRange(base: tdmr.range.base + start, size: tdmr.range.size - start))
        }
        return areas
    }
}
