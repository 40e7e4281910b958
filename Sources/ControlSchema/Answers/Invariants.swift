/// What is to hold, and whether it does.
public struct InvariantReport: Codable, Hashable, Sendable {
    /// How many hold.
    public var holding: Int
    /// How many are broken.
    public var broken: Int
    /// How many nothing can be said about.
    public var notChecked: Int
    /// Every invariant.
    public var items: [InvariantFinding]
    /// Sequence of the last event before it was looked at; the ETag.
    public var revision: UInt64

    public init(holding: Int, broken: Int, notChecked: Int, items: [InvariantFinding], revision: UInt64) {
        self.holding = holding
        self.broken = broken
        self.notChecked = notChecked
        self.items = items
        self.revision = revision
    }
}

/// One invariant, and what looking at it came to.
public struct InvariantFinding: Codable, Hashable, Sendable {
    /// Its name.
    public var name: InvariantName
    /// What is to hold, in a sentence.
    public var statement: String
    /// What was found.
    public var state: InvariantState
    /// Why it was not checked.
    public var reason: String?
    /// How many things were looked at: pages, KeyIDs, TDs, vCPUs or operations.
    public var examined: Int
    /// How many were left out, because a step was changing them or there were too many.
    public var skipped: Int
    /// How many counterexamples there are.
    public var brokenCount: Int
    /// The first few of them.
    public var counterexamples: [InvariantCounterexample]

    public init(
        name: InvariantName, statement: String, state: InvariantState, reason: String? = nil, examined: Int,
        skipped: Int, brokenCount: Int, counterexamples: [InvariantCounterexample]
    ) {
        self.name = name
        self.statement = statement
        self.state = state
        self.reason = reason
        self.examined = examined
        self.skipped = skipped
        self.brokenCount = brokenCount
        self.counterexamples = counterexamples
    }
}

/// What breaks an invariant, by id.
public struct InvariantCounterexample: Codable, Hashable, Sendable {
    /// What is wrong, in words.
    public var detail: String
    /// The TD.
    public var tdId: String?
    /// The vCPU.
    public var vcpuNumber: Int?
    /// The page; absent where no row has it.
    public var pageId: String?
    /// Host physical address of the page. Roles `lab` and `admin` only.
    public var address: HexValue?
    /// True when the address was left out for the reader's role.
    public var redacted: Bool?
    /// The KeyID.
    public var keyId: Int?
    /// The operation.
    public var operationId: String?

    public init(
        detail: String, tdId: String? = nil, vcpuNumber: Int? = nil, pageId: String? = nil, address: HexValue? = nil,
        redacted: Bool? = nil, keyId: Int? = nil, operationId: String? = nil
    ) {
        self.detail = detail
        self.tdId = tdId
        self.vcpuNumber = vcpuNumber
        self.pageId = pageId
        self.address = address
        self.redacted = redacted
        self.keyId = keyId
        self.operationId = operationId
    }
}

/// The name of an invariant; what each says is in its finding.
public struct InvariantName: OpenEnum {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    public static let known: [Self] = [
        "pagesHaveOneOwner", "pageKindsMatchTheirTD", "vcpuPagesMatch", "pagesAddUp", "keyIDsHaveOneOwner",
        "keyIDsAddUp", "lifecycleMatchesHoldings", "guestMemoryMatches", "quarantineHasReasons",
        "operationsHaveOneTarget", "namesAreUnique", "associationsAddUp", "allowancesAddUp", "modulePagesAgree",
        "moduleKeysAgree", "hostPoolAgrees",
    ].map { Self(rawValue: $0) }
}

/// What looking at an invariant came to.
public struct InvariantState: OpenEnum {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// In everything that was looked at.
    public static let holds = Self(rawValue: "holds")
    /// By the counterexamples.
    public static let broken = Self(rawValue: "broken")
    /// Nothing was looked at.
    public static let notChecked = Self(rawValue: "notChecked")

    public static let known: [Self] = [
        .holds, .broken, .notChecked,
    ]
}
