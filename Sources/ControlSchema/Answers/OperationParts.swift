/// What an operation works on.
public struct OperationTarget: Codable, Hashable, Sendable {
    /// The TD.
    public var tdId: String?
    /// The vCPUs.
    public var vcpuNumbers: [Int]?
    /// The KeyID.
    public var keyId: Int?
    /// The page.
    public var pageId: String?
    /// Path of the resource.
    public var link: String?

    public init(
        tdId: String? = nil, vcpuNumbers: [Int]? = nil, keyId: Int? = nil, pageId: String? = nil,
        link: String? = nil
    ) {
        self.tdId = tdId
        self.vcpuNumbers = vcpuNumbers
        self.keyId = keyId
        self.pageId = pageId
        self.link = link
    }
}

/// How far an operation is.
public struct Progress: Codable, Hashable, Sendable {
    /// Units done.
    public var done: Int
    /// Units in all, as far as known.
    public var total: Int
    /// What is counted.
    public var unit: String
    /// Bytes of guest memory that are there, and measured if they are to be; absent where none is added.
    public var bytesDone: Int?
    /// Bytes of guest memory that are to be added; absent where none is.
    public var bytesTotal: Int?
    /// The leaf at work; absent before the first and after the last.
    public var step: String?

    public init(
        done: Int, total: Int, unit: String, bytesDone: Int? = nil, bytesTotal: Int? = nil, step: String? = nil
    ) {
        self.done = done
        self.total = total
        self.unit = unit
        self.bytesDone = bytesDone
        self.bytesTotal = bytesTotal
        self.step = step
    }
}

/// What an operation waits for.
public struct Stuck: Codable, Hashable, Sendable {
    /// Since when.
    public var since: Timestamp
    /// The last refused call.
    public var seamcall: String?
    /// Name of the completion, or of what is waited for.
    public var reason: String
    /// Attempts so far.
    public var attempts: Int

    public init(
        since: Timestamp, seamcall: String? = nil, reason: String, attempts: Int
    ) {
        self.since = since
        self.seamcall = seamcall
        self.reason = reason
        self.attempts = attempts
    }
}

/// What was left behind.
public struct ResidueKind: OpenEnum {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// A vCPU that exists whole or in part; its pages come back when the TD is torn down.
    public static let vcpu = Self(rawValue: "vcpu")
    /// A TD that could not be torn down.
    public static let td = Self(rawValue: "td")
    /// A page in quarantine.
    public static let page = Self(rawValue: "page")
    /// A KeyID in quarantine.
    public static let keyId = Self(rawValue: "keyId")
    /// A vCPU that is associated with a logical processor.
    public static let association = Self(rawValue: "association")

    /// Guest memory that is there in whole or in part; its pages come back when the TD is torn down.
    public static let memory = Self(rawValue: "memory")
    /// Secure EPT pages of such memory.
    public static let sept = Self(rawValue: "sept")
    /// A measurement that can no longer become what was planned.
    public static let measurement = Self(rawValue: "measurement")

    public static let known: [Self] = [
        .vcpu, .td, .page, .keyId, .association, .memory, .sept, .measurement,
    ]
}

/// Something that an operation left behind and could not undo.
public struct Residue: Codable, Hashable, Sendable {
    /// What it is.
    public var kind: ResidueKind
    /// The same in words.
    public var description: String
    /// The TD.
    public var tdId: String?
    /// The vCPU.
    public var vcpuNumber: Int?
    /// The KeyID.
    public var keyId: Int?
    /// The page.
    public var pageId: String?
    /// Guest physical address of the memory.
    public var gpa: HexValue?
    /// Chunks of 256 bytes of it that were measured.
    public var chunkCount: Int?
    /// Pages of 4 KiB that are held by it.
    public var pageCount: Int?
    /// The call that failed.
    public var seamcall: String?

    public init(
        kind: ResidueKind, description: String, tdId: String? = nil, vcpuNumber: Int? = nil, keyId: Int? = nil,
        pageId: String? = nil, gpa: HexValue? = nil, chunkCount: Int? = nil, pageCount: Int? = nil,
        seamcall: String? = nil
    ) {
        self.kind = kind
        self.description = description
        self.tdId = tdId
        self.vcpuNumber = vcpuNumber
        self.keyId = keyId
        self.pageId = pageId
        self.gpa = gpa
        self.chunkCount = chunkCount
        self.pageCount = pageCount
        self.seamcall = seamcall
    }
}
