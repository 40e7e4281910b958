internal import ArgumentParser
internal import Certificates

struct PKIIssue: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "issue",
        abstract: "Issue a certificate for a client, or for a server.",
        discussion: """
            Give a client's identity with --uri or --role, or a server's names with --dns and --address. The files are \
            NAME.pem and NAME.key in the folder.
            """)

    @Argument(help: "The folder that `tdxd pki init` made.")
    var folder: String

    @Argument(help: "What to name the files after: lower-case letters, digits, '-', '_' and '.'.")
    var name: String

    @Option(help: ArgumentHelp("A client's identity, such as spiffe://tdxd/user/alice.", valueName: "uri"))
    var uri: String?

    @Option(
        help: ArgumentHelp("A client's role: stands for its URI, \(PKILayout.roleURI("ROLE")).", valueName: "role"))
    var role: String?

    @Option(help: ArgumentHelp("A DNS name of a server; may be repeated.", valueName: "name"))
    var dns: [String] = []

    @Option(
        help: ArgumentHelp("An IP address of a server; may be repeated.", valueName: "address"),
        transform: PKIArgument.address)
    var address: [IPAddress] = []

    @Option(help: "How long it counts, in days.")
    var days = PKILifetimes().certificateDays

    @Flag(help: "Put it in the place of an earlier one of that name, which counts on until it is revoked.")
    var replace = false

    func validate() throws {
        let kinds = [uri != nil, role != nil, !dns.isEmpty || !address.isEmpty].count { $0 }
        guard kinds == 1 else {
            throw ValidationError("give one of --uri, --role, and --dns with --address")
        }
        if let role, !PKILayout.roleNames.contains(role) {
            throw ValidationError("there is no role '\(role)': \(PKILayout.roleNames.joined(separator: ", "))")
        }
    }

    func run() throws {
        try PKICommand.report { () throws(CertificateError) in
            let directory = try PKIDirectory(folder)
            let issued = try directory.issue(name, request(), days: days, replacing: replace)
            return "\(name).pem  \(issued.serial)  until \(issued.validity.notAfter)\n"
        }
    }

    private func request() throws(CertificateError) -> CertificateRequest {
        if let uri = uri ?? role.map(PKILayout.roleURI) { return try .client(name: name, uri: uri) }
        return try .server(names: dns, addresses: address)
    }
}
