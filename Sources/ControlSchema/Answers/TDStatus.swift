/// Our summary of where a TD stands.
public struct TDPhase: OpenEnum {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// Not yet INITIALIZED.
    public static let building = Self(rawValue: "building")
    /// TDH.MNG.INIT was accepted.
    public static let initialized = Self(rawValue: "initialized")
    /// TDH.MR.FINALIZE was accepted.
    public static let finalized = Self(rawValue: "finalized")
    /// A teardown has begun.
    public static let tearingDown = Self(rawValue: "tearingDown")
    /// Gone; only the record remains.
    public static let deleted = Self(rawValue: "deleted")
    /// A fatal completion or a failed operation: only teardown is left.
    public static let failed = Self(rawValue: "failed")
    /// Something it held could not be freed.
    public static let quarantined = Self(rawValue: "quarantined")
    /// The module no longer has it.
    public static let lost = Self(rawValue: "lost")
    /// The daemon does not know.
    public static let unknown = Self(rawValue: "unknown")

    public static let known: [Self] = [
        .building, .initialized, .finalized, .tearingDown, .deleted, .failed, .quarantined, .lost, .unknown,
    ]
}

/// The module's lifecycle state of a TD.
public struct LifecycleState: OpenEnum {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// No TDR has been accepted.
    public static let none = Self(rawValue: "NONE")
    /// TDH.MNG.CREATE was accepted.
    public static let hkidAssigned = Self(rawValue: "HKID_ASSIGNED")
    /// The key is configured on every package.
    public static let keysConfigured = Self(rawValue: "KEYS_CONFIGURED")
    /// TDH.MNG.VPFLUSHDONE was accepted.
    public static let blocked = Self(rawValue: "BLOCKED")
    /// TDH.MNG.KEY.FREEID was accepted.
    public static let teardown = Self(rawValue: "TEARDOWN")

    public static let known: [Self] = [
        .none, .hkidAssigned, .keysConfigured, .blocked, .teardown,
    ]
}

/// The module's operation state of a TD.
public struct OpState: OpenEnum {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// TDCS pages are complete.
    public static let uninitialized = Self(rawValue: "UNINITIALIZED")
    /// TDH.MNG.INIT was accepted.
    public static let initialized = Self(rawValue: "INITIALIZED")
    /// The measurement is final.
    public static let runnable = Self(rawValue: "RUNNABLE")

    public static let known: [Self] = [
        .uninitialized, .initialized, .runnable,
    ]
}

/// What a TD is now.
public struct TDStatus: Codable, Hashable, Sendable {
    /// Our summary.
    public var phase: TDPhase
    /// The module's lifecycle state.
    public var lifecycleState: LifecycleState
    /// The module's operation state; absent until the TDCS pages are complete.
    public var opState: OpState?
    /// How the two are known.
    public var stateSource: StateSource
    /// Whether the module has declared the TD fatal.
    public var fatal: Bool
    /// Names of the bits set in ATTRIBUTES.
    public var attributeNames: [String]
    /// Names of the bits set in XFAM.
    public var xfamNames: [String]
    /// Its private KeyID; absent when it has none.
    public var keyId: Int?
    /// Packages on which its key is configured.
    public var keyConfiguredPackages: [Int]
    /// Packages on which it must be.
    public var packageCount: Int
    /// Pages it holds.
    public var pages: TDPageCounts
    /// Its vCPUs.
    public var vcpus: TDVCPUCounts
    /// How far its measurement is.
    public var measurement: TDMeasurementStatus
    /// What is noteworthy.
    public var conditions: [Condition]
    /// Actions that are allowed now; `GET /tds/{id}/actions` says why the others are not.
    public var allowedActions: [ActionName]
    /// The operation that is at work on it; absent when none is.
    public var activeOperation: String?

