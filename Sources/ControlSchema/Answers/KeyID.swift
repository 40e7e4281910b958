/// Whose a KeyID is.
public struct KeyIDRole: OpenEnum {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// For TDs.
    public static let td = Self(rawValue: "td")
    /// The module's own.
    public static let moduleGlobal = Self(rawValue: "moduleGlobal")
    /// Held by someone else.
    public static let foreign = Self(rawValue: "foreign")

    public static let known: [Self] = [
        .td, .moduleGlobal, .foreign,
    ]
}

/// Where a KeyID stands.
public struct KeyIDState: OpenEnum {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// Can be given to a TD.
    public static let free = Self(rawValue: "free")
    /// Claimed by an operation, or the module's own.
    public static let reserved = Self(rawValue: "reserved")
    /// TDH.MNG.CREATE gave it to a TD.
    public static let assigned = Self(rawValue: "assigned")
    /// TDH.MNG.VPFLUSHDONE was accepted; caches must be written back on every package.
    public static let flushed = Self(rawValue: "flushed")
    /// Could not be freed; never handed out again.
    public static let quarantined = Self(rawValue: "quarantined")
    /// Held by someone else.
    public static let foreign = Self(rawValue: "foreign")
    /// The daemon does not know.
    public static let unknown = Self(rawValue: "unknown")

    public static let known: [Self] = [
        .free, .reserved, .assigned, .flushed, .quarantined, .foreign, .unknown,
    ]
}

/// How a state is known.
public struct StateSource: OpenEnum {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// A field read answered since the last change.
    public static let read = Self(rawValue: "read")
    /// Concluded from accepted calls: the module cannot be asked.
    public static let inferred = Self(rawValue: "inferred")

    public static let known: [Self] = [
        .read, .inferred,
    ]
}

/// Whether a package must still write its caches back.
public struct WriteBackState: OpenEnum {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// The KeyID is not flushed.
    public static let notNeeded = Self(rawValue: "notNeeded")
    /// TDH.PHYMEM.CACHE.WB has not yet completed there.
    public static let pending = Self(rawValue: "pending")
    /// Completed.
    public static let done = Self(rawValue: "done")

    public static let known: [Self] = [
        .notNeeded, .pending, .done,
    ]
}

/// One private KeyID: its state, its owner, and its last failing call.
public struct KeyID: Codable, Hashable, Sendable {
    /// The KeyID.
    public var number: Int
    /// Sequence of its last change, and its ETag.
    public var revision: UInt64
    /// Whose it is.
    public var role: KeyIDRole
    /// Where it stands.
    public var state: KeyIDState
    /// State of its entry in the module's key ownership table, where it can be told.
    public var kotState: KOTState?
    /// How the state is known.
    public var stateSource: StateSource
    /// The TD that holds it; absent when none does.
    public var owner: KeyIDOwner?
    /// One entry for each package.
    public var packages: [KeyIDPackage]
    /// Sequence of the event that led to this state.
    public var sinceSequence: UInt64
    /// When it came to this state.
    public var since: Timestamp
    /// How many TDs had it before.
    public var reuseCount: Int
    /// The last call refused over this KeyID; absent when none was.
    public var lastFailure: CallFailure?
    /// Related paths.
    public var links: [String: String]?

    public init(
        number: Int, revision: UInt64, role: KeyIDRole, state: KeyIDState, kotState: KOTState? = nil,
        stateSource: StateSource, owner: KeyIDOwner? = nil, packages: [KeyIDPackage], sinceSequence: UInt64,
        since: Timestamp, reuseCount: Int, lastFailure: CallFailure? = nil, links: [String: String]? = nil
    ) {
        self.number = number
        self.revision = revision
        self.role = role
        self.state = state
        self.kotState = kotState
        self.stateSource = stateSource
        self.owner = owner
        self.packages = packages
        self.sinceSequence = sinceSequence
        self.since = since
        self.reuseCount = reuseCount
        self.lastFailure = lastFailure
        self.links = links
    }
}

/// State of an entry in the module's key ownership table.
public struct KOTState: OpenEnum {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// No owner.
    public static let free = Self(rawValue: "FREE")
    /// Belongs to a TD.
    public static let assigned = Self(rawValue: "ASSIGNED")
    /// Waits for cache write-back.
    public static let flushed = Self(rawValue: "FLUSHED")
    /// The module's own.
    public static let reserved = Self(rawValue: "RESERVED")

    public static let known: [Self] = [
        .free, .assigned, .flushed, .reserved,
    ]
}

/// The TD that holds a KeyID.
public struct KeyIDOwner: Codable, Hashable, Sendable {
    /// The TD.
    public var tdId: String
    /// Host physical address of its TDR. Roles `lab` and `admin` only.
    public var tdr: HexValue?
    /// True when the address was left out for the reader's role.
    public var redacted: Bool?

    public init(
        tdId: String, tdr: HexValue? = nil, redacted: Bool? = nil
    ) {
        self.tdId = tdId
        self.tdr = tdr
        self.redacted = redacted
    }
}

/// What one package knows of a KeyID.
public struct KeyIDPackage: Codable, Hashable, Sendable {
    /// The package.
    public var package: Int
    /// Whether TDH.MNG.KEY.CONFIG was accepted there.
    public var keyConfigured: Bool
    /// Whether its caches must still be written back.
    public var writeBack: WriteBackState

    public init(
        package: Int, keyConfigured: Bool, writeBack: WriteBackState
    ) {
        self.package = package
        self.keyConfigured = keyConfigured
        self.writeBack = writeBack
    }
}

/// A refused call in short.
public struct CallFailure: Codable, Hashable, Sendable {
    /// Its SEAMCALL record; absent where a daemon before this one made the call.
    public var seamcall: String?
    /// The leaf; absent where no call is to blame.
    public var leaf: LeafName?
    /// Name of the completion; absent when the code is not known.
    public var completionName: String?
    /// RAX, sixteen digits; absent when the instruction itself failed.
    public var completion: CompletionHex?
    /// In words, where there is no record.
    public var reason: String?
    /// When.
    public var at: Timestamp

    public init(
        seamcall: String? = nil, leaf: LeafName? = nil, completionName: String? = nil,
        completion: CompletionHex? = nil, reason: String? = nil, at: Timestamp
    ) {
        self.seamcall = seamcall
        self.leaf = leaf
        self.completionName = completionName
        self.completion = completion
        self.reason = reason
        self.at = at
    }
}
