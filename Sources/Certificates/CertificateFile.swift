/// Reads files, or their bytes, of certificates, keys and revocation lists.
public enum CertificateFile {
    /// The certificates of a file, in its order: one in DER, or any number up to `limit` in PEM.
    ///
    /// - Throws: `CertificateError`, which names the file and the entry.
    public static func certificates(
        at path: String, limit: Int = CertificateLimits.fileEntriesMax
    ) throws(CertificateError) -> [Certificate] {
        let bytes = try FileReading.bytes(of: path, limit: CertificateLimits.certificateFileBytesMax)
        do { return try certificates(in: bytes, limit: limit) } catch { throw error.inFile(path) }
    }

    /// As `certificates(at:)`, from the bytes of a file.
    public static func certificates(
        in bytes: [UInt8], limit: Int = CertificateLimits.fileEntriesMax
    ) throws(CertificateError) -> [Certificate] {
        if PEM.isDER(bytes) { return [try Certificate(der: bytes)] }
        var certificates: [Certificate] = []
        for (index, entry) in try PEM.entries(bytes, limit: limit).enumerated() {
            try expect(PEM.certificate, entry, number: index + 1)
            certificates.append(try Certificate(reading: entry.bytes, entry: index + 1))
        }
        return certificates
    }

    /// The revocation lists of a file: one in DER, or any number up to `limit` in PEM.
    ///
    /// - Throws: `CertificateError`, which names the file and the entry.
    public static func revocationLists(
        at path: String, limit: Int = CertificateLimits.revocationListsMax
    ) throws(CertificateError) -> [RevocationList] {
        let bytes = try FileReading.bytes(of: path, limit: CertificateLimits.revocationListBytesMax)
        do { return try revocationLists(in: bytes, limit: limit) } catch { throw error.inFile(path) }
    }

    /// As `revocationLists(at:)`, from the bytes of a file.
    public static func revocationLists(
        in bytes: [UInt8], limit: Int = CertificateLimits.revocationListsMax
    ) throws(CertificateError) -> [RevocationList] {
        if PEM.isDER(bytes) { return [try RevocationList(der: bytes)] }
        var lists: [RevocationList] = []
        for (index, entry) in try PEM.entries(bytes, limit: limit).enumerated() {
            try expect(PEM.revocationList, entry, number: index + 1)
            lists.append(try RevocationList(reading: entry.bytes, entry: index + 1))
        }
        return lists
    }

    /// The one private key of a file, in PEM or DER.
    ///
    /// - Throws: `CertificateError`; also when others than the owner and the group may read the file, or others than
    ///   the owner may write it.
    public static func privateKey(at path: String) throws(CertificateError) -> PrivateKey {
        let bytes = try FileReading.bytes(
            of: path, limit: CertificateLimits.keyFileBytesMax, forbidden: FileReading.forbiddenForKeys)
        do { return try privateKey(in: bytes) } catch { throw error.inFile(path) }
    }

    /// As `privateKey(at:)`, from the bytes of a file.
    public static func privateKey(in bytes: [UInt8]) throws(CertificateError) -> PrivateKey {
        if PEM.isDER(bytes) { return try PrivateKey(der: bytes) }
        let entries = try PEM.entries(bytes, limit: keyEntriesMax).filter { $0.label != PEM.curveLabel }
        guard let entry = entries.first else { throw CertificateError(.notPEM("there is no key")) }
        guard entries.count == 1 else { throw CertificateError(.tooManyEntries(limit: 1)) }
        guard entry.label != PEM.encryptedKey, !entry.isEncrypted else { throw CertificateError(.encryptedKey) }
        guard PEM.keyLabels.contains(entry.label) else {
            if entry.label == "RSA PRIVATE KEY" { throw CertificateError(.wrongKeyKind("RSA")) }
            throw CertificateError(.unexpectedEntry(label: entry.label, expected: "PRIVATE KEY"))
        }
        return try PrivateKey(der: entry.bytes)
    }

    /// The bytes of a file that says who may do what.
    ///
    /// - Throws: `CertificateError`; also when others than the owner may write the file.
    public static func roles(at path: String, limit: Int) throws(CertificateError) -> [UInt8] {
        try FileReading.bytes(of: path, limit: limit, forbidden: FileReading.forbiddenForRoles)
    }

    /// A key, and the parameters of its curve before it.
    private static let keyEntriesMax = 2

    private static func expect(_ label: String, _ entry: PEMEntry, number: Int) throws(CertificateError) {
        guard entry.label == label else {
            throw CertificateError(.unexpectedEntry(label: entry.label, expected: label), entry: number)
        }
    }
}
