internal import COpenSSL

enum SubjectNamesReader {
    static func read(_ list: borrowing Owned) throws(CertificateError.Reason) -> SubjectNames {
        // SAFETY: the list owns its names and lives through the call; each is copied.
        var names = SubjectNames()
        let count = unsafe copenssl_names_count(list.pointer)
        guard count <= CertificateLimits.namesMax else {
            throw .invalid("more than \(CertificateLimits.namesMax) names")
        }
        for index in 0..<count {
            guard let name = unsafe copenssl_name_at(list.pointer, index) else { throw .invalid("name \(index + 1)") }
            try unsafe read(name, number: Int(index) + 1, into: &names)
        }
        return names
    }

    private static func read(
        _ name: UnsafeMutablePointer<GENERAL_NAME>, number: Int, into names: inout SubjectNames
    ) throws(CertificateError.Reason) {
        // SAFETY: the type says which member of the union was written; those read here are all ASN.1 strings.
        let type = unsafe name.pointee.type
        guard type == GEN_DNS || type == GEN_URI || type == GEN_IPADD else { return }
        guard let value = unsafe GENERAL_NAME_get0_value(name, nil) else { throw .invalid("name \(number)") }
        let bytes = unsafe ByteString.copy(UnsafePointer(value.assumingMemoryBound(to: ASN1_STRING.self)))
        switch type {
        case GEN_IPADD:
            guard let address = IPAddress(bytes: bytes) else {
                throw .invalid("name \(number): an IP address of \(bytes.count) bytes")
            }
            names.addresses.append(address)
        case GEN_DNS: names.dns.append(try text(bytes, number))
        default: names.uris.append(try text(bytes, number))
        }
    }

    /// Names are compared byte by byte and shown in logs: a zero, a blank or a letter outside ASCII, which the type
    /// of the string forbids but its bytes may hold, would let one pass for another.
    private static func text(_ bytes: [UInt8], _ number: Int) throws(CertificateError.Reason) -> String {
        guard !bytes.isEmpty, bytes.count <= CertificateLimits.nameBytesMax else {
            throw .invalid("name \(number) has \(bytes.count) bytes")
        }
        guard bytes.allSatisfy(NameText.visible.contains) else {
            throw .invalid("name \(number) holds a byte that is no visible ASCII character")
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
