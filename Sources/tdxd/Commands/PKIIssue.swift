internal import ArgumentParser
internal import Certificates
internal import ControlAPI

struct PKIIssue: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "issue",
        abstract: "Issue a certificate for a client, or for a server.",
        discussion: """
            Give a client's identity with --uri or --role, or a server's names with --dns and --address. The files are \
            NAME.pem and NAME.key in the folder. With both --uri and --role the identity gets that role in the folder's \
            roles.json, too; with --uri alone it has none until somebody gives it one.
            """)

    @Argument(help: "The folder that `tdxd pki init` made.")
    var folder: String

    @Argument(help: "What to name the files after: lower-case letters, digits, '-', '_' and '.'.")
    var name: String

    @Option(help: ArgumentHelp("A client's identity, such as spiffe://tdxd/user/alice.", valueName: "uri"))
    var uri: String?

    @Option(
        help: ArgumentHelp(
            "A client's role. Without --uri it stands for \(PKILayout.roleURI("ROLE")).", valueName: "role"))
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
        guard (uri != nil || role != nil) != (!dns.isEmpty || !address.isEmpty) else {
            throw ValidationError("give --uri, --role or both of a client, or --dns or --address of a server")
        }
        if let role, !PKILayout.roleNames.contains(role) {
            throw ValidationError("there is no role '\(role)': \(PKILayout.roleNames.joined(separator: ", "))")
        }
    }

    func run() throws {
        try PKICommand.report { () throws(CertificateError) in
            let directory = try PKIDirectory(folder)
            let roles = try extendedRoles(directory.rolesPath)
            let issued = try directory.issue(name, request(), days: days, replacing: replace)
            if let roles { try directory.write(roles: roles.json) }
            return "\(name).pem  \(issued.serial)  until \(issued.validity.notAfter)\n"
        }
    }

    /// The folder's roles with the new client's; nil if nothing has to be written.
    private func extendedRoles(_ path: String) throws(CertificateError) -> RoleFile? {
        guard let uri, let role = role.flatMap({ Role(rawValue: $0) }) else { return nil }
        let bytes = try CertificateFile.roles(at: path, limit: RoleFile.sizeMax)
        var file: RoleFile
        do throws(ItemFault) { file = try RoleFile(json: bytes) } catch {
            throw CertificateError(.invalid(error.reason), file: path)
        }
        if let known = file.roles[.uri(uri)], known != role {
            throw CertificateError(.badRequest("'\(uri)' has the role \(known) already"), file: path)
        }
        file.roles[.uri(uri)] = role
        return file
    }

    private func request() throws(CertificateError) -> CertificateRequest {
        if let uri = uri ?? role.map(PKILayout.roleURI) { return try .client(name: name, uri: uri) }
        return try .server(names: dns, addresses: address)
    }
}
