internal import TDXCalls

/// One call of the four that make a large page of 512 pages of a region.
public struct Promotion: Hashable, Sendable {
    /// In this order. Before a TD is finalised the module demands neither blocking nor tracking; with both the sequence
    /// is the same at any time.
    public enum Stage: Hashable, Sendable, CaseIterable {
        case block, track, merge, writeBack

        var leaf: Leaf {
            switch self {
            case .block: .memRangeBlock
            case .track: .memTrack
            case .merge: .memPagePromote
            case .writeBack: .phymemPageWBINVD
            }
        }
    }

    let stage: Stage
    /// By place among the TD's regions.
    let region: Int
}

extension Domain {
    /// Where the large page that is next in a region begins.
    func gpaOfNextLargePage(_ place: Int) -> GPA {
        let state = memory.regions[place]
        return GPA(rawValue: state.region.gpa.rawValue + UInt64(state.largePagesMade * largePageSizeBytes))
    }

    /// Whether a large page is half made: it is not left like this by a cancellation.
    var isPromoting: Bool { memory.regions.contains { $0.promotion != .block } }

    /// A table's page that was given back and whose caches are not written back yet, and the region it was of.
    var freedTable: (page: Page, region: Int)? {
        guard let id = memory.freedTable, let page = pages.first(where: { $0.id == id }),
            let region = memory.regions.firstIndex(where: { $0.promotion == .writeBack })
        else { return nil }
        return (page, region)
    }

    mutating func promote(_ call: Promotion, _ accepted: Accepted) {
        let place = call.region
        switch call.stage {
        case .block:
            memory.regions[place].promotion = .track
        case .track:
            memory.regions[place].promotion = .merge
        case .merge:
            let gpa = gpaOfNextLargePage(place)
            memory.pages.merge(gpa)
            memory.tables.remove(SEPTTable(gpa.rawValue, .size2M))
            guard case .page(let address) = accepted,
                let table = pages.first(where: { $0.address == address && $0.state == .held(.sept) })
            else { preconditionFailure("the module gave a table back that this TD did not have") }
            memory.freedTable = table.id
            memory.regions[place].promotion = .writeBack
        case .writeBack:
            if let table = memory.freedTable, let row = pages.firstIndex(where: { $0.id == table }) {
                removePage(at: row)
                heldCounts[.sept] -= 1
            }
            memory.freedTable = nil
            memory.regions[place].largePagesMade += 1
            memory.regions[place].promotion = .block
        }
    }
}

extension TDXModule {
    func issue(
        _ call: Promotion, _ td: TD, for domain: Domain, on processor: Processor
    ) throws(SEAMCALLError) -> Accepted {
        let gpa = domain.gpaOfNextLargePage(call.region)
        switch call.stage {
        case .block:
            try tdh_mem_range_block(td, gpa, .size2M, on: processor)
        case .track:
            try tdh_mem_track(td, on: processor)
        case .merge:
            return .page(try tdh_mem_page_promote(td, gpa, on: processor).any)
        case .writeBack:
            guard let keyID = domain.keyID, let table = domain.freedTable else {
                preconditionFailure("a table is written back under its TD's KeyID")
            }
            try tdh_phymem_page_wbinvd_hkid(keyID, table.page.address, on: processor)
        }
        return .plain
    }
}
