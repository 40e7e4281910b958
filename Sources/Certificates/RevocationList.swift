internal import COpenSSL

/// One line of a revocation list.
public struct RevokedCertificate: Hashable, Sendable {
    public let serial: SerialNumber
    public let date: CalendarTime
    public let reason: RevocationReason

    public init(serial: SerialNumber, date: CalendarTime, reason: RevocationReason = .unspecified) {
        self.serial = serial
        self.date = date
        self.reason = reason
    }
}

/// Why a certificate was revoked: the codes of RFC 5280 that have a use here.
public struct RevocationReason: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    public let rawValue: Int64
    public init(rawValue: Int64) { self.rawValue = rawValue }

    public static let unspecified = RevocationReason(rawValue: 0)
    public static let keyCompromise = RevocationReason(rawValue: 1)
    public static let affiliationChanged = RevocationReason(rawValue: 3)
    public static let superseded = RevocationReason(rawValue: 4)
    public static let cessationOfOperation = RevocationReason(rawValue: 5)

    public static let named: [(name: String, reason: RevocationReason)] = [
        ("unspecified", .unspecified), ("keyCompromise", .keyCompromise), ("affiliationChanged", .affiliationChanged),
        ("superseded", .superseded), ("cessationOfOperation", .cessationOfOperation),
    ]

    public init?(name: String) {
        guard let found = Self.named.first(where: { $0.name == name }) else { return nil }
        self = found.reason
    }

    public var description: String { Self.named.first { $0.reason == self }?.name ?? "reason \(rawValue)" }
}

/// A list of what an authority has revoked, complete and in force for all its certificates.
@safe public final class RevocationList: @unchecked Sendable {
    // Sendable: libcrypto locks what it sorts on first use, and nothing else changes.
    let handle: Owned

    public let der: [UInt8]
    public let issuer: String
    /// Counts up with every list of the authority; nil if it does not number them, or beyond 63 bits.
    public let number: Int64?
    public let thisUpdate: CalendarTime
    /// When the next one is out at the latest; nil if it does not say.
    public let nextUpdate: CalendarTime?
    public let entries: [RevokedCertificate]
    public let signature: SignatureKind
    /// Where in `entries` a certificate is.
    private let places: [SerialNumber: Int]

    /// Reads a list in DER.
    ///
    /// - Throws: `CertificateError` when it is larger than `CertificateLimits.revocationListBytesMax`, is no list, or
    ///   is one that covers only part of what its authority issued.
    public convenience init(der: [UInt8]) throws(CertificateError) {
        try self.init(reading: der, entry: nil)
    }

    convenience init(reading der: [UInt8], entry: Int?) throws(CertificateError) {
        do { try self.init(parsing: der) } catch { throw CertificateError(error, entry: entry) }
    }

    private init(parsing der: [UInt8]) throws(CertificateError.Reason) {
        handle = try RevocationListReader.parse(der)
        let reader = RevocationListReader(handle)
        try reader.checkScope()
        self.der = der
        issuer = reader.issuer()
        number = try reader.number()
        thisUpdate = try reader.thisUpdate()
        nextUpdate = try reader.nextUpdate()
        let entries = try reader.entries()
        self.entries = entries
        places = Dictionary(zip(entries.lazy.map(\.serial), entries.indices), uniquingKeysWith: { first, _ in first })
        signature = reader.signature()
    }

    /// The list as PEM writes it.
    public var pem: [UInt8] {
        let buffer = MemoryBuffer()
        // SAFETY: both objects live through the call.
        ErrorQueue.expect(unsafe PEM_write_bio_X509_CRL(buffer.pointer, handle.pointer), "writing PEM")
        return buffer.bytes
    }

    /// The entry of a certificate of this list's issuer.
    public func entry(for serial: SerialNumber) -> RevokedCertificate? { places[serial].map { entries[$0] } }

    /// Whether it should have been followed by another one at `time`.
    public func isOutdated(at time: CalendarTime) -> Bool { nextUpdate.map { $0 <= time } ?? false }

    /// Whether `authority` has the list's name and signed it.
    public func isSigned(by authority: Certificate) -> Bool {
        ErrorQueue.clear()
        defer { ErrorQueue.clear() }
        // SAFETY: both objects live through the calls; the key belongs to the certificate.
        guard isIssued(by: authority), let key = unsafe X509_get0_pubkey(authority.handle.pointer) else { return false }
        return unsafe X509_CRL_verify(handle.pointer, key) == 1
    }

    /// Whether `authority` has the list's name.
    func isIssued(by authority: Certificate) -> Bool {
        // SAFETY: the names belong to objects that live through the call.
        unsafe X509_NAME_cmp(
            X509_CRL_get_issuer(handle.pointer), X509_get_subject_name(authority.handle.pointer)) == 0
    }
}
