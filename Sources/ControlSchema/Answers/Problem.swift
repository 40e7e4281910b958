/// A problem (RFC 9457).
public struct Problem: Codable, Hashable, Sendable {
    /// Path of the catalogue entry.
    public var type: String
    /// The catalogue's title.
    public var title: String
    /// The HTTP status.
    public var status: Int
    /// The catalogue's code: what a program should look at.
    public var code: String
    /// What happened this time, for a person.
    public var detail: String?
    /// Path of what failed.
    public var instance: String?
    /// The request.
    public var requestId: String?
    /// Whether the same request can succeed later without a change.
    public var retryable: Bool
    /// What is wrong with the request, place by place.
    public var violations: [Violation]?
    /// The call that was refused, where there was one.
    public var seamcall: SEAMCALLRecord?
    /// What ran out.
    public var capacity: CapacityShortage?
    /// The client's own limit that is reached.
    public var limit: LimitUse?
    /// State of the resource, when it is the wrong one.
    public var currentState: CurrentState?
    /// Actions that are allowed in that state.
    public var allowedActions: [ActionName]?
    /// Role that the request needs.
    public var requiredRole: RoleName?
    /// The operation that is in the way, or that failed.
    public var operation: String?
    /// vCPU creation: numbers of the vCPUs that exist after the failure.
    public var created: [Int]?
    /// vCPU creation: numbers of those that are initialised.
    public var initialized: [Int]?
    /// Field reads: `debug` when the field can be read on a debug TD only.
    public var readableWhen: String?
    /// Where the measurement and the manifest part.
    public var difference: MeasurementDifference?
    /// Who is in the way: ids of TDs and operations.
    public var usedBy: [String]?
    /// What could not be undone; absent when nothing.
    public var residue: [Residue]?
    /// Related paths.
    public var links: [String: String]?

    public init(
        type: String, title: String, status: Int, code: String, detail: String? = nil, instance: String? = nil,
        requestId: String? = nil, retryable: Bool, violations: [Violation]? = nil, seamcall: SEAMCALLRecord? = nil,
        capacity: CapacityShortage? = nil, limit: LimitUse? = nil, currentState: CurrentState? = nil,
        allowedActions: [ActionName]? = nil,
        requiredRole: RoleName? = nil, operation: String? = nil, created: [Int]? = nil, initialized: [Int]? = nil,
        readableWhen: String? = nil, difference: MeasurementDifference? = nil, usedBy: [String]? = nil,
        residue: [Residue]? = nil, links: [String: String]? = nil
    ) {
        self.type = type
        self.title = title
        self.status = status
        self.code = code
        self.detail = detail
        self.instance = instance
        self.requestId = requestId
        self.retryable = retryable
        self.violations = violations
        self.seamcall = seamcall
        self.capacity = capacity
        self.limit = limit
        self.currentState = currentState
        self.allowedActions = allowedActions
        self.requiredRole = requiredRole
        self.operation = operation
        self.created = created
        self.initialized = initialized
        self.readableWhen = readableWhen
        self.difference = difference
        self.usedBy = usedBy
        self.residue = residue
        self.links = links
    }
}

/// One thing that is wrong with a request.
public struct Violation: Codable, Hashable, Sendable {
    /// JSON Pointer (RFC 6901) into the body; absent when a parameter is at fault.
    public var pointer: String?
    /// Name of the query parameter or header; absent when the body is at fault.
    public var parameter: String?
    /// What is wrong.
    public var reason: String
    /// Bits that are permitted there.
    public var allowedMask: HexValue?

    public init(
        pointer: String? = nil, parameter: String? = nil, reason: String, allowedMask: HexValue? = nil
    ) {
        self.pointer = pointer
        self.parameter = parameter
        self.reason = reason
        self.allowedMask = allowedMask
    }
}

/// What can run out.
public struct CapacityResource: OpenEnum {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// Private KeyIDs.
    public static let keyIds = Self(rawValue: "keyIds")
    /// Pages that can be handed to the module.
    public static let pages = Self(rawValue: "pages")
    /// 2 MiB of such pages in a row, from a multiple of 2 MiB on.
    public static let largePages = Self(rawValue: "largePages")
    /// VCPUs.
    public static let vcpus = Self(rawValue: "vcpus")
    /// Operations that wait.
    public static let operations = Self(rawValue: "operations")
    /// TDs.
    public static let tds = Self(rawValue: "tds")

    /// Bytes of guest images.
    public static let imageBytes = Self(rawValue: "imageBytes")

    public static let known: [Self] = [
        .keyIds, .pages, .largePages, .vcpus, .operations, .tds, .imageBytes,
    ]
}

/// What ran out.
public struct CapacityShortage: Codable, Hashable, Sendable {
    /// Which.
    public var resource: CapacityResource
    /// How many there are.
    public var limit: Int
    /// How many are held.
    public var used: Int
    /// How many of the rest are in quarantine.
    public var quarantined: Int
    /// How many of the rest someone else holds.
    public var foreign: Int
    /// Whose limit it is, when it is not the host's.
    public var identity: String?

    public init(
        resource: CapacityResource, limit: Int, used: Int, quarantined: Int, foreign: Int, identity: String? = nil
    ) {
        self.resource = resource
        self.limit = limit
        self.used = used
        self.quarantined = quarantined
        self.foreign = foreign
        self.identity = identity
    }
}

/// State of a resource, when it is the wrong one for a request.
public struct CurrentState: Codable, Hashable, Sendable {
    /// Phase of the TD.
    public var phase: TDPhase?
    /// The module's lifecycle state of the TD.
    public var lifecycleState: LifecycleState?
    /// The module's operation state of the TD.
    public var opState: OpState?
    /// The module's state of the vCPU.
    public var vcpuState: VCPUState?
    /// State of the operation.
    public var operationState: OperationState?

    public init(
        phase: TDPhase? = nil, lifecycleState: LifecycleState? = nil, opState: OpState? = nil,
        vcpuState: VCPUState? = nil, operationState: OperationState? = nil
    ) {
        self.phase = phase
        self.lifecycleState = lifecycleState
        self.opState = opState
        self.vcpuState = vcpuState
        self.operationState = operationState
    }
}
