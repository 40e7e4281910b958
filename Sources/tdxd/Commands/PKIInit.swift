internal import ArgumentParser
internal import Certificates
internal import FoundationEssentials

struct PKIInit: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Make a folder with a CA, a server certificate and a client certificate for each role.",
        discussion: """
            The roles' certificates carry the URIs \(PKILayout.roleURI("ROLE")) with ROLE one of \
            \(PKILayout.roleNames.joined(separator: ", ")), and roles.json gives each of them that role.
            """)

    @Argument(help: "The folder, which must not exist or be empty.")
    var folder: String

    @Option(
        help: ArgumentHelp(
            """
            A DNS name of the server; may be repeated. Without any and without --address: this host's name and \
            localhost, with the addresses 127.0.0.1 and ::1.
            """, valueName: "name"))
    var name: [String] = []

    @Option(
        help: ArgumentHelp("An IP address of the server; may be repeated.", valueName: "address"),
        transform: PKIArgument.address)
    var address: [IPAddress] = []

    @Option(help: ArgumentHelp("The name of the CA.", valueName: "name"))
    var caName = "tdxd CA"

    @Option(help: "How long the CA counts, in days.")
    var caDays = PKILifetimes().authorityDays

    @Option(help: "How long the other certificates count, in days.")
    var days = PKILifetimes().certificateDays

    @Option(help: "When the revocation list must have been followed by another, in days.")
    var listDays = PKILifetimes().revocationListDays

    @Flag(help: "If there is a CA in the folder already, move that folder aside. Nothing is deleted.")
    var replace = false

    func run() throws {
        try PKICommand.report { () throws(CertificateError) in
            let made = try PKICreation.make(plan, at: folder, replacing: replace)
            let note = made.movedAside.map { "The folder that was there is now \($0)\n" } ?? ""
            return try note + PKICommand.table(of: folder)
        }
    }

    private var plan: PKIPlan {
        let isLocal = name.isEmpty && address.isEmpty
        return PKIPlan(
            authorityName: caName, serverNames: isLocal ? Self.localNames : name,
            serverAddresses: isLocal ? ["127.0.0.1", "::1"].compactMap { IPAddress($0) } : address,
            lifetimes: PKILifetimes(authorityDays: caDays, certificateDays: days, revocationListDays: listDays),
            roles: RoleFile.ofRoleNames.json)
    }

    /// This host's name may be one that no certificate can hold: it is left out then.
    private static var localNames: [String] {
        let host = ProcessInfo.processInfo.hostName
        return (CertificateRequest.isHostName(host) && host != "localhost" ? [host] : []) + ["localhost"]
    }
}
