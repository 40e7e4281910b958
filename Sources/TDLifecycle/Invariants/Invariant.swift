public import TDXCalls

/// Something that is to hold whenever the engine's lock is free, whatever runs.
public enum Invariant: String, CaseIterable, Sendable {
    case pagesHaveOneOwner, pageKindsMatchTheirTD, vcpuPagesMatch, pagesAddUp
    case keyIDsHaveOneOwner, keyIDsAddUp
    case lifecycleMatchesHoldings, guestMemoryMatches, quarantineHasReasons
    case operationsHaveOneTarget, namesAreUnique, associationsAddUp, allowancesAddUp
    case modulePagesAgree, moduleKeysAgree, hostPoolAgrees

    public var statement: String {
        switch self {
        case .pagesHaveOneOwner: "Every page is in one row of one TD."
        case .pageKindsMatchTheirTD: "A TD's pages are those its TDR, TDCS and vCPUs name, and are counted by kind."
        case .vcpuPagesMatch: "A vCPU's pages belong to its TD, and an initialised one has as many as the module wants."
        case .pagesAddUp:
            "Pages held, promised and quarantined are those of TDs and operations, and no more than there are."
        case .keyIDsHaveOneOwner: "Every KeyID is free, or one TD has it and both rows say so."
        case .keyIDsAddUp: "KeyIDs by state are what the rows say, and no more than there are."
        case .lifecycleMatchesHoldings: "A TD's lifecycle state agrees with the pages, keys and vCPUs it has."
        case .guestMemoryMatches: "Regions and secure EPT tables of a TD are as many pages as it holds for them."
        case .quarantineHasReasons: "What is quarantined is listed with the call or the reason it came of."
        case .operationsHaveOneTarget: "Every unfinished operation is the one operation of a TD that is there."
        case .namesAreUnique: "A name means the one TD that has it."
        case .associationsAddUp: "vCPUs are associated with processors there are, whose loads are what is on them."
        case .allowancesAddUp: "Operations and KeyIDs are counted for whoever has them."
        case .modulePagesAgree: "The module's page metadata gives every page the type and owner that the ledger does."
        case .moduleKeysAgree: "The module's key table has every KeyID in the state that the ledger does."
        case .hostPoolAgrees: "The host's free pages and KeyIDs and those of the ledger are all there are."
        }
    }
}

/// What looking at one invariant came to.
public struct InvariantFinding: Hashable, Sendable {
    public enum Verdict: String, Sendable {
        case holds, broken
        /// Nothing was looked at; `reason` says why.
        case notChecked
    }

    public let invariant: Invariant
    public var verdict: Verdict { reason != nil ? .notChecked : brokenCount > 0 ? .broken : .holds }
    /// How many things were looked at: pages, KeyIDs, TDs, vCPUs or operations.
    public internal(set) var examined = 0
    /// Those left out, because a step was changing them or there were too many.
    public internal(set) var skipped = 0
    public private(set) var brokenCount = 0
    /// The first few.
    public private(set) var counterexamples: [Counterexample] = []
    public let reason: String?

    /// Most that are kept of one invariant; all are counted.
    public static let counterexamplesMax = 20
    /// Most pages one invariant looks at, control pages first: 1 GiB of them.
    public static let pagesMax = 262_144

    init(_ invariant: Invariant, notChecked reason: String? = nil) {
        self.invariant = invariant
        self.reason = reason
    }

    mutating func breaks(_ counterexample: Counterexample) {
        brokenCount += 1
        if counterexamples.count < Self.counterexamplesMax { counterexamples.append(counterexample) }
    }

    /// Looks at one thing.
    mutating func expect(_ holds: Bool, _ counterexample: @autoclosure () -> Counterexample) {
        examined += 1
        if !holds { breaks(counterexample()) }
    }
}

/// What breaks an invariant, by its names.
public struct Counterexample: Hashable, Sendable {
    /// A sentence without addresses.
    public let detail: String
    public let td: ResourceID?
    public let vcpu: Int?
    public let page: ResourceID?
    public let address: PageAddress<AnyPage>?
    public let keyID: KeyID?
    public let operation: ResourceID?

    init(
        _ detail: String, td: ResourceID? = nil, vcpu: Int? = nil, page: ResourceID? = nil,
        address: PageAddress<AnyPage>? = nil, keyID: KeyID? = nil, operation: ResourceID? = nil
    ) {
        self.detail = detail
        self.td = td
        self.vcpu = vcpu
        self.page = page
        self.address = address
        self.keyID = keyID
        self.operation = operation
    }

    init(_ detail: String, _ domain: Domain, _ page: Page) {
        self.init(detail, td: domain.id, vcpu: page.vcpu, page: page.id, address: page.address)
    }
}

/// All invariants as of one instant.
public struct InvariantReport: Sendable {
    /// Nothing has happened between this sequence and the instant.
    public let revision: UInt64
    public let findings: [InvariantFinding]
}
