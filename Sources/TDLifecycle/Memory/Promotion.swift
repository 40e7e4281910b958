internal import TDXCalls

// How 512 pages of a region become a large one: TDH.MEM.PAGE.PROMOTE, and the write-back of the table's page that it
// frees.
//
// Neither TDH.MEM.RANGE.BLOCK nor TDH.MEM.TRACK goes before it. They end translations that running vCPUs may have, and
// before TDH.MR.FINALIZE none runs: the module demands them only after it. So nothing is ever left blocked, and what is
// refused half-way leaves memory that a guest can use, in pages of both sizes.

extension Domain {
    /// Where the large page that is next in a region begins.
    func gpaOfNextLargePage(_ place: Int) -> GPA {
        let state = memory.regions[place]
        return GPA(rawValue: state.region.gpa.rawValue + UInt64(state.largePagesMade * largePageSizeBytes))
    }

    /// A table's page that the module has given back and whose lines are not written back yet. There is at most one: no
    /// further page is promoted before it is the host's again.
    var freedTable: Page? { memory.freedTable.flatMap { id in pages.first { $0.id == id } } }

    mutating func promote(_ place: Int, _ accepted: Accepted, _ sequence: UInt64, _ time: WallTime) {
        let gpa = gpaOfNextLargePage(place)
        memory.pages.merge(gpa, sequence, time)
        memory.tables.remove(SEPTTable(gpa.rawValue, .size2M))
        guard case .page(let address) = accepted,
            let table = pages.first(where: { $0.address == address && $0.state == .held(.sept) })
        else { preconditionFailure("the module gave a table back that this TD did not have") }
        memory.freedTable = table.id
        memory.regions[place].largePagesMade += 1
    }

    /// The page is clean: written back by itself, or with all that is under the TD's KeyID.
    mutating func dropFreedTable() {
        guard let table = memory.freedTable.take(), let row = pages.firstIndex(where: { $0.id == table })
        else { return }
        removePage(at: row)
        heldCounts[.sept] -= 1
    }
}

extension TDXModule {
    func writeBackTable(of domain: Domain, on processor: Processor) throws(SEAMCALLError) {
        guard let keyID = domain.keyID, let table = domain.freedTable else {
            preconditionFailure("a table is written back under its TD's KeyID")
        }
        try tdh_phymem_page_wbinvd_hkid(keyID, table.address, on: processor)
    }
}
