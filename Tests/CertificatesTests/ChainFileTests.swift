import Certificates
import TestFolders
import Testing

@Suite("Files of certificates")
struct ChainFileTests {
    let scratch: TemporaryFolder
    let root: CommandAuthority
    init() throws {
        scratch = try TemporaryFolder()
        root = try CommandAuthority()
    }

    @Test("PEM and DER give the same certificate; text around the entries is passed over")
    func forms() throws {
        let certificate = try root.certificate
        let der = try scratch.write(certificate.der, to: "ca.der")
        let pem = try scratch.write(Array("Subject: x\r\n".utf8) + certificate.pem + Array("end\n".utf8), to: "ca.pem")
        #expect(try CertificateFile.certificates(at: der) == [certificate])
        #expect(try CertificateFile.certificates(at: pem) == [certificate])
        #expect(try CertificateFile.certificates(in: certificate.pem + certificate.pem).count == 2)
    }

    @Test("A fault names the file and the entry")
    func faults() throws {
        let good = try root.certificate.pem
        let cut = good.dropLast(40)
        let file = try scratch.write(good + cut, to: "cut.pem")
        let error = #expect(throws: CertificateError.self) { try CertificateFile.certificates(at: file) }
        #expect(error?.file == file && error?.entry == 2)
        #expect(error?.description.hasPrefix("\(file): entry 2: is not PEM: ") == true)
        let other = Array("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".utf8)
        let bad = try scratch.write(good + other, to: "bad.pem")
        let second = #expect(throws: CertificateError.self) { try CertificateFile.certificates(at: bad) }
        #expect(second?.description.hasPrefix("\(bad): entry 2: is not DER: ") == true)
        #expect(throws: CertificateError(.tooManyEntries(limit: 2))) {
            try CertificateFile.certificates(in: good + good + good, limit: 2)
        }
    }

    @Test("A file larger than the limit is not read")
    func tooLarge() throws {
        let limit = CertificateLimits.certificateFileBytesMax
        let file = try scratch.write([UInt8](repeating: 0x0a, count: limit + 1), to: "large.pem")
        #expect(throws: CertificateError(.tooLarge(limitBytes: limit), file: file)) {
            try CertificateFile.certificates(at: file)
        }
    }

    @Test("A pipe without a writer is refused and not waited for")
    func pipe() throws {
        let path = scratch.file("pipe")
        try run("mkfifo", path)
        #expect(throws: CertificateError(.invalid("it is no regular file"), file: path)) {
            try CertificateFile.certificates(at: path)
        }
    }

    @Test("A chain must be in order and the key the first one's")
    func chain() throws {
        let authority = try CertificateAuthority.make(name: "a", validity: Validity(from: .now(), days: 10))
        let issued = try authority.issue(.server(names: ["a"]), validity: Validity(from: .now(), days: 1))
        let whole = try CertifiedKey(chain: [issued.certificate, authority.certificate], key: issued.key)
        #expect(try CertificateFile.certificates(in: whole.chainPEM) == [issued.certificate, authority.certificate])
        #expect(throws: CertificateError(.outOfOrder, entry: 2)) {
            try CertifiedKey(chain: [issued.certificate, try root.certificate], key: issued.key)
        }
        #expect(throws: CertificateError(.keyDoesNotMatch)) {
            try CertifiedKey(chain: [authority.certificate, issued.certificate], key: issued.key)
        }
        #expect(throws: CertificateError(.empty)) { try CertifiedKey(chain: [], key: issued.key) }
    }
}
