import Certificates
import TestFolders
import Testing

@Suite("Keys and their files")
struct KeyTests {
    let scratch: TemporaryFolder
    init() throws { scratch = try TemporaryFolder() }

    private func pem(of key: PrivateKey) -> [UInt8] {
        // SAFETY: bytes have no padding; the copy is made while they are lent.
        key.withPEM { unsafe $0.withUnsafeBytes { unsafe [UInt8]($0) } }
    }

    private func make(_ key: CommandKey) throws -> String {
        let file = scratch.file("made.key")
        for arguments in key.arguments(file: file) { try run(arguments) }
        return file
    }

    @Test("A key survives its own PEM, and the openssl command finds it in order")
    func roundTrip() throws {
        let authority = try CertificateAuthority.make(name: "a", validity: Validity(from: .now(), days: 1))
        let text = pem(of: authority.key)
        #expect(String(decoding: text.prefix(28), as: UTF8.self) == "-----BEGIN PRIVATE KEY-----\n")
        #expect(try CertificateFile.privateKey(in: text).matches(authority.certificate))
        let file = try scratch.write(text, to: "own.key")
        #expect(try run("openssl", "pkey", "-in", file, "-noout", "-check").contains("Key is valid"))
    }

    @Test("Keys of the openssl command are read in all three forms")
    func forms() throws {
        let root = try CommandAuthority()
        let certificate = try root.certificate
        let traditional = scratch.file("sec1.pem")
        try run("openssl", "ec", "-in", root.keyFile, "-out", traditional)
        let der = scratch.file("key.der")
        try run("openssl", "pkey", "-in", root.keyFile, "-outform", "DER", "-out", der)
        for file in [root.keyFile, traditional, der] {
            try setMode(of: file, to: 0o600)
            #expect(try CertificateFile.privateKey(at: file).matches(certificate))
        }
        let withParameters = scratch.file("parameters.pem")
        try run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-out", withParameters)
        #expect(throws: Never.self) { try CertificateFile.privateKey(at: withParameters) }
    }

    @Test(
        "Keys of other kinds are refused by name",
        arguments: [(CommandKey.rsa(2048), "RSA-2048"), (.ed25519, "Ed25519"), (.p384, "P-384")])
    func wrongKind(_ key: CommandKey, _ name: String) throws {
        let file = try make(key)
        #expect(throws: CertificateError(.wrongKeyKind(name), file: file)) { try CertificateFile.privateKey(at: file) }
    }

    @Test("Encrypted keys are refused, and nobody is asked for a password")
    func encrypted() throws {
        let file = try make(.p256)
        let modern = scratch.file("encrypted.pem")
        try run("openssl", "pkcs8", "-topk8", "-in", file, "-out", modern, "-passout", "pass:secret")
        let old = scratch.file("old.pem")
        try run("openssl", "ec", "-in", file, "-out", old, "-aes128", "-passout", "pass:secret")
        for path in [modern, old] {
            try setMode(of: path, to: 0o600)
            #expect(throws: CertificateError(.encryptedKey, file: path)) { try CertificateFile.privateKey(at: path) }
        }
        let der = scratch.file("encrypted.der")
        try run(
            "openssl", "pkcs8", "-topk8", "-in", file, "-outform", "DER", "-out", der, "-passout", "pass:secret")
        try setMode(of: der, to: 0o600)
        #expect(throws: CertificateError.self) { try CertificateFile.privateKey(at: der) }
    }

    @Test("A key whose halves do not belong together is refused")
    func halves() throws {
        let der = scratch.file("key.der")
        try run("openssl", "ec", "-in", try make(.p256), "-outform", "DER", "-out", der)
        var changed = try bytes(of: der)
        // SEQUENCE, version, then the private half as an OCTET STRING of 32 bytes.
        #expect(Array(changed[2..<7]) == [2, 1, 1, 4, 32])
        changed[38] ^= 1
        #expect(throws: CertificateError(.invalid("private and public half do not belong together"))) {
            try PrivateKey(der: changed)
        }
    }

    @Test("A key that others can read is not used; one for the owner's group is", arguments: [0o600, 0o400, 0o640])
    func modes(_ good: UInt32) throws {
        let file = try make(.p256)
        try setMode(of: file, to: good)
        #expect(throws: Never.self) { try CertificateFile.privateKey(at: file) }
        for bad: UInt32 in [0o644, 0o604, 0o660, 0o602, 0o601] {
            try setMode(of: file, to: bad)
            #expect(throws: CertificateError(.tooOpen(mode: bad), file: file)) {
                try CertificateFile.privateKey(at: file)
            }
        }
        let text = CertificateError(.tooOpen(mode: 0o644), file: "a.key").description
        #expect(text == "a.key: may be read or changed by others (mode 0644)")
    }

    @Test("What is no key, more than one, or missing is refused")
    func noKey() throws {
        let root = try CommandAuthority()
        let certificate = try root.certificate.pem
        #expect(throws: CertificateError(.unexpectedEntry(label: "CERTIFICATE", expected: "PRIVATE KEY"))) {
            try CertificateFile.privateKey(in: certificate)
        }
        let key = pem(of: .generate())
        #expect(throws: CertificateError(.tooManyEntries(limit: 1))) { try CertificateFile.privateKey(in: key + key) }
        #expect(throws: CertificateError(.notPEM("there is no BEGIN line"))) {
            try CertificateFile.privateKey(in: Array("hello\n".utf8))
        }
        let empty = try scratch.write("", to: "empty")
        try setMode(of: empty, to: 0o600)
        #expect(throws: CertificateError(.empty, file: empty)) { try CertificateFile.privateKey(at: empty) }
        #expect(throws: CertificateError(.invalid("it is no regular file"), file: scratch.path)) {
            try CertificateFile.certificates(at: scratch.path)
        }
    }
}
