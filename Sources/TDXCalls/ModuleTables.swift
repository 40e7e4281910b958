/// What a back end can show of the module's own tables and of the host's allocator, without a SEAMCALL: for checks that
/// hold a ledger against them. Beside the two ports; a back end that cannot show them does not conform.
///
/// May be asked at any time and from any thread. What a call is changing at that moment reads as it was before or as it
/// is after, or as ``ModulePage/busy``.
public protocol ModuleTables: Sendable {
    /// Tells `body` of every page that is not the host's by its metadata (PAMT), and of each whose metadata a call holds
    /// locked. A large page is told of once, at its first address.
    func forEachModulePage(_ body: (PageAddress<AnyPage>, ModulePage) -> Void)
    /// One page's; nil for one of the host's, and for one inside a large page.
    func modulePage(_ address: PageAddress<AnyPage>) -> ModulePage?
    /// A KeyID's entry in the key ownership table; nil for a number that the table does not have.
    func keyEntry(_ keyID: KeyID) -> KeyTableEntry?
    /// Pages and KeyIDs that the host has to hand out now.
    var freePages: Int { get }
    var freeKeyIDs: Int { get }
}

/// A page's metadata, as TDH.PHYMEM.PAGE.RDMD would tell it.
public enum ModulePage: Hashable, Sendable {
    /// The page's type, and its owner's TDR; a TDR is its own.
    case held(PageType, owner: PageAddress<TDR>)
    /// A call is changing it.
    case busy
}

/// An entry of the key ownership table.
public struct KeyTableEntry: Hashable, Sendable {
    /// The words of the module's own specification.
    public enum State: String, Sendable {
        case free = "FREE"
        case assigned = "ASSIGNED"
        case flushed = "FLUSHED"
        case reserved = "RESERVED"
    }

    public let state: State
    /// Of a flushed one: packages whose caches have not been written back since.
    public let pendingPackages: Set<Package>

    public init(_ state: State, pendingPackages: Set<Package> = []) {
        self.state = state
        self.pendingPackages = pendingPackages
    }
}
