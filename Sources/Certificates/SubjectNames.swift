/// The names that a certificate is for: its subject alternative names. Mail addresses and other kinds are left out.
public struct SubjectNames: Hashable, Sendable {
    public var dns: [String] = []
    public var uris: [String] = []
    public var addresses: [IPAddress] = []

    public init(dns: [String] = [], uris: [String] = [], addresses: [IPAddress] = []) {
        self.dns = dns
        self.uris = uris
        self.addresses = addresses
    }

    public var isEmpty: Bool { dns.isEmpty && uris.isEmpty && addresses.isEmpty }
    public var count: Int { dns.count + uris.count + addresses.count }
}
