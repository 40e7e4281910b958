public import TDXCalls

/// Something the host did, or left out, that the module lets pass and a real machine punishes later and elsewhere: with
/// lost integrity, a machine check, or another TD's bytes.
public struct FakeHazard: Hashable, Sendable {
    /// Counts from 1, in the order of the reports.
    public let number: UInt64
    public let rule: HazardRule
    /// The page's address, where it is about one.
    public let page: UInt64?
    /// The KeyID it is about: the one that lines are under, or that was handed back.
    public let keyID: KeyID?
    /// What went before, if it was seen.
    public let earlier: FakeHazardDeed?
    /// What was done when the rule was found broken.
    public let later: FakeHazardDeed

    /// What is wrong, in a sentence.
    public var explanation: String { rule.explanation }
    /// What obliges the host.
    public var source: String { rule.source }
}

/// A call of the module or of the host's port.
public struct FakeHazardDeed: Hashable, Sendable {
    /// The leaf as `TDH.MNG.CREATE`, or what the host did as `host.free`.
    public let name: String
    /// Where a leaf ran; nil for the host's own deeds.
    public let processor: Processor?
    /// Counts all deeds a report could name, from 1.
    public let sequence: UInt64
}

/// What a host owes, by what breaks it.
public enum HazardRule: String, CaseIterable, Sendable {
    case pageNotFlushed
    case pageNotWrittenBack
    case tdrNotWrittenBack
    case pageNotCleared
    case pageUsedAfterFree
    case pageFreedWhileOwned
    case privateMemoryWritten
    case wrongKeyID
    case writtenBackUnderWrongKeyID
    case keyIDReused
    case keyIDFreedInUse
    case keyPartlyConfigured
    case vpFlushSkipped
    case notHandedOut

    public var explanation: String {
        switch self {
        case .pageNotFlushed:
            "the page was given to the module while lines of it may be dirty under KeyID 0: evicted later, they "
                + "overwrite what the module keeps there"
        case .pageNotWrittenBack:
            "the page was used again while lines of it may be dirty under a TD's KeyID: neither PHYMEM.PAGE.WBINVD with "
                + "that KeyID nor PHYMEM.CACHE.WB on every package came between"
        case .tdrNotWrittenBack:
            "the TDR's page was used again without PHYMEM.PAGE.WBINVD under the module's own KeyID, which no CACHE.WB "
                + "covers"
        case .pageNotCleared:
            "the page went back to ordinary use with the integrity data of private memory: a partial write to it raises "
                + "a machine check on some processors"
        case .pageUsedAfterFree: "the module was given a page that the host had freed, and may have given to others"
        case .pageFreedWhileOwned: "the host freed a page that the module still owns"
        case .privateMemoryWritten: "the host wrote to a page that the module owns: its integrity is lost"
        case .wrongKeyID:
            "memory was read under another KeyID than it was last written under: what is read is not what was written"
        case .writtenBackUnderWrongKeyID:
            "PHYMEM.PAGE.WBINVD named another KeyID than the page's lines are under: those stay in the caches"
        case .keyIDReused:
            "the KeyID was named for a new TD before the caches of every package were written back since it was flushed"
        case .keyIDFreedInUse: "the KeyID went back to the host's allocator while the module still has it in use"
        case .keyPartlyConfigured:
            "the TD was used while its key is programmed on some packages only"
        case .vpFlushSkipped:
            "TDH.MNG.VPFLUSHDONE was called while a vCPU is with a processor: TDH.VP.FLUSH was left out"
        case .notHandedOut: "the host flushed, cleared or freed what it does not hold"
        }
    }

    public var source: String {
        switch self {
        case .pageNotFlushed: "flush before a page is given: Intel TDX module base architecture, cache coherence"
        case .pageNotWrittenBack, .writtenBackUnderWrongKeyID:
            "write-back before reuse: PAGE.WBINVD after PAGE.REMOVE, or CACHE.WB on each package after VPFLUSHDONE"
        case .tdrNotWrittenBack: "the TDR lives under the global KeyID: PAGE.WBINVD with it follows PAGE.RECLAIM"
        case .pageNotCleared, .privateMemoryWritten: "partial-write erratum: 64-byte direct stores before ordinary use"
        case .pageUsedAfterFree, .pageFreedWhileOwned, .notHandedOut: "the host's page allocator"
        case .wrongKeyID: "memory encryption: the KeyID is part of the address"
        case .keyIDReused: "CACHE.WB on each package, then KEY.FREEID, then reuse"
        case .keyIDFreedInUse: "a KeyID is free after MNG.KEY.FREEID succeeded, and not before"
        case .keyPartlyConfigured: "MNG.KEY.CONFIG runs once on each package"
        case .vpFlushSkipped: "VP.FLUSH on each vCPU's processor of association precedes VPFLUSHDONE"
        }
    }
}
