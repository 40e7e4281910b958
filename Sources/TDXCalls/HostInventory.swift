/// What a host still holds from a daemon that is gone: pages the module has, and KeyIDs in use.
public struct HostInventory: Hashable, Sendable {
    public var pages: [HeldPage]
    public var keyIDs: [HeldKeyID]

    public init(pages: [HeldPage] = [], keyIDs: [HeldKeyID] = []) {
        self.pages = pages
        self.keyIDs = keyIDs
    }

    public var isEmpty: Bool { pages.isEmpty && keyIDs.isEmpty }
}

/// A page that is not the host's to use.
public struct HeldPage: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        case tdr, tdcs, tdvpr, tdcx, sept, guest
        /// The module has let go of it; its caches are still to be written back.
        case returned
        /// Whose it is cannot be known.
        case doubtful
    }

    public let address: PageAddress<AnyPage>
    public let kind: Kind
    /// Of a TDCX: its TDVPR. Of the others but a TDR: the TD's TDR. Nil where that is not known.
    public let parent: PageAddress<AnyPage>?
    /// Of a TDR: its KeyID, while it has one.
    public let keyID: KeyID?
    /// Of a TDVPR: where it is associated, as far as the back end knows.
    public let processor: Processor?
    /// Of a page in doubt: why.
    public let doubt: HoldingDoubt?
    /// Of a doubtful page: what it was before; nil where it was the host's, or that is not known.
    public let was: Kind?

    public init(
        _ address: PageAddress<AnyPage>, _ kind: Kind, parent: PageAddress<AnyPage>? = nil, keyID: KeyID? = nil,
        processor: Processor? = nil, doubt: HoldingDoubt? = nil, was: Kind? = nil
    ) {
        self.address = address
        self.kind = kind
        self.parent = parent
        self.keyID = keyID
        self.processor = processor
        self.doubt = doubt
        self.was = was
    }
}

/// A KeyID that is not free.
public struct HeldKeyID: Hashable, Sendable {
    public let number: KeyID
    /// The TD that has it; nil where that is not known.
    public let tdr: PageAddress<AnyPage>?
    public let doubt: HoldingDoubt?

    public init(_ number: KeyID, tdr: PageAddress<AnyPage>?, doubt: HoldingDoubt? = nil) {
        self.number = number
        self.tdr = tdr
        self.doubt = doubt
    }
}

/// Why something is out of use for good.
public struct HoldingDoubt: Hashable, Sendable {
    /// A sentence.
    public let reason: String
    /// The call it came of; nil where it came of none.
    public let leaf: Leaf?
    /// What that call answered, where it did.
    public let completion: Completion?

    public init(reason: String, leaf: Leaf?, completion: Completion?) {
        self.reason = reason
        self.leaf = leaf
        self.completion = completion
    }
}
