/// What a certificate should be for. Anything in it that no certificate may hold is refused when it is made.
public struct CertificateRequest: Hashable, Sendable {
    /// The common name, for people: the subject has nothing else, and nothing is decided by it.
    public let commonName: String
    public let names: SubjectNames
    public let purposes: [Purpose]

    /// A server's: the DNS names and addresses that its clients call it by.
    ///
    /// - Throws: `CertificateError` when there is neither name nor address, or one that is not in order.
    public static func server(
        names: [String], addresses: [IPAddress] = []
    ) throws(CertificateError) -> CertificateRequest {
        for name in names where !NameRules.isHostName(name) {
            throw CertificateError(.badRequest("'\(name)' is no host name"))
        }
        guard
            let title = names.first(where: { $0.utf8.count <= NameRules.commonNameMax })
                ?? addresses.first?.description ?? names.first.map({ _ in "server" })
        else { throw CertificateError(.badRequest("a server certificate needs a name or an address")) }
        return try CertificateRequest(
            title, SubjectNames(dns: names, addresses: addresses), purposes: [.serverAuth])
    }

    /// A client's: the URI that it is known by, and a name for people to call it.
    ///
    /// - Throws: `CertificateError` when either is not in order.
    public static func client(name: String, uri: String) throws(CertificateError) -> CertificateRequest {
        guard NameRules.isURI(uri) else { throw CertificateError(.badRequest("'\(uri)' is no URI")) }
        return try CertificateRequest(name, SubjectNames(uris: [uri]), purposes: [.clientAuth])
    }

    /// Whether a server certificate can hold the name.
    public static func isHostName(_ name: String) -> Bool { NameRules.isHostName(name) }

    /// Whether a client can be known by the URI.
    public static func isURI(_ text: String) -> Bool { NameRules.isURI(text) }

    private init(_ commonName: String, _ names: SubjectNames, purposes: [Purpose]) throws(CertificateError) {
        guard NameRules.isCommonName(commonName) else {
            throw CertificateError(.badRequest("'\(commonName)' has not 1 to 64 printable characters"))
        }
        guard names.count <= CertificateLimits.namesMax else {
            throw CertificateError(.badRequest("more than \(CertificateLimits.namesMax) names"))
        }
        self.commonName = commonName
        self.names = names
        self.purposes = purposes
    }
}

enum NameRules {
    /// The upper bound of X.520 for a common name.
    static let commonNameMax = 64
    private static let hostNameMax = 253
    private static let labelMax = 63

    static func isCommonName(_ name: String) -> Bool {
        // In ASCII characters and bytes are the same thing, and nothing looks like something else.
        !name.isEmpty && name.utf8.count <= commonNameMax && name.utf8.allSatisfy { (0x20...0x7e).contains($0) }
    }

    /// Labels of letters, digits and inner hyphens; the first may be `*`.
    static func isHostName(_ name: String) -> Bool {
        guard !name.isEmpty, name.utf8.count <= hostNameMax else { return false }
        let labels = name.split(separator: ".", omittingEmptySubsequences: false)
        return labels.enumerated().allSatisfy { index, label in
            if label == "*" { return index == 0 && labels.count > 1 }
            guard (1...labelMax).contains(label.utf8.count), !label.hasPrefix("-"), !label.hasSuffix("-") else {
                return false
            }
            return label.utf8.allSatisfy { isLetter($0) || isDigit($0) || $0 == UInt8(ascii: "-") }
        }
    }

    /// Visible ASCII with a scheme before the first colon and something after it.
    static func isURI(_ text: String) -> Bool {
        guard text.utf8.count <= CertificateLimits.nameBytesMax, text.utf8.allSatisfy(NameText.visible.contains),
            let colon = text.utf8.firstIndex(of: UInt8(ascii: ":"))
        else { return false }
        let scheme = text.utf8[..<colon]
        guard let first = scheme.first, isLetter(first), text.utf8.index(after: colon) < text.utf8.endIndex else {
            return false
        }
        return scheme.allSatisfy { isLetter($0) || isDigit($0) || Array("+-.".utf8).contains($0) }
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }
    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
}
