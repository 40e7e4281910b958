/// Where a planned leaf runs.
public struct PlannedPlace: OpenEnum {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// On any logical processor.
    public static let anyProcessor = Self(rawValue: "anyProcessor")
    /// Once on each package.
    public static let eachPackage = Self(rawValue: "eachPackage")
    /// On the logical processor the vCPU is associated with.
    public static let associatedProcessor = Self(rawValue: "associatedProcessor")
    /// On the logical processor the request names.
    public static let chosenProcessor = Self(rawValue: "chosenProcessor")

    public static let known: [Self] = [
        .anyProcessor, .eachPackage, .associatedProcessor, .chosenProcessor,
    ]
}

/// What an operation would do: its leaves in order.
public struct Plan: Codable, Hashable, Sendable {
    /// What it does.
    public var kind: OperationKind
    /// The leaves in order.
    public var leaves: [PlannedLeaf]
    /// Pages it would take.
    public var pages: PlannedPages
    /// KeyIDs it would take.
    public var keyIds: Int
    /// MRTD as the TD will have it; absent where no memory is added and nothing finalised.
    public var predictedMrtd: Hex384?
    /// What the module is bound to refuse of it; what the daemon itself refuses is a problem, dry run or not.
    public var wouldFail: [PlannedRefusal]

    public init(
        kind: OperationKind, leaves: [PlannedLeaf], pages: PlannedPages, keyIds: Int, predictedMrtd: Hex384? = nil,
        wouldFail: [PlannedRefusal]
    ) {
        self.kind = kind
        self.leaves = leaves
        self.pages = pages
        self.keyIds = keyIds
        self.predictedMrtd = predictedMrtd
        self.wouldFail = wouldFail
    }
}

/// A run of the same leaf.
public struct PlannedLeaf: Codable, Hashable, Sendable {
    /// The leaf.
    public var leaf: LeafName
    /// The function that issues it.
    public var wrapper: String
    /// How often.
    public var times: Int
    /// Where.
    public var `where`: PlannedPlace

    public init(
        leaf: LeafName, wrapper: String, times: Int, where: PlannedPlace
    ) {
        self.leaf = leaf
        self.wrapper = wrapper
        self.times = times
        self.where = `where`
    }
}

/// Pages of 4 KiB by kind.
public struct PlannedPages: Codable, Hashable, Sendable {
    /// TD root pages.
    public var tdr: Int
    /// TDCS pages.
    public var tdcs: Int
    /// vCPU root pages.
    public var tdvpr: Int
    /// Further vCPU pages.
    public var tdcx: Int
    /// Secure EPT pages.
    public var sept: Int
    /// Pages of guest memory.
    public var guest: Int

    public init(
        tdr: Int, tdcs: Int, tdvpr: Int, tdcx: Int, sept: Int = 0, guest: Int = 0
    ) {
        self.tdr = tdr
        self.tdcs = tdcs
        self.tdvpr = tdvpr
        self.tdcx = tdcx
        self.sept = sept
        self.guest = guest
    }
}

/// Something in a plan that the module is bound to refuse.
public struct PlannedRefusal: Codable, Hashable, Sendable {
    /// Code of the problem.
    public var code: String
    /// The reason in words.
    public var detail: String
    /// JSON Pointer of the request member that is at fault.
    public var pointer: String?

    public init(
        code: String, detail: String, pointer: String? = nil
    ) {
        self.code = code
        self.detail = detail
        self.pointer = pointer
    }
}
