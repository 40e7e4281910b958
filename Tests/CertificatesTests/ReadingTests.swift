import Certificates
import Testing

@Suite("Reading certificates")
struct ReadingTests {
    @Test("All fields are what the openssl command put in")
    func fields() throws {
        let root = try CommandAuthority(name: "Root, \"quoted\"")
        let der = try root.issue(
            "someone", key: .rsa(2048),
            extensions: CommandAuthority.clientExtensions(
                purposes: "clientAuth,emailProtection",
                names: "URI:spiffe://tdxd/role/lab,DNS:a.example,DNS:b.example,IP:192.0.2.7,IP:2001:db8::1,email:a@b.c",
                keyUsage: "critical,digitalSignature,keyEncipherment"),
            options: ["-startdate", "20260228235959Z", "-enddate", "20500301000000Z"])
        let certificate = try Certificate(der: der)
        #expect(certificate.der == der)
        #expect(certificate.subject == "CN=someone")
        #expect(certificate.issuer == "CN=Root\\, \\\"quoted\\\"")
        #expect(certificate.validity.notBefore.description == "2026-02-28T23:59:59Z")
        #expect(certificate.validity.notAfter.description == "2050-03-01T00:00:00Z")
        #expect(certificate.names.uris == ["spiffe://tdxd/role/lab"])
        #expect(certificate.names.dns == ["a.example", "b.example"])
        #expect(certificate.names.addresses.map(\.description) == ["192.0.2.7", "2001:db8::1"])
        #expect(certificate.keyUsage == [.digitalSignature, .keyEncipherment])
        #expect(certificate.purposes?.map(\.description) == ["clientAuth", "1.3.6.1.5.5.7.3.4"])
        #expect(certificate.publicKey == .rsa(bits: 2048))
        #expect(certificate.signature.name == "ecdsa-with-SHA256" && certificate.signature.isAccepted)
        #expect(!certificate.isAuthority && certificate.pathLength == nil && !certificate.isSelfIssued)
        #expect(certificate.namesIssuer(try root.certificate))
    }

    @Test("Serial number and fingerprint are those the openssl command prints")
    func numbers() throws {
        let root = try CommandAuthority()
        let certificate = try root.certificate
        let printed = try run(
            "openssl", "x509", "-in", root.certificateFile, "-noout", "-serial", "-fingerprint", "-sha256")
        let values = printed.split(separator: "\n").map { $0.split(separator: "=")[1] }
        #expect(SerialNumber(hex: values[0]) == certificate.serial)
        #expect(Fingerprint(hex: values[1]) == certificate.fingerprint)
        #expect(certificate.fingerprint.description.uppercased() == values[1].filter { $0 != ":" })
        #expect(certificate.isAuthority && certificate.isSelfIssued && certificate.purposes == nil)
        #expect(certificate.names.isEmpty)
    }

    @Test(
        "Kinds of keys are told apart",
        arguments: [
            (CommandKey.p256, PublicKeyKind.p256, true), (.p384, .p384, true), (.ed25519, .ed25519, true),
            (.rsa(3072), .rsa(bits: 3072), true), (.rsa(1024), .rsa(bits: 1024), false),
            (.secp256k1, .other("curve secp256k1"), false),
            (.p256Explicit, .other("a curve with explicit parameters"), false),
        ])
    func keys(_ made: CommandKey, _ read: PublicKeyKind, _ isAccepted: Bool) throws {
        let certificate = try CommandAuthority(key: made, digest: "default").certificate
        #expect(certificate.publicKey == read)
        #expect(certificate.publicKey.isAccepted == isAccepted)
    }

