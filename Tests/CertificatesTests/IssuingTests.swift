import Certificates
import TestFolders
import Testing

@Suite("Issuing")
struct IssuingTests {
    let now = CalendarTime.now()
    let authority: CertificateAuthority
    let scratch: TemporaryFolder

    init() throws {
        authority = try CertificateAuthority.make(name: "Our CA", validity: Validity(from: now, days: 1000))
        scratch = try TemporaryFolder()
        try scratch.write(authority.certificate.pem, to: "ca.pem")
    }

    func client(_ uri: String = "spiffe://tdxd/role/viewer") throws -> CertifiedKey {
        try authority.issue(.client(name: "viewer", uri: uri), validity: Validity(from: now, days: 100))
    }

    @Test("A CA says that it is one, for ends only, and signs nothing else")
    func authorityFields() throws {
        let certificate = authority.certificate
        #expect(certificate.subject == "CN=Our CA" && certificate.issuer == "CN=Our CA")
        #expect(certificate.isAuthority && certificate.pathLength == 0 && certificate.isSelfIssued)
        #expect(certificate.keyUsage == [.keyCertSign, .crlSign])
        #expect(certificate.publicKey == .p256)
        #expect(certificate.signature.name == "ecdsa-with-SHA256")
        #expect(certificate.validity.notBefore == now.adding(seconds: -300))
        #expect(certificate.validity.notAfter == now.adding(days: 1000))
        let text = try run("openssl", "x509", "-in", scratch.file("ca.pem"), "-noout", "-text")
        #expect(text.contains("X509v3 Basic Constraints: critical\n                CA:TRUE, pathlen:0"))
        #expect(text.contains("X509v3 Key Usage: critical\n                Certificate Sign, CRL Sign"))
    }

    @Test("A client's certificate is what was asked for, and the openssl command takes it for a client's only")
    func issueClient() throws {
        let issued = try client()
        let certificate = issued.certificate
        #expect(certificate.names == SubjectNames(uris: ["spiffe://tdxd/role/viewer"]))
        #expect(certificate.subject == "CN=viewer" && certificate.issuer == "CN=Our CA")
        #expect(certificate.purposes == [.clientAuth])
        #expect(certificate.keyUsage == .digitalSignature)
        #expect(!certificate.isAuthority)
        #expect(issued.key.matches(certificate) && !authority.key.matches(certificate))
        let file = try scratch.write(certificate.pem, to: "client.pem")
        let verify = ["openssl", "verify", "-x509_strict", "-CAfile", scratch.file("ca.pem"), "-purpose"]
        #expect(try run(verify + ["sslclient", file]).contains(": OK"))
        #expect(throws: CommandFailure.self) { try run(verify + ["sslserver", file]) }
        let text = try run("openssl", "x509", "-in", file, "-noout", "-text")
        #expect(text.contains("X509v3 Basic Constraints: critical\n                CA:FALSE"))
        #expect(text.contains("X509v3 Subject Key Identifier") && text.contains("X509v3 Authority Key Identifier"))
        #expect(text.contains("X509v3 Subject Alternative Name: \n                URI:spiffe://tdxd/role/viewer"))
    }

    @Test("A server's certificate holds its names and addresses, and the openssl command takes it for that host's")
    func issueServer() throws {
        let addresses = try ["127.0.0.1", "::1"].map { try #require(IPAddress($0)) }
        let issued = try authority.issue(
            .server(names: ["tdx.example", "*.lab.example"], addresses: addresses),
            validity: Validity(from: now, days: 100))
        #expect(issued.certificate.names.dns == ["tdx.example", "*.lab.example"])
        #expect(issued.certificate.names.addresses.map(\.description) == ["127.0.0.1", "::1"])
        #expect(issued.certificate.purposes == [.serverAuth])
        let file = try scratch.write(issued.certificate.pem, to: "server.pem")
        let verify = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", scratch.file("ca.pem")]
        for option in [
            ["-verify_hostname", "tdx.example"], ["-verify_hostname", "a.lab.example"], ["-verify_ip", "127.0.0.1"],
            ["-verify_ip", "::1"],
        ] {
            #expect(try run(verify + option + [file]).contains(": OK"))
        }
        #expect(throws: CommandFailure.self) { try run(verify + ["-verify_hostname", "other.example", file]) }
        #expect(throws: CommandFailure.self) { try run(verify + ["-verify_ip", "127.0.0.2", file]) }
    }

    @Test("What was issued is believed by our own trust store")
    func believed() throws {
        let issued = try client()
        let trust = try TrustStore(authorities: [authority.certificate])
        let identity = try trust.verifyClient(chain: [issued.certificate.der], at: now).get()
        #expect(identity.uris == ["spiffe://tdxd/role/viewer"])
        #expect(identity.fingerprint == issued.certificate.fingerprint)
        #expect(identity.expires == now.adding(days: 100))
        let server = try authority.issue(.server(names: ["a"]), validity: Validity(from: now, days: 1))
        #expect(
            trust.verifyClient(chain: [server.certificate.der], at: now)
                == .failure(.wrongPurpose(.peer, .purposes([.serverAuth]))))
    }

