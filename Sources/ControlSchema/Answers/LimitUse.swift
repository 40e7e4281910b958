/// What a client has a limit of its own for.
public struct LimitName: OpenEnum {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// Requests a second; `limit` and `used` are of one burst.
    public static let requestRate = Self(rawValue: "requestRate")
    /// Operations that have not ended.
    public static let operations = Self(rawValue: "operations")

    public static let known: [Self] = [
        .requestRate, .operations,
    ]
}

/// A limit of one client that is reached.
public struct LimitUse: Codable, Hashable, Sendable {
    /// Which limit.
    public var name: LimitName
    /// Whose limit it is.
    public var identity: String
    /// How many there may be.
    public var limit: Int
    /// How many there are.
    public var used: Int
    /// Request rate: how many come back each second.
    public var perSecond: Int?

    public init(name: LimitName, identity: String, limit: Int, used: Int, perSecond: Int? = nil) {
        self.name = name
        self.identity = identity
        self.limit = limit
        self.used = used
        self.perSecond = perSecond
    }
}