    @Test("Names with a zero, a blank or a letter beyond ASCII in them are refused")
    func oddNames() throws {
        let root = try CommandAuthority()
        let der = try root.issue(extensions: CommandAuthority.clientExtensions(names: "URI:spiffe://tdxd/role/AAAAA"))
        let place = try #require(find(Array("AAAAA".utf8), in: der))
        for byte: UInt8 in [0, 0x0a, 0x20, 0x7f, 0x80, 0xff] {
            var changed = der
            changed[place + 2] = byte
            #expect(
                throws: CertificateError(.invalid("name 1 holds a byte that is no visible ASCII character"))
            ) { try Certificate(der: changed) }
        }
        var changed = der
        changed[place] = UInt8(ascii: "B")
        #expect(try Certificate(der: changed).names.uris == ["spiffe://tdxd/role/BAAAA"])
    }

    private func find(_ needle: [UInt8], in bytes: [UInt8]) -> Int? {
        bytes.indices.first { bytes[$0...].starts(with: needle) }
    }

    @Test("A common name cannot break a line or end a text")
    func oddSubject() throws {
        let root = try CommandAuthority()
        var der = try root.issue("AAAAA")
        let place = try #require(find(Array("AAAAA".utf8), in: der))
        der.replaceSubrange(place..<place + 5, with: [0x0a, 0x00, 0x2c, 0x1b, 0x41])
        #expect(try Certificate(der: der).subject == "CN=\\0A\\00\\,\\1BA")
    }

    @Test("An address of five bytes is refused")
    func oddAddress() throws {
        let root = try CommandAuthority()
        var der = try root.issue(
            extensions: CommandAuthority.clientExtensions(names: "IP:10.11.12.13,URI:x:AAAAAAAA"))
        // The address gives a byte to the name that follows it: lengths inside the extension stay right.
        let place = try #require(find([0x87, 4, 10, 11, 12, 13, 0x86, 10], in: der))
        der.replaceSubrange(place..<place + 8, with: [0x87, 5, 10, 11, 12, 13, 14, 0x86])
        der[place + 8] = 9
        #expect(throws: CertificateError(.invalid("name 1: an IP address of 5 bytes"))) { try Certificate(der: der) }
    }

    @Test("An extension that comes twice, or whose content is none, is refused")
    func oddExtensions() throws {
        let root = try CommandAuthority()
        let twice = CommandAuthority.clientExtensions() + "\n2.5.29.37=ASN1:NULL"
        #expect(throws: CertificateError.self) { try root.issue(extensions: twice) }
        let broken = CommandAuthority.clientExtensions().replacing(
            "keyUsage=critical,digitalSignature", with: "2.5.29.15=ASN1:NULL")
        #expect(throws: CertificateError.self) { try root.issue(extensions: broken) }
    }

    @Test("Every shorter prefix and every longer string is refused")
    func lengths() throws {
        let der = try CommandAuthority().issue()
        for length in 0..<der.count {
            #expect(throws: CertificateError.self) { try Certificate(der: Array(der[..<length])) }
        }
        #expect(throws: CertificateError(.empty)) { try Certificate(der: []) }
        #expect(throws: CertificateError(.trailingBytes(3))) { try Certificate(der: der + [0, 0, 0]) }
        #expect(throws: CertificateError(.tooLarge(limitBytes: CertificateLimits.certificateBytesMax))) {
            try Certificate(der: der + [UInt8](repeating: 0, count: CertificateLimits.certificateBytesMax))
        }
    }

    @Test("An encoding that BER allows and DER does not is refused: one certificate has one fingerprint")
    func notCanonical() throws {
        let der = try CommandAuthority().issue()
        #expect(der[1] == 0x82, "the length stands in two bytes")
        let longer = [der[0], 0x83, 0] + der[2...]
        #expect(throws: CertificateError(.notDER("the encoding is not the canonical one"))) {
            try Certificate(der: longer)
        }
    }

    @Test("Values of the small types are read as they are written")
    func values() throws {
        #expect(SerialNumber(hex: "0A:bC")?.description == "0abc")
        #expect(SerialNumber(hex: "abc")?.description == "0abc")
        #expect(SerialNumber(hex: "0000ff") == SerialNumber(bytes: [0xff]))
        for wrong in ["", "0", "00", "xy", "-1", String(repeating: "ff", count: 21)] {
            #expect(SerialNumber(hex: wrong) == nil)
        }
        #expect(Fingerprint(hex: String(repeating: "0", count: 64)) != nil)
        #expect(Fingerprint(hex: String(repeating: "0", count: 62)) == nil)
        #expect(IPAddress("::ffff:1.2.3.4")?.bytes.count == 16)
        for wrong in ["", "1.2.3", "1.2.3.4.5", "::1%lo", "fe80:::1", "1.2.3.4/8", "localhost"] {
            #expect(IPAddress(wrong) == nil)
        }
        // What is known of SHA-256: its digest of no bytes.
        #expect(
            Fingerprint(of: []).description == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    }
}
