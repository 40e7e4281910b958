internal import ArgumentParser
internal import Certificates

struct PKIRevoke: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke",
        abstract: "Revoke certificates, and write a new revocation list.",
        discussion: """
            Without certificates to revoke it writes a fresh list of the same: do that before the old one is outdated.
            """)

    @Argument(help: "The folder that `tdxd pki init` made.")
    var folder: String

    @Argument(help: "The certificates: names, or serial numbers for those whose name went to another.")
    var certificates: [String] = []

    @Option(
        help: ArgumentHelp("Why: \(PKIArgument.reasons).", valueName: "reason"), transform: PKIArgument.reason)
    var reason: RevocationReason = .unspecified

    @Option(help: "When this list must have been followed by another, in days.")
    var listDays = PKILifetimes().revocationListDays

    func run() throws {
        try PKICommand.report { () throws(CertificateError) in
            var directory = try PKIDirectory(folder)
            let revoked = try directory.revoke(certificates, reason: reason, listDays: listDays)
            let lines = revoked.map { "revoked \($0.serial)  \($0.names.uris.first ?? $0.subject)\n" }
            let list = directory.revocationList
            let number = list.number.map { " #\($0)" } ?? ""
            return lines.joined() + "\(PKILayout.revocationList)\(number)  \(list.entries.count) revoked\n"
        }
    }
}
