internal import COpenSSL

/// What stands between a BEGIN and an END line.
struct PEMEntry: Sendable {
    let label: String
    /// Whether its header says that the bytes are encrypted.
    let isEncrypted: Bool
    let bytes: [UInt8]
}

enum PEM {
    static let certificate = "CERTIFICATE"
    static let revocationList = "X509 CRL"
    static let keyLabels = ["PRIVATE KEY", "EC PRIVATE KEY"]
    static let encryptedKey = "ENCRYPTED PRIVATE KEY"
    /// Written before a key by `openssl ecparam -genkey`; the key says it all again.
    static let curveLabel = "EC PARAMETERS"

    /// DER begins with the byte of a SEQUENCE, with which no PEM file can.
    static func isDER(_ bytes: [UInt8]) -> Bool { bytes.first == 0x30 }

    /// All entries of a file; text before and between them is passed over.
    static func entries(_ text: [UInt8], limit: Int) throws(CertificateError) -> [PEMEntry] {
        ErrorQueue.clear()
        // SAFETY: the bytes live through the whole reading, and the BIO only reads them.
        let result: Result<[PEMEntry], CertificateError> = unsafe text.withUnsafeBytes { buffer in
            let bio = unsafe Owned(BIO_new_mem_buf(buffer.baseAddress, Int32(buffer.count))) { unsafe _ = BIO_free($0) }
            return Result { () throws(CertificateError) in try read(from: bio, limit: limit) }
        }
        return try result.get()
    }

    private static func read(from bio: borrowing Owned, limit: Int) throws(CertificateError) -> [PEMEntry] {
        var entries: [PEMEntry] = []
        while let entry = try next(from: bio, number: entries.count + 1) {
            guard entries.count < limit else { throw CertificateError(.tooManyEntries(limit: limit)) }
            entries.append(entry)
        }
        guard !entries.isEmpty else { throw CertificateError(.notPEM("there is no BEGIN line")) }
        return entries
    }

    private static func next(from bio: borrowing Owned, number: Int) throws(CertificateError) -> PEMEntry? {
        var label: UnsafeMutablePointer<CChar>?
        var header: UnsafeMutablePointer<CChar>?
        var bytes: UnsafeMutablePointer<UInt8>?
        var count = 0
        // SAFETY: libcrypto allocates the three, which are copied and freed here, the last one overwritten first.
        let status = unsafe PEM_read_bio(bio.pointer, &label, &header, &bytes, &count)
        defer {
            unsafe CRYPTO_free(label, #file, #line)
            unsafe CRYPTO_free(header, #file, #line)
            unsafe CRYPTO_clear_free(bytes, count, #file, #line)
        }
        guard status == 1, let label = unsafe label, let header = unsafe header else {
            let code = ERR_peek_last_error()
            let isEnd = ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE
            let reason = ErrorQueue.takeReason()
            if isEnd { return nil }
            throw CertificateError(.notPEM(reason), entry: number)
        }
        return unsafe PEMEntry(
            label: String(cString: label), isEncrypted: String(cString: header).contains("ENCRYPTED"),
            bytes: [UInt8](UnsafeBufferPointer(start: bytes, count: count)))
    }
}