    @Test("Serial numbers are 128 random bits: none comes twice, and every bit comes both ways")
    func serials() throws {
        let serials = (0..<1000).map { _ in SerialNumber.random() }
        #expect(Set(serials).count == serials.count)
        let padded = serials.map { [UInt8](repeating: 0, count: 16 - $0.bytes.count) + $0.bytes }
        for bit in 0..<128 {
            let ones = padded.count { $0[bit / 8] >> UInt8(bit % 8) & 1 == 1 }
            // Ten standard deviations: beyond, it is no chance.
            #expect((342...658).contains(ones), "bit \(bit): \(ones) of 1000")
        }
        #expect(try client().certificate.serial != client().certificate.serial)
    }

    @Test("Every certificate has a key of its own")
    func keys() throws {
        let first = try client()
        let second = try client()
        #expect(!first.key.matches(second.certificate))
        #expect(throws: CertificateError(.keyDoesNotMatch)) {
            try CertifiedKey(chain: [first.certificate], key: second.key)
        }
    }

    @Test("Nothing is issued that outlives its CA or begins before it")
    func outlives() throws {
        let end = authority.certificate.validity.notAfter
        let request = try CertificateRequest.client(name: "a", uri: "x:y")
        #expect(throws: Never.self) {
            try authority.issue(request, validity: Validity(notBefore: now, notAfter: end))
        }
        let late = end.adding(seconds: 1)
        #expect(throws: CertificateError(.badRequest("it would end on \(late), after its CA on \(end)"))) {
            try authority.issue(request, validity: Validity(notBefore: now, notAfter: late))
        }
        #expect(throws: CertificateError.self) {
            try authority.issue(request, validity: Validity(notBefore: now.adding(days: -1), notAfter: end))
        }
    }

    @Test("Dates beyond 2049 change their encoding and stay what they are")
    func farDates() throws {
        let validity = Validity(
            notBefore: CalendarTime(seconds: 2_524_607_999), notAfter: CalendarTime(seconds: 253_402_300_799))
        let far = try CertificateAuthority.make(name: "Far", validity: validity)
        #expect(far.certificate.validity == validity)
        #expect(throws: CertificateError.self) {
            try CertificateAuthority.make(
                name: "Too far",
                validity: Validity(notBefore: now, notAfter: CalendarTime(seconds: 253_402_300_800)))
        }
    }

    @Test(
        "Host names are checked",
        arguments: [
            ("a", true), ("tdx-1.example.org", true), ("*.example", true), ("A.Example", true), ("127", true),
            (String(repeating: "a", count: 63) + ".b", true), (String(repeating: "a", count: 64) + ".b", false),
            ("", false), (".", false), ("a.", false), ("*", false), ("a.*.b", false), ("-a", false), ("a-", false),
            ("a b", false), ("a,DNS:b", false), ("a\0b", false), ("é", false), ("a_b", false), ("a/b", false),
        ])
    func hostNames(_ name: String, _ isGood: Bool) {
        #expect(((try? CertificateRequest.server(names: [name])) != nil) == isGood)
    }

    @Test(
        "URIs are checked",
        arguments: [
            ("spiffe://tdxd/role/admin", true), ("urn:uuid:1", true), ("x:y", true), ("", false), ("x:", false),
            (":x", false), ("1x:y", false), ("no-colon", false), ("x:a b", false), ("x:a\0b", false), ("x:é", false),
            ("x:" + String(repeating: "a", count: 2046), true), ("x:" + String(repeating: "a", count: 2047), false),
        ])
    func uris(_ uri: String, _ isGood: Bool) {
        #expect(((try? CertificateRequest.client(name: "a", uri: uri)) != nil) == isGood)
    }

    @Test("A server needs a name or an address, and a name for people has 1 to 64 characters")
    func requests() throws {
        #expect(throws: CertificateError(.badRequest("a server certificate needs a name or an address"))) {
            try CertificateRequest.server(names: [])
        }
        #expect(throws: Never.self) {
            try CertificateRequest.client(name: String(repeating: "a", count: 64), uri: "x:y")
        }
        for name in ["", String(repeating: "a", count: 65), "a\nb", "é"] {
            #expect(throws: CertificateError(.badRequest("'\(name)' has not 1 to 64 printable characters"))) {
                try CertificateRequest.client(name: name, uri: "x:y")
            }
        }
        let long = Array(repeating: String(repeating: "a", count: 60), count: 3).joined(separator: ".")
        #expect(try CertificateRequest.server(names: [long]).commonName == "server")
        #expect(try CertificateRequest.server(names: [long, "b"]).commonName == "b")
    }

    @Test("Only a CA with its own key can issue")
    func authorities() throws {
        let issued = try client()
        #expect(throws: CertificateError(.notAnAuthority("its basic constraints do not say so"))) {
            try CertificateAuthority(certificate: issued.certificate, key: issued.key)
        }
        #expect(throws: CertificateError(.keyDoesNotMatch)) {
            try CertificateAuthority(certificate: authority.certificate, key: issued.key)
        }
    }

    @Test("Revocation lists count up, keep what they had, and are taken by the openssl command")
    func lists() throws {
        let bad = try client()
        let worse = try client()
        let good = try client()
        let validity = Validity(from: now, days: 30)
        let first = try authority.revocationList(after: nil, validity: validity)
        #expect(first.number == 1 && first.entries.isEmpty)
        let entry = RevokedCertificate(serial: bad.certificate.serial, date: now, reason: .keyCompromise)
        let second = try authority.revocationList(after: first, revoking: [entry], validity: validity)
        #expect(second.number == 2 && second.entries == [entry])
        let another = RevokedCertificate(serial: worse.certificate.serial, date: now.adding(seconds: 1))
        let again = RevokedCertificate(serial: entry.serial, date: now.adding(days: 1), reason: .superseded)
        let third = try authority.revocationList(after: second, revoking: [again, another], validity: validity)
        #expect(third.number == 3 && Set(third.entries) == [entry, another])
        #expect(third.isSigned(by: authority.certificate))
        #expect(third.thisUpdate == validity.notBefore && third.nextUpdate == validity.notAfter)
        let list = try scratch.write(third.pem, to: "crl.pem")
        let verify = ["openssl", "verify", "-crl_check", "-CAfile", scratch.file("ca.pem"), "-CRLfile", list]
        let badFile = try scratch.write(bad.certificate.pem, to: "bad.pem")
        let goodFile = try scratch.write(good.certificate.pem, to: "good.pem")
        #expect(throws: CommandFailure.self) { try run(verify + [badFile]) }
        #expect(try run(verify + [goodFile]).contains(": OK"))
        let text = try run("openssl", "crl", "-in", list, "-noout", "-text")
        #expect(text.contains("X509v3 CRL Number: \n                3"))
        #expect(text.contains("Key Compromise"))
    }

    @Test("A CA goes on from its own lists only")
    func foreignList() throws {
        let other = try CertificateAuthority.make(name: "Our CA", validity: Validity(from: now, days: 1000))
        let list = try other.revocationList(after: nil, validity: Validity(from: now, days: 30))
        #expect(throws: CertificateError(.invalid("the revocation list is not signed by this CA"))) {
            try authority.revocationList(after: list, validity: Validity(from: now, days: 30))
        }
    }
}
