internal import TDXCalls

/// Counts of the host's pages, and the only place where pages and KeyIDs become tokens that can be given away.
struct Ledger: Sendable {
    let pagesTotal: Int
    /// Nil where the kernel does not say how many there are: it refuses soon enough.
    let keyIDsTotal: Int?
    /// Pages that are in some TD's row, reserved or given.
    private(set) var pagesHeld = 0
    /// Pages and KeyIDs promised to operations that have not taken them from the host yet.
    private(set) var pagesPromised = 0
    private(set) var keyIDsPromised = 0
    private(set) var pagesQuarantined = 0

    init(_ capacity: HostCapacity, platform: Platform) {
        pagesTotal = capacity.pages
        let global = platform.module.globalKeyID
        keyIDsTotal =
            capacity.keyIDs.map { usable in
                Int(usable.upperBound.rawValue - usable.lowerBound.rawValue) + (usable.contains(global) ? 0 : 1)
            } ?? (capacity.source == .kernelAllocator ? nil : 0)
    }

    var pagesFree: Int { pagesTotal - pagesHeld - pagesPromised - pagesQuarantined }

    /// Promises pages and KeyIDs to an operation, or says what there is too little of.
    mutating func promise(pages: Int, keyIDs: Int, table: KeyIDTable) throws(LifecycleError) {
        let keyIDsUsed = table.held + keyIDsPromised
        let keyIDsQuarantined = table.count(.quarantined)
        if let keyIDsTotal, keyIDs > keyIDsTotal - keyIDsUsed - keyIDsQuarantined {
            throw .capacity(
                Shortage(
                    resource: .keyIDs, limit: keyIDsTotal, used: keyIDsUsed, quarantined: keyIDsQuarantined,
                    foreign: table.count(.foreign), requested: keyIDs))
        }
        if pages > pagesFree { throw .capacity(shortage(of: pages)) }
        pagesPromised += pages
        keyIDsPromised += keyIDs
    }

    func shortage(of pages: Int) -> Shortage {
        Shortage(
            resource: .pages, limit: pagesTotal, used: pagesHeld + pagesPromised, quarantined: pagesQuarantined,
            foreign: 0, requested: pages)
    }

    /// An operation has taken what it was promised, or no longer needs it.
    mutating func redeem(pages: Int, keyIDs: Int) {
        pagesPromised -= pages
        keyIDsPromised -= keyIDs
        precondition(pagesPromised >= 0 && keyIDsPromised >= 0, "redeemed more than was promised")
    }

    mutating func changeHeld(by delta: Int) {
        pagesHeld += delta
        precondition(pagesHeld >= 0, "fewer than no pages held")
    }

    mutating func quarantine(pages: Int) {
        pagesQuarantined += pages
        changeHeld(by: -pages)
    }

    // Tokens live within one step; between steps the rows own. A row in state `reserved` is what a token is made of.

    /// The next page reserved for a TD, as a token; the row says `reserved` until the call has been accepted.
    static func nextPage(of domain: Domain) -> HostPage {
        precondition(domain.pagesReserved > 0, "no page was reserved for this call")
        let row = domain.pages[domain.firstReserved]
        return HostPage(PageAddress(rawValue: row.address.rawValue))
    }

    /// The same for one that is reserved for guest memory.
    static func guestPage(_ reserved: UInt64) -> HostPage { HostPage(PageAddress(rawValue: reserved)) }

    /// The page was refused: its row still says `reserved`, and owns it again.
    static func takeBack(_ page: consuming HostPage) {}

    static func keyID(of domain: Domain) -> HostKeyID {
        guard let number = domain.keyID else { preconditionFailure("no KeyID was reserved for this call") }
        return HostKeyID(number)
    }

    static func takeBack(_ keyID: consuming HostKeyID) {}
}
