import Glibc
import MicroHTTP
import TestFolders
import Threading

/// Certificates made by the openssl command line in a directory of their own.
final class TestCertificates: Sendable {
    private let folder: TemporaryFolder
    var directory: String { folder.path }
    /// The one set that tests share; its folder goes with the process.
    private static let shared = Locked<TestCertificates?>(nil)

    static func get() throws -> TestCertificates {
        try shared.withLock { made throws in
            if let made { return made }
            let new = try TestCertificates()
            made = new
            atexit { TestCertificates.shared.withLock { $0 = nil } }
            return new
        }
    }

    init() throws {
        folder = try TemporaryFolder()
        try selfSigned("ca", "/CN=test CA")
        try selfSigned("foreign", "/CN=stranger")
        for name in ["server", "server2"] { try issue(name, "subjectAltName=IP:127.0.0.1,DNS:localhost") }
        for name in ["alice", "bob"] { try issue(name, "subjectAltName=URI:spiffe://test/\(name)") }
    }

    private func openssl(_ words: String...) throws {
        let (status, output) = try ChildProcess.run(["openssl"] + words)
        guard status == 0 else { throw RawClient.Failure(description: "openssl \(words): \(output)") }
    }

    private func selfSigned(_ name: String, _ subject: String) throws {
        try openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", subject, "-keyout", key(name), "-out", certificate(name))
    }

    private func issue(_ name: String, _ extensions: String) throws {
        try openssl(
            "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=\(name)",
            "-addext", extensions, "-keyout", key(name), "-out", "\(directory)/\(name).csr")
        try openssl(
            "x509", "-req", "-in", "\(directory)/\(name).csr", "-CA", certificate("ca"), "-CAkey", key("ca"),
            "-CAcreateserial", "-copy_extensions", "copyall", "-days", "2", "-out", certificate(name))
        try openssl(
            "x509", "-in", certificate(name), "-outform", "DER", "-out", "\(directory)/\(name).der")
    }

    func certificate(_ name: String) -> String { "\(directory)/\(name).pem" }
    func key(_ name: String) -> String { "\(directory)/\(name).key" }

    func bytes(_ path: String) throws -> [UInt8] {
        // SAFETY: the path is read during the call.
        let descriptor = unsafe open(path, O_RDONLY)
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        // SAFETY: as many bytes as the array has.
        let count = unsafe read(descriptor, &buffer, buffer.count)
        guard count > 0 else { throw RawClient.Failure(description: "\(path): errno \(errno)") }
        return Array(buffer[..<count])
    }

    /// A configuration that shows `server` and believes the clients named, by the very bytes of their certificates.
    func configuration(
        server: String = "server", believing names: [String] = ["alice"],
        judged: @escaping @Sendable ([[UInt8]]) -> Void = { _ in }
    ) throws -> TLSConfiguration {
        let known = try names.map { (try bytes("\(directory)/\($0).der"), "spiffe://test/\($0)") }
        return TLSConfiguration(
            certificateChain: try bytes(certificate(server)), privateKey: try bytes(key(server))
        ) { chain in
            judged(chain)
            guard let found = known.first(where: { $0.0 == chain.first }) else {
                return .refused(code: "client-certificate-unknown", reason: "nobody knows this certificate")
            }
            return .verified(uris: [found.1], sha256: String(repeating: "0f", count: 32))
        }
    }
}
