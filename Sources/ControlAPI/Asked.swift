internal import HTTPExchange
internal import TDLifecycle

/// What a head asks for and who it is that asks, as far as the head alone says: read once, also when a client sends the
/// same head again.
final class Asked: HeadReading {
    let standing: Standing
    let entry: RouteIndex.Entry
    let path: PathVariables
    /// The TD that a path is about; of no meaning where it is about something else.
    let td: TDReference
    let query: [String: String]
    let isDryRun: Bool
    let preferences: Preferences

    init(
        _ standing: Standing, _ entry: RouteIndex.Entry, path: PathVariables, query: [String: String], isDryRun: Bool,
        preferences: Preferences
    ) {
        self.standing = standing
        self.entry = entry
        self.path = path
        td = TDReference(path["id"] ?? "")
        self.query = query
        self.isDryRun = isDryRun
        self.preferences = preferences
    }
}
