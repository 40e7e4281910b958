import Certificates
import TestFolders
import Testing

@Suite("What may be trusted")
struct TrustStoreTests {
    @Test("Nothing is no trust")
    func empty() throws {
        #expect(throws: CertificateError(.empty)) { try TrustStore(authorities: []) }
    }

    @Test("A client's certificate and a CA with a weak key are refused, with their place")
    func noAuthority() throws {
        let root = try CommandAuthority()
        let client = try Certificate(der: try root.issue())
        #expect(throws: CertificateError(.notAnAuthority("its basic constraints do not say so"), entry: 2)) {
            try TrustStore(authorities: [try root.certificate, client])
        }
        let weak = try CommandAuthority(key: .rsa(1024))
        #expect(
            throws: CertificateError(
                .notAnAuthority("its key is not strong enough or of no accepted kind: RSA-1024"), entry: 1)
        ) { try TrustStore(authorities: [try weak.certificate]) }
    }

    @Test("More CAs than the limit are refused")
    func tooMany() throws {
        let one = try CommandAuthority().certificate
        let limit = CertificateLimits.authoritiesMax
        #expect(try TrustStore(authorities: Array(repeating: one, count: limit)).authorities.count == limit)
        #expect(throws: CertificateError(.tooManyEntries(limit: limit))) {
            try TrustStore(authorities: Array(repeating: one, count: limit + 1))
        }
    }

    @Test("A list that its CA did not sign is refused; one of a CA not known here is kept for later")
    func lists() throws {
        let root = try CommandAuthority()
        let namesake = try CommandAuthority()
        #expect(throws: CertificateError(.invalid("it is not signed by the CA it names"), entry: 1)) {
            try TrustStore(authorities: [try root.certificate], revocationLists: [try namesake.revocationList()])
        }
        let other = try CommandAuthority(name: "Other")
        let store = try TrustStore(
            authorities: [try root.certificate], revocationLists: [try other.revocationList()])
        #expect(store.revocationLists.count == 1)
    }

    @Test("A list signed with SHA-1 is refused")
    func weakList() throws {
        let root = try CommandAuthority()
        #expect(throws: CertificateError(.unsupported("a signature with ecdsa-with-SHA1"), entry: 1)) {
            try TrustStore(
                authorities: [try root.certificate],
                revocationLists: [try root.revocationList(options: ["-md", "sha1"])])
        }
    }

    @Test("Files are read, and faults name file and entry")
    func files() throws {
        let scratch = try TemporaryFolder()
        let root = try CommandAuthority()
        let client = try Certificate(der: try root.issue())
        let list = try scratch.write(try root.revocationList().pem, to: "crl.pem")
        let store = try TrustStore(authorityFiles: [root.certificateFile], revocationListFiles: [list])
        #expect(store.authorities == [try root.certificate])
        let both = try scratch.write(try root.certificate.pem + client.pem, to: "both.pem")
        #expect(
            throws: CertificateError(.notAnAuthority("its basic constraints do not say so"), file: both, entry: 2)
        ) { try TrustStore(authorityFiles: [both]) }
        #expect(
            throws: CertificateError(.unexpectedEntry(label: "X509 CRL", expected: "CERTIFICATE"), file: list, entry: 1)
        ) { try TrustStore(authorityFiles: [list]) }
        let missing = scratch.file("missing.pem")
        #expect(throws: CertificateError(.system("open it", errno: 2), file: missing)) {
            try TrustStore(authorityFiles: [missing])
        }
    }
}
