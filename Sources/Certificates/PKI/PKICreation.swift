/// Makes a folder of certificates: complete, or not at all.
public enum PKICreation {
    /// What was made, by file name, and where the folder that it replaced is now.
    public struct Outcome: Sendable {
        public let certificates: [(file: String, certificate: Certificate)]
        public let movedAside: String?
    }

    /// Makes a CA, a server certificate and the planned client certificates in `path`, which must not exist or be empty.
    ///
    /// - Parameter replacing: an existing folder with a CA is moved aside, to a name beside it with the time; nothing
    ///   is ever deleted.
    /// - Throws: `CertificateError`; `alreadyExists` when there is a CA and `replacing` is false. The folder is then as
    ///   it was.
    public static func make(
        _ plan: PKIPlan, at path: String, replacing: Bool = false, now: CalendarTime = .now()
    ) throws(CertificateError) -> Outcome {
        let path = Paths.trimmed(path)
        try plan.lifetimes.check()
        try checkNames(plan)
        let isThere = try mayMake(at: path, replacing: replacing)
        let staging = path + ".new-" + Hexadecimal.text(RandomBytes.take(8))
        do { try Folder.make(staging) } catch { throw CertificateError(error.reason, file: path) }
        do throws(CertificateError) {
            let certificates = try fill(staging, plan, now: now)
            let movedAside = isThere ? try moveAside(path, now: now) : nil
            try Folder.move(staging, to: path)
            return Outcome(certificates: certificates, movedAside: movedAside)
        } catch {
            Folder.remove(staging)
            // Not the name of a folder that is gone.
            throw error.file?.hasPrefix(staging) == true ? CertificateError(error.reason, file: path) : error
        }
    }

    private static func checkNames(_ plan: PKIPlan) throws(CertificateError) {
        var seen: Set<String> = [PKILayout.serverName]
        for client in plan.clients {
            guard PKILayout.isName(client.name), seen.insert(client.name).inserted else {
                throw CertificateError(.badRequest("'\(client.name)' cannot name a client, or does twice"))
            }
        }
    }

    /// Whether something is there that has to be moved aside.
    private static func mayMake(at path: String, replacing: Bool) throws(CertificateError) -> Bool {
        guard Folder.exists(path) else { return false }
        let names = try Folder.names(in: path)
        if names.isEmpty { return false }
        guard let found = [PKILayout.authorityCertificate, PKILayout.authorityKey].first(where: names.contains) else {
            throw CertificateError(.badRequest("the folder is not empty, and what is in it is no CA"), file: path)
        }
        guard replacing else { throw CertificateError(.alreadyExists, file: path + "/" + found) }
        return true
    }

    private static func moveAside(_ path: String, now: CalendarTime) throws(CertificateError) -> String {
        // Nobody issues from it while it moves.
        let folder = try LockedFolder(path)
        let stamp = now.description.filter { $0 != "-" && $0 != ":" }
        let target = "\(folder.path).replaced-\(stamp)"
        try Folder.move(path, to: target)
        return target
    }

    private static func fill(
        _ path: String, _ plan: PKIPlan, now: CalendarTime
    ) throws(CertificateError) -> [(file: String, certificate: Certificate)] {
        let lifetimes = plan.lifetimes
        let authority = try CertificateAuthority.make(
            name: plan.authorityName, validity: Validity(from: now, days: lifetimes.authorityDays))
        try Folder.make(path + "/" + PKILayout.issuedFolder)
        let store = PKIFiles(path: path)
        try store.write(authority.key, as: PKILayout.authorityKey, replacing: false)
        let list = try authority.revocationList(
            after: nil, validity: Validity(from: now, days: lifetimes.revocationListDays))
        try store.write(list.pem, as: PKILayout.revocationList, replacing: false)
        if let roles = plan.roles { try store.write(roles, as: PKILayout.roleFile, replacing: false) }
        var made = [(file: PKILayout.authorityCertificate, certificate: authority.certificate)]
        let server = try CertificateRequest.server(names: plan.serverNames, addresses: plan.serverAddresses)
        var requests = [(name: PKILayout.serverName, request: server)]
        for client in plan.clients {
            requests.append((client.name, try CertificateRequest.client(name: client.name, uri: client.uri)))
        }
        for (name, request) in requests {
            let issued = try authority.issue(request, validity: Validity(from: now, days: lifetimes.certificateDays))
            try store.write(issued, as: name, replacing: false)
            made.append((PKILayout.certificate(of: name), issued.certificate))
        }
        try store.write(authority.certificate.pem, as: PKILayout.authorityCertificate, replacing: false)
        return made
    }
}
