internal import ArgumentParser
internal import Certificates

struct PKIShow: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show the certificates of a folder, and when they end.",
        discussion: """
            Any folder with certificates in files that end with .pem will do, one that a daemon uses too. A certificate \
            should be renewed in the last third of its life, or the last 30 days if those are fewer.
            """)

    @Argument(help: "The folder.")
    var folder: String

    @Flag(help: "Exit with 1 when one in use is not good, or should be renewed.")
    var check = false

    func run() throws {
        var needsAttention = false
        try PKICommand.report { () throws(CertificateError) in
            let inventory = try PKIInventory(of: folder)
            needsAttention = inventory.entries.contains(where: \.needsAttention)
            return inventory.table
        }
        if check, needsAttention { throw ExitCode.failure }
    }
}
