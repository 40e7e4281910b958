import Certificates
import TestFolders

/// Kinds of keys that the `openssl` command makes.
enum CommandKey: Sendable {
    case p256, p384, secp256k1, p256Explicit, rsa(Int), ed25519, dsa

    func arguments(file: String) -> [[String]] {
        let generate = ["openssl", "genpkey", "-out", file]
        switch self {
        case .p256: return [generate + ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]]
        case .p384: return [generate + ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"]]
        case .secp256k1: return [generate + ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"]]
        case .p256Explicit:
            return [["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-param_enc", "explicit", "-out", file]]
        case .rsa(let bits): return [generate + ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:\(bits)"]]
        case .ed25519: return [generate + ["-algorithm", "ED25519"]]
        case .dsa:
            return [
                ["openssl", "dsaparam", "-out", file + ".parameters", "2048"],
                ["openssl", "gendsa", "-out", file, file + ".parameters"],
            ]
        }
    }
}

/// A CA that the `openssl` command keeps: an opinion of what certificates are that is not our own.
final class CommandAuthority {
    static let authorityExtensions = """
        basicConstraints=critical,CA:TRUE
        keyUsage=critical,keyCertSign,cRLSign
        subjectKeyIdentifier=hash
        authorityKeyIdentifier=keyid:always
        """
    static func clientExtensions(
        purposes: String = "clientAuth", names: String = "URI:spiffe://tdxd/role/viewer",
        constraints: String = "critical,CA:FALSE", keyUsage: String = "critical,digitalSignature"
    ) -> String {
        """
        basicConstraints=\(constraints)
        keyUsage=\(keyUsage)
        extendedKeyUsage=\(purposes)
        subjectKeyIdentifier=hash
        authorityKeyIdentifier=keyid:always
        subjectAltName=\(names)
        """
    }

    let folder: TemporaryFolder
    private var count = 0

    var certificateFile: String { folder.file("ca.pem") }
    var keyFile: String { folder.file("ca.key") }

    /// Makes a root, or an authority that `parent` issues.
    init(
        name: String = "Command CA", key: CommandKey = .p256, digest: String = "sha256",
        extensions: String = authorityExtensions, parent: CommandAuthority? = nil
    ) throws {
        folder = try TemporaryFolder()
        try folder.write("", to: "index.txt")
        try folder.write("unique_subject=no\n", to: "index.txt.attr")
        try folder.write("01\n", to: "crlnumber")
        try folder.write(
            """
            [ca]
            default_ca=this
            [this]
            database=\(folder.path)/index.txt
            new_certs_dir=\(folder.path)
            certificate=\(folder.path)/ca.pem
            private_key=\(folder.path)/ca.key
            crlnumber=\(folder.path)/crlnumber
            rand_serial=yes
            default_md=sha256
            default_days=100
            default_crl_days=30
            policy=any
            crl_extensions=crl
            [any]
            commonName=supplied
            [crl]
            authorityKeyIdentifier=keyid:always
            [req]
            distinguished_name=name
            prompt=no
            [name]
            CN=unused
            """, to: "ca.cnf")
        for arguments in key.arguments(file: keyFile) { try run(arguments) }
        if let parent {
            try parent.sign(name: name, keyFile: keyFile, extensions: extensions, digest: digest, to: certificateFile)
        } else {
            let request = try request(name: name, keyFile: keyFile)
            let options = ["-selfsign", "-keyfile", keyFile, "-days", "1000"]
            try sign(request, extensions: extensions, digest: digest, options: options, to: certificateFile)
        }
    }

    var certificate: Certificate { get throws { try CertificateFile.certificates(at: certificateFile)[0] } }

    /// Issues a certificate for a new key, and returns it in DER.
    func issue(
        _ name: String = "client", key: CommandKey = .p256, extensions: String = clientExtensions(),
        digest: String = "sha256", options: [String] = []
    ) throws -> [UInt8] {
        count += 1
        let keyFile = folder.file("\(count).key")
        for arguments in key.arguments(file: keyFile) { try run(arguments) }
        let file = folder.file("\(count).pem")
        try sign(name: name, keyFile: keyFile, extensions: extensions, digest: digest, options: options, to: file)
        return try CertificateFile.certificates(at: file)[0].der
    }

    private func sign(
        name: String, keyFile: String, extensions: String, digest: String, options: [String] = [], to file: String
    ) throws {
        let request = try request(name: name, keyFile: keyFile)
        try sign(request, extensions: extensions, digest: digest, options: options, to: file)
    }

    private func sign(
        _ request: String, extensions: String, digest: String, options: [String], to file: String
    ) throws {
        let extensionsFile = try folder.write(extensions, to: "extensions.cnf")
        try run(
            ["openssl", "ca", "-batch", "-notext", "-config", folder.file("ca.cnf"), "-in", request, "-out", file]
                + ["-extfile", extensionsFile, "-md", digest] + options)
    }

    private func request(name: String, keyFile: String) throws -> String {
        let request = folder.file("request.pem")
        try run(
            "openssl", "req", "-new", "-config", folder.file("ca.cnf"), "-key", keyFile, "-subj", "/CN=\(name)",
            "-out", request)
        return request
    }

    /// Revokes a certificate; `revocationList` says so from then on.
    func revoke(_ der: [UInt8], reason: String = "keyCompromise") throws {
        let file = try folder.write(try Certificate(der: der).pem, to: "revoked.pem")
        try run("openssl", "ca", "-config", folder.file("ca.cnf"), "-revoke", file, "-crl_reason", reason)
    }

    func revocationList(options: [String] = []) throws -> RevocationList {
        let file = folder.file("crl.pem")
        try run(["openssl", "ca", "-config", folder.file("ca.cnf"), "-gencrl", "-out", file] + options)
        return try CertificateFile.revocationLists(at: file)[0]
    }
}
