/// One of our own error codes: what a problem with it says every time. Completions of the module have codes too; those
/// come from the module's table.
public struct OwnError: Hashable, Sendable {
    /// Lower-case words with hyphens; the last part of a problem's `type`.
    public let code: String
    public let title: String
    /// HTTP status of the problem.
    public let status: Int
    public let description: String
    /// What to do about it.
    public let remedy: String
    /// Whether the same request can succeed later without a change.
    public let retryable: Bool
    public let origin: ErrorOrigin

    init(
        _ code: String, _ status: Int, _ title: String, _ description: String, remedy: String,
        retryable: Bool = false, origin: ErrorOrigin = .tdxd
    ) {
        self.code = code
        self.title = title
        self.status = status
        self.description = description
        self.remedy = remedy
        self.retryable = retryable
        self.origin = origin
    }

    /// Every one of them, by code.
    public static let all: [OwnError] =
        (ofRequests + ofCertificates + ofResources + ofImages + ofMemory + ofService + ofShim)
        .sorted { $0.code < $1.code }

    /// The one with `code`, if it is ours.
    public static func named(_ code: String) -> OwnError? { byCode[code] }

    private static let byCode = Dictionary(all.map { ($0.code, $0) }, uniquingKeysWith: { first, _ in first })
}

extension ErrorEntry {
    public init(_ error: OwnError) {
        self.init(
            code: error.code, title: error.title, origin: error.origin, httpStatus: error.status,
            description: error.description, remedy: error.remedy, retryable: error.retryable,
            links: ["self": "/errors/\(error.code)"])
    }
}

extension Problem {
    /// A problem with what the catalogue says of `error`; the rest is for the caller to fill in.
    public init(_ error: OwnError, detail: String? = nil) {
        self.init(
            type: "/errors/\(error.code)", title: error.title, status: error.status, code: error.code, detail: detail,
            retryable: error.retryable)
    }

    /// The problem that a refused body is.
    public init(_ error: RequestError) {
        self.init(error.error, detail: error.detail)
        if !error.violations.isEmpty { violations = error.violations }
    }
}
