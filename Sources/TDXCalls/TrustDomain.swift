/// A trust domain as the module knows it: its root page and its control-structure pages, nothing else.
///
/// These are exactly the RFC's members. The KeyID, the name, the phase and the processors belong to
/// whoever embeds it, as they belong to KVM in Linux.
///
/// The RFC weighed other forms. Bare 64-bit numbers let every argument order compile. Virtual addresses
/// would promise that the host may touch pages it must not touch. `hpa_t`, `kvm_pfn_t` and `struct page`
/// were each argued for (a physical address says what the module wants, a page frame cannot be misaligned,
/// a page struct suggests ordinary memory); a page address with its kind as a type parameter keeps what
/// was good in each and costs nothing at run time.
public struct TD: Hashable, Sendable {
    public var tdr: PageAddress<TDR>
    public var tdcs: [PageAddress<TDCS>]

    public init(tdr: PageAddress<TDR>, tdcs: [PageAddress<TDCS>] = []) {
        self.tdr = tdr
        self.tdcs = tdcs
    }
}

/// A vCPU as the module knows it: its root page and its further pages, nothing else. See ``TD``.
public struct VP: Hashable, Sendable {
    public var tdvpr: PageAddress<TDVPR>
    public var tdcx: [PageAddress<TDCX>]

    public init(tdvpr: PageAddress<TDVPR>, tdcx: [PageAddress<TDCX>] = []) {
        self.tdvpr = tdvpr
        self.tdcx = tdcx
    }
}
