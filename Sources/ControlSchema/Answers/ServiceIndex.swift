/// Where everything is: the answer to GET /.
public struct ServiceIndex: Codable, Hashable, Sendable {
    /// Always `tdxd`.
    public var service: String
    /// Version of the daemon.
    public var version: String
    /// Versions of the contract that are served; the newest last.
    public var apiVersions: [String]
    /// Paths of the collections, by name.
    public var links: [String: String]

    public init(
        service: String, version: String, apiVersions: [String], links: [String: String]
    ) {
        self.service = service
        self.version = version
        self.apiVersions = apiVersions
        self.links = links
    }
}
