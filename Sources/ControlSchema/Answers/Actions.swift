/// Every action on a TD: allowed now, or why not. Those on a vCPU stand in its `allowedActions`.
public struct ActionList: Codable, Hashable, Sendable {
    /// The actions.
    public var items: [TDAction]
    /// Phase of the TD.
    public var phase: TDPhase
    /// The module's lifecycle state.
    public var lifecycleState: LifecycleState
    /// The module's operation state; absent until the TDCS pages are complete.
    public var opState: OpState?
    /// Revision of the TD at which this holds, and the ETag.
    public var revision: UInt64

    public init(
        items: [TDAction], phase: TDPhase, lifecycleState: LifecycleState, opState: OpState? = nil, revision: UInt64
    ) {
        self.items = items
        self.phase = phase
        self.lifecycleState = lifecycleState
        self.opState = opState
        self.revision = revision
    }
}

/// An action on a TD or vCPU.
public struct ActionName: OpenEnum {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// TDH.MNG.KEY.CONFIG.
    public static let configureKey = Self(rawValue: "configure-key")
    /// TDH.MNG.ADDCX.
    public static let addTDCSPage = Self(rawValue: "add-tdcs-page")
    /// TDH.MNG.INIT, or TDH.VP.INIT on a vCPU.
    public static let initialize = Self(rawValue: "init")
    /// vCPUs built whole, or TDH.VP.CREATE alone.
    public static let createVCPU = Self(rawValue: "create-vcpu")
    /// A region of guest memory.
    public static let addMemory = Self(rawValue: "add-memory")
    /// TDH.MR.FINALIZE, and MRTD read back.
    public static let finalize = Self(rawValue: "finalize")
    /// TDH.VP.ADDCX.
    public static let addTDCXPage = Self(rawValue: "add-tdcx-page")
    /// TDH.VP.FLUSH.
    public static let flush = Self(rawValue: "flush")
    /// TDH.MNG.VPFLUSHDONE.
    public static let flushDone = Self(rawValue: "flush-done")
    /// TDH.PHYMEM.CACHE.WB.
    public static let writeBack = Self(rawValue: "write-back")
    /// TDH.MNG.KEY.FREEID.
    public static let freeKey = Self(rawValue: "free-key")
    /// TDH.PHYMEM.PAGE.RECLAIM.
    public static let reclaimPage = Self(rawValue: "reclaim-page")
    /// TDH.PHYMEM.PAGE.WBINVD.
    public static let writeBackTDR = Self(rawValue: "write-back-tdr")
    /// TDH.MNG.RD or TDH.VP.RD.
    public static let readField = Self(rawValue: "read-field")
    /// TDH.MNG.WR or TDH.VP.WR.
    public static let writeField = Self(rawValue: "write-field")
    /// Teardown.
    public static let delete = Self(rawValue: "delete")

    public static let known: [Self] = [
        .configureKey, .addTDCSPage, .initialize, .createVCPU, .addMemory, .finalize, .addTDCXPage, .flush, .flushDone,
        .writeBack, .freeKey, .reclaimPage, .writeBackTDR, .readField, .writeField, .delete,
    ]
}

/// One action and whether it is allowed now.
public struct TDAction: Codable, Hashable, Sendable {
    /// The action.
    public var action: ActionName
    /// HTTP method.
    public var method: String
    /// Path.
    public var href: String
    /// The leaf it issues; absent when it issues several.
    public var leaf: LeafName?
    /// Role it needs.
    public var role: RoleName
    /// Whether the module would take it now, as far as the daemon knows.
    public var allowed: Bool
    /// Why not; absent when it is allowed.
    public var reason: String?

    public init(
        action: ActionName, method: String, href: String, leaf: LeafName? = nil, role: RoleName, allowed: Bool,
        reason: String? = nil
    ) {
        self.action = action
        self.method = method
        self.href = href
        self.leaf = leaf
        self.role = role
        self.allowed = allowed
        self.reason = reason
    }
}

/// Who may do what; from viewer to admin each role may do what the one before it may.
public struct RoleName: OpenEnum {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// Reads, without addresses and register values.
    public static let viewer = Self(rawValue: "viewer")
    /// Lifecycle and field reads.
    public static let `operator` = Self(rawValue: "operator")
    /// Single steps, field writes, addresses and register values.
    public static let lab = Self(rawValue: "lab")
    /// Everything.
    public static let admin = Self(rawValue: "admin")
    /// `/metrics`, and nothing else.
    public static let metrics = Self(rawValue: "metrics")

    public static let known: [Self] = [
        .viewer, .`operator`, .lab, .admin, .metrics,
    ]
}
