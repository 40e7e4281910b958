internal import ArgumentParser
internal import Certificates

struct PKICommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pki",
        abstract: "Keep a CA and its certificates in a folder.",
        discussion: """
            A small CA for hosts that have no other: it makes what tdxd and its clients need to talk over TLS. All keys \
            are on the curve P-256. A client is known by the URI in its certificate.

            THE FOLDER
              ca.pem  ca.key      the CA's certificate, for all to trust, and its key
              crl.pem             what it has revoked
              roles.json          which client has which role
              NAME.pem  NAME.key  each certificate and its key
              issued/             copies of all certificates ever issued
            It is its owner's alone (0700), and the keys in it are too (0600).

            TO TRY IT
              tdxd pki init pki
              tdxd --listen-tls 127.0.0.1:8443 --pki pki &
              cd pki && curl --cacert ca.pem --cert lab.pem --key lab.key https://localhost:8443/host

            Exits with 1 when something cannot be done, and says why.
            """,
        subcommands: [PKIInit.self, PKIIssue.self, PKIRevoke.self, PKIShow.self])

    /// Runs `body`, prints what it returns, and ends with the reason on standard error if it fails.
    static func report(_ body: () throws(CertificateError) -> String) throws {
        let text: String
        do { text = try body() } catch {
            let hint = error.reason == .alreadyExists ? "; see --replace" : ""
            LineOutput.standardError.write("tdxd: \(error)\(hint)\n")
            throw ExitCode.failure
        }
        LineOutput.standardOutput.write(text)
    }

    static func table(of path: String) throws(CertificateError) -> String { try PKIInventory(of: path).table }
}

/// How arguments are read that are of the certificates' types.
enum PKIArgument {
    static func address(_ text: String) throws -> IPAddress {
        guard let address = IPAddress(text) else { throw ValidationError("'\(text)' is no IP address") }
        return address
    }

    static func reason(_ text: String) throws -> RevocationReason {
        guard let reason = RevocationReason(name: text) else {
            throw ValidationError("'\(text)' is no reason: \(reasons)")
        }
        return reason
    }

    static let reasons = RevocationReason.named.map(\.name).joined(separator: ", ")
}