    public init(
        phase: TDPhase, lifecycleState: LifecycleState, opState: OpState? = nil, stateSource: StateSource,
        fatal: Bool, attributeNames: [String], xfamNames: [String], keyId: Int? = nil, keyConfiguredPackages: [Int],
        packageCount: Int, pages: TDPageCounts, vcpus: TDVCPUCounts, measurement: TDMeasurementStatus,
        conditions: [Condition],
        allowedActions: [ActionName], activeOperation: String? = nil
    ) {
        self.phase = phase
        self.lifecycleState = lifecycleState
        self.opState = opState
        self.stateSource = stateSource
        self.fatal = fatal
        self.attributeNames = attributeNames
        self.xfamNames = xfamNames
        self.keyId = keyId
        self.keyConfiguredPackages = keyConfiguredPackages
        self.packageCount = packageCount
        self.pages = pages
        self.vcpus = vcpus
        self.measurement = measurement
        self.conditions = conditions
        self.allowedActions = allowedActions
        self.activeOperation = activeOperation
    }
}

/// Pages of 4 KiB that a TD holds. The PAMT calls both `tdcs` and `tdcx` pages TDCX.
public struct TDPageCounts: Codable, Hashable, Sendable {
    /// TD root page: 0 or 1.
    public var tdr: Int
    /// TDCS pages, which TDH.MNG.ADDCX took.
    public var tdcs: Int
    /// vCPU root pages, which TDH.VP.CREATE took.
    public var tdvpr: Int
    /// Further vCPU pages, which TDH.VP.ADDCX took.
    public var tdcx: Int
    /// Secure EPT pages, which TDH.MEM.SEPT.ADD took.
    public var sept: Int
    /// Pages of guest memory, which TDH.MEM.PAGE.ADD took.
    public var guest: Int
    /// Pages that could not be taken back.
    public var quarantined: Int
    /// All of them, in bytes.
    public var totalBytes: Int

    public init(
        tdr: Int, tdcs: Int, tdvpr: Int, tdcx: Int, sept: Int, guest: Int, quarantined: Int, totalBytes: Int
    ) {
        self.tdr = tdr
        self.tdcs = tdcs
        self.tdvpr = tdvpr
        self.tdcx = tdcx
        self.sept = sept
        self.guest = guest
        self.quarantined = quarantined
        self.totalBytes = totalBytes
    }
}

/// vCPUs of a TD.
public struct TDVCPUCounts: Codable, Hashable, Sendable {
    /// TDH.VP.CREATE was accepted.
    public var created: Int
    /// TDH.VP.INIT was accepted.
    public var initialized: Int
    /// Associated with a logical processor.
    public var associated: Int
    /// MAX_VCPUS.
    public var max: Int

    public init(
        created: Int, initialized: Int, associated: Int, max: Int
    ) {
        self.created = created
        self.initialized = initialized
        self.associated = associated
        self.max = max
    }
}

/// Whether a condition holds.
public struct ConditionState: OpenEnum {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// It holds.
    public static let `true` = Self(rawValue: "True")
    /// It does not.
    public static let `false` = Self(rawValue: "False")
    /// The daemon does not know.
    public static let Unknown = Self(rawValue: "Unknown")

    public static let known: [Self] = [
        .`true`, .`false`, .Unknown,
    ]
}

/// One noteworthy thing about a resource.
public struct Condition: Codable, Hashable, Sendable {
    /// What the condition is about.
    public var type: String
    /// Whether it holds.
    public var state: ConditionState
    /// One word for the reason.
    public var reason: String
    /// The reason for a person.
    public var message: String
    /// When `state` last changed.
    public var lastTransitionAt: Timestamp
    /// Revision of the resource at which this was seen.
    public var observedRevision: UInt64

    public init(
        type: String, state: ConditionState, reason: String, message: String, lastTransitionAt: Timestamp,
        observedRevision: UInt64
    ) {
        self.type = type
        self.state = state
        self.reason = reason
        self.message = message
        self.lastTransitionAt = lastTransitionAt
        self.observedRevision = observedRevision
    }
}
