internal import TDXCalls

/// What belongs together of an inventory: one TD's pages and KeyID.
struct Holding {
    struct VCPUPages {
        var tdvpr: HeldPage
        var tdcx: [HeldPage] = []
    }

    /// The TDR's address, in doubt or not; nil for what belongs to no TD that is known.
    let root: PageAddress<AnyPage>?
    var tdr: HeldPage?
    var tdcs: [HeldPage] = []
    var vcpus: [VCPUPages] = []
    /// Of vCPUs whose TDVPR is gone already.
    var looseTDCX: [HeldPage] = []
    var sept: [HeldPage] = []
    var guest: [HeldPage] = []
    var doubtful: [HeldPage] = []
    var keyIDs: [HeldKeyID] = []

    var pages: [HeldPage] {
        (tdr.map { [$0] } ?? []) + tdcs + vcpus.flatMap { [$0.tdvpr] + $0.tdcx } + looseTDCX + sept + guest + doubtful
    }

    var isDoubtful: Bool { root == nil || tdr == nil || !doubtful.isEmpty || keyIDs.contains { $0.doubt != nil } }
}

/// An inventory, sorted by TD.
struct Findings {
    private(set) var tds: [Holding] = []
    /// What is in doubt and of no TD that is known.
    private(set) var strays: Holding?

    init(_ inventory: HostInventory) {
        let byAddress = Dictionary(inventory.pages.map { ($0.address, $0) }, uniquingKeysWith: { first, _ in first })
        var holdings: [PageAddress<AnyPage>?: Holding] = [:]
        var order: [PageAddress<AnyPage>?] = []
        func change(_ root: PageAddress<AnyPage>?, _ change: (inout Holding) -> Void) {
            if holdings[root] == nil { order.append(root) }
            change(&holdings[root, default: Holding(root: root)])
        }
        let parents = Set(inventory.pages.compactMap(\.parent) + inventory.keyIDs.compactMap(\.tdr))
        // TDVPRs before their TDCX.
        let pages = inventory.pages.sorted { ($0.kind == .tdcx ? 1 : 0) < ($1.kind == .tdcx ? 1 : 0) }
        for page in pages { change(Self.root(of: page, byAddress, parents)) { $0.add(page) } }
        for held in inventory.keyIDs { change(held.tdr) { $0.keyIDs.append(held) } }
        strays = holdings[nil]
        tds = order.compactMap { root in root == nil ? nil : holdings[root] }
    }

    /// A TDCX stands below its TDVPR, and that below its TDR.
    private static let depthMax = 3

    private static func root(
        of page: HeldPage, _ byAddress: [PageAddress<AnyPage>: HeldPage], _ parents: Set<PageAddress<AnyPage>>
    ) -> PageAddress<AnyPage>? {
        var top = page
        for _ in 0..<depthMax {
            guard let parent = top.parent, let above = byAddress[parent] else { break }
            top = above
        }
        // A page in doubt that others stand below, or that a KeyID belongs to, may have become a TDR.
        return top.kind == .tdr || parents.contains(top.address) ? top.address : nil
    }
}

extension Holding {
    fileprivate mutating func add(_ page: HeldPage) {
        switch page.kind {
        case .tdr: tdr = page
        case .tdcs: tdcs.append(page)
        case .tdvpr: vcpus.append(VCPUPages(tdvpr: page))
        case .tdcx:
            if let place = vcpus.firstIndex(where: { $0.tdvpr.address == page.parent }) {
                vcpus[place].tdcx.append(page)
            } else {
                looseTDCX.append(page)
            }
        case .sept: sept.append(page)
        case .guest: guest.append(page)
        case .returned, .doubtful: doubtful.append(page)
        }
    }
}
