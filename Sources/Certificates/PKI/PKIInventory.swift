/// What is in a folder of certificates, and how long it counts. Reading it locks nothing and needs no key.
public struct PKIInventory: Sendable {
    public let entries: [PKIEntry]

    /// Reads a folder that `tdxd pki` keeps, or any other with certificates in files that end with `.pem`.
    ///
    /// - Throws: `CertificateError` when the folder cannot be read. Files that cannot are entries that say so.
    public init(of path: String, now: CalendarTime = .now()) throws(CertificateError) {
        let path = Paths.trimmed(path)
        let names = try Folder.names(in: path)
        let issuedPath = path + "/" + PKILayout.issuedFolder
        let issued =
            names.contains(PKILayout.issuedFolder)
            ? try Folder.names(in: issuedPath).map { PKILayout.issuedFolder + "/" + $0 } : []
        var found: [(file: String, content: Content)] = []
        for name in names + issued where name.hasSuffix(PKILayout.certificateSuffix) {
            found += Self.read(name, in: path)
        }
        let lists = found.compactMap { entry in
            if case .list(let list) = entry.content { list } else { nil }
        }
        let revoked = Revoked(lists: lists, authorities: found.compactMap(\.content.certificate))
        var seen: Set<Fingerprint> = []
        entries = found.compactMap { file, content in
            // Those still in use are in `issued` too.
            if let certificate = content.certificate, !seen.insert(certificate.fingerprint).inserted { return nil }
            return PKIEntry(file: file, content, in: path, names: names, revoked: revoked, now: now)
        }
    }

    enum Content {
        case certificate(Certificate)
        case list(RevocationList)
        case unreadable(CertificateError.Reason)

        var certificate: Certificate? {
            if case .certificate(let certificate) = self { certificate } else { nil }
        }
    }

    private static func read(_ name: String, in path: String) -> [(file: String, content: Content)] {
        let file = path + "/" + name
        do throws(CertificateError) {
            return try CertificateFile.certificates(at: file).map { (name, .certificate($0)) }
        } catch {
            guard case .unexpectedEntry(PEM.revocationList, _) = error.reason else {
                return [(name, .unreadable(error.reason))]
            }
        }
        do throws(CertificateError) {
            return try CertificateFile.revocationLists(at: file).map { (name, .list($0)) }
        } catch {
            return [(name, .unreadable(error.reason))]
        }
    }

    /// What the lists of the folder say of its certificates.
    struct Revoked {
        let lists: [(list: RevocationList, authority: Certificate)]

        init(lists: [RevocationList], authorities: [Certificate]) {
            self.lists = lists.flatMap { list in
                authorities.filter { $0.isAuthority && list.isSigned(by: $0) }.map { (list, $0) }
            }
        }

        func entry(of certificate: Certificate) -> RevokedCertificate? {
            lists.lazy.filter { certificate.namesIssuer($0.authority) }
                .compactMap { $0.list.entry(for: certificate.serial) }.first
        }
    }
}
