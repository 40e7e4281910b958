internal import TDXCalls

// What adding memory and finalising take. Summed up, since a page is seventeen calls.

extension Plan {
    /// Calls of one region that belong to a page follow one another; the plan has them by leaf.
    mutating func addMemory(of domain: Domain, _ places: Range<Int>) {
        if domain.memory.freedTable != nil { addMemory(.phymemPageWBINVD, times: 1) }
        let tables = domain.memory.tables.plannedCount
        addMemory(.memSEPTAdd, times: tables)
        if tables > 0 { pages[.sept, default: 0] += tables }
        for state in domain.memory.regions[places] {
            let count = state.region.pageCount - state.pagesAdded
            addMemory(.memPageAdd, times: count)
            addMemory(.mrExtend, times: state.region.chunkCount - state.chunksExtended)
            for leaf in [Leaf.memPagePromote, .phymemPageWBINVD] {
                addMemory(leaf, times: state.region.largePageCount - state.largePagesMade)
            }
            pages[.guest, default: 0] += count
        }
    }

    mutating func addFinalizing() {
        addMemory(.mrFinalize, times: 1)
        addMemory(.mngRD, times: Domain.mrtdElements)
    }

    /// Guest pages go before the others.
    mutating func addGuestReclaims(_ count: Int) {
        guard count > 0 else { return }
        if let place = entries.firstIndex(where: { $0.leaf == .phymemPageReclaim }) {
            entries[place].times += count
        } else {
            addMemory(.phymemPageReclaim, times: count)
        }
    }

    private mutating func addMemory(_ leaf: Leaf, times: Int) {
        guard times > 0 else { return }
        if let last = entries.last, last.leaf == leaf {
            entries[entries.count - 1].times += times
        } else {
            entries.append(Entry(leaf: leaf, times: times, place: .anyProcessor))
        }
    }
}

extension Domain {
    /// The row as if it had no memory and were to get none: what a plan walks call by call.
    var withoutMemory: Domain {
        guard !memory.regions.isEmpty || memory.pages.count > 0 else { return self }
        var domain = self
        domain.dropFreedTable()
        domain.memory = GuestMemory()
        return domain
    }
}
