/// What to do when revocation lists do not answer the question.
public struct RevocationPolicy: Hashable, Sendable {
    public enum Choice: String, CaseIterable, Sendable {
        case accept, refuse
    }

    /// When no list is configured of an authority in the path. With `refuse`, every authority below and with the root
    /// needs a list.
    public var whenMissing: Choice
    /// When the list configured of an authority should have been followed by another one: `accept` goes by what it says,
    /// `refuse` lets nobody in whom that authority vouches for until there is a new one.
    public var whenOutdated: Choice

    public init(whenMissing: Choice = .accept, whenOutdated: Choice = .refuse) {
        self.whenMissing = whenMissing
        self.whenOutdated = whenOutdated
    }
}
