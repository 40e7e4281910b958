/// Whose code it is.
public struct ErrorOrigin: OpenEnum {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// A completion of the TDX module.
    public static let module = Self(rawValue: "module")
    /// The daemon's own.
    public static let tdxd = Self(rawValue: "tdxd")
    /// A failure of the instruction or of the back end.
    public static let shim = Self(rawValue: "shim")

    public static let known: [Self] = [
        .module, .tdxd, .shim,
    ]
}

/// One entry of the error catalogue; a problem's `type` is its path.
public struct ErrorEntry: Codable, Hashable, Sendable {
    /// The code.
    public var code: String
    /// One line.
    public var title: String
    /// Whose it is.
    public var origin: ErrorOrigin
    /// HTTP status of a problem with this code; absent when it depends on the request.
    public var httpStatus: Int?
    /// What it means.
    public var description: String
    /// What to do about it.
    public var remedy: String?
    /// Whether the same request can succeed later without a change.
    public var retryable: Bool
    /// The completion; only where `origin` is `module`.
    public var completion: Completion?
    /// Related paths.
    public var links: [String: String]?

    public init(
        code: String, title: String, origin: ErrorOrigin, httpStatus: Int? = nil, description: String,
        remedy: String? = nil, retryable: Bool, completion: Completion? = nil, links: [String: String]? = nil
    ) {
        self.code = code
        self.title = title
        self.origin = origin
        self.httpStatus = httpStatus
        self.description = description
        self.remedy = remedy
        self.retryable = retryable
        self.completion = completion
        self.links = links
    }
}

/// The error catalogue.
public struct ErrorList: Codable, Hashable, Sendable {
    /// Every entry, by code.
    public var items: [ErrorEntry]

    public init(
        items: [ErrorEntry]
    ) {
        self.items = items
    }
}
