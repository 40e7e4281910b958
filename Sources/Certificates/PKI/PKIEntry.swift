/// A certificate or revocation list in a folder.
public struct PKIEntry: Sendable {
    public enum Kind: String, Sendable {
        case authority = "CA"
        case server
        case client
        /// For both sides of a connection, or for something else.
        case other
        case revocationList = "revocations"
        case unreadable
    }

    public enum State: Hashable, Sendable {
        case good
        /// Good, and it should be renewed.
        case renew
        case expired
        case notYetValid
        case revoked(RevokedCertificate)
        /// A revocation list that should have been followed by another.
        case outdated
        case unreadable(CertificateError.Reason)
    }

    /// Within the folder.
    public let file: String
    public let kind: Kind
    /// URI, DNS names and addresses; a CA's subject; how many a list revokes.
    public let identity: String
    /// A certificate's number, or a list's.
    public let number: String
    public let ends: CalendarTime?
    /// Whole days; negative when past.
    public let daysLeft: Int?
    public let state: State
    /// What is wrong with the key beside it; nil when it is in order, or none of the folder's.
    public let keyFault: CertificateError.Reason?

    /// Whether somebody should do something about it: nobody should about what is revoked, or only kept as a copy.
    public var needsAttention: Bool {
        if keyFault != nil { return true }
        switch state {
        case .good, .revoked: return false
        default: return !file.hasPrefix(PKILayout.issuedFolder + "/")
        }
    }

    init(
        file: String, _ content: PKIInventory.Content, in path: String, names: [String],
        revoked: PKIInventory.Revoked, now: CalendarTime
    ) {
        self.file = file
        switch content {
        case .certificate(let certificate):
            kind = Self.kind(of: certificate)
            identity = Self.identity(of: certificate)
            number = certificate.serial.description
            ends = certificate.validity.notAfter
            state = Self.state(of: certificate, revoked.entry(of: certificate), now)
            keyFault = Self.keyFault(of: certificate, file: file, in: path, names: names)
        case .list(let list):
            kind = .revocationList
            identity = "\(list.entries.count) revoked"
            number = list.number.map { "#\($0)" } ?? ""
            ends = list.nextUpdate
            state = Self.state(of: list, now)
            keyFault = nil
        case .unreadable(let reason):
            kind = .unreadable
            identity = ""
            number = ""
            ends = nil
            state = .unreadable(reason)
            keyFault = nil
        }
        daysLeft = ends?.days(since: now)
    }

    private static func kind(of certificate: Certificate) -> Kind {
        if certificate.isAuthority { return .authority }
        let purposes = certificate.purposes ?? []
        switch (purposes.contains(.serverAuth), purposes.contains(.clientAuth)) {
        case (true, false): return .server
        case (false, true): return .client
        default: return .other
        }
    }

    private static func identity(of certificate: Certificate) -> String {
        let names = certificate.names
        guard !certificate.isAuthority, !names.isEmpty else { return certificate.subject }
        return (names.uris + names.dns + names.addresses.map(\.description)).joined(separator: " ")
    }

    private static func state(of certificate: Certificate, _ entry: RevokedCertificate?, _ now: CalendarTime) -> State {
        if let entry { return .revoked(entry) }
        let validity = certificate.validity
        if now >= validity.notAfter { return .expired }
        if now < validity.notBefore { return .notYetValid }
        return validity.needsRenewal(at: now) ? .renew : .good
    }

    private static func state(of list: RevocationList, _ now: CalendarTime) -> State {
        if list.isOutdated(at: now) { return .outdated }
        if now < list.thisUpdate { return .notYetValid }
        guard let next = list.nextUpdate, list.thisUpdate < next else { return .good }
        return Validity(notBefore: list.thisUpdate, notAfter: next).needsRenewal(at: now) ? .renew : .good
    }

    private static func keyFault(
        of certificate: Certificate, file: String, in path: String, names: [String]
    ) -> CertificateError.Reason? {
        let keyFile = PKILayout.key(of: String(file.dropLast(PKILayout.certificateSuffix.count)))
        guard names.contains(keyFile) else { return nil }
        do throws(CertificateError) {
            let key = try CertificateFile.privateKey(at: path + "/" + keyFile)
            return key.matches(certificate) ? nil : .keyDoesNotMatch
        } catch {
            return error.reason
        }
    }
}
