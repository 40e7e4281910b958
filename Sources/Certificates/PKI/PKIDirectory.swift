/// An existing folder of certificates, open for issuing and revoking; locked against others that do the same.
public struct PKIDirectory: ~Copyable {
    private let folder: LockedFolder
    private let authority: CertificateAuthority
    private let files: PKIFiles
    private let now: CalendarTime

    /// The newest list of what was revoked.
    public private(set) var revocationList: RevocationList

    public var authorityCertificate: Certificate { authority.certificate }

    /// - Throws: `CertificateError` when there is no such folder, others may enter it, another process has it open, or
    ///   its CA or revocation list cannot be read or do not belong together.
    public init(_ path: String, now: CalendarTime = .now()) throws(CertificateError) {
        let folder = try LockedFolder(path)
        let pair = try CertifiedKey(
            chainFile: folder.file(PKILayout.authorityCertificate), keyFile: folder.file(PKILayout.authorityKey))
        let authority: CertificateAuthority
        do { authority = try CertificateAuthority(certificate: pair.certificate, key: pair.key) } catch {
            throw error.inFile(folder.file(PKILayout.authorityCertificate))
        }
        let listFile = folder.file(PKILayout.revocationList)
        let list = try CertificateFile.revocationLists(at: listFile, limit: 1)[0]
        guard list.isSigned(by: authority.certificate) else {
            throw CertificateError(.invalid("it is not signed by the CA beside it"), file: listFile)
        }
        self.authority = authority
        revocationList = list
        files = PKIFiles(path: folder.path)
        self.folder = folder
        self.now = now
    }

    /// Issues a certificate and writes it and its key under `name`.
    ///
    /// - Parameter replacing: puts them in the place of an earlier one, which counts on until it is revoked.
    /// - Throws: `CertificateError`; `alreadyExists` when there is one and `replacing` is false.
    public func issue(
        _ name: String, _ request: CertificateRequest, days: Int, replacing: Bool = false
    ) throws(CertificateError) -> Certificate {
        guard PKILayout.isName(name) else {
            throw CertificateError(.badRequest("'\(name)' cannot name a certificate's files"))
        }
        try PKILifetimes(certificateDays: days).check()
        for part in [PKILayout.certificate(of: name), PKILayout.key(of: name)] {
            let file = folder.file(part)
            guard replacing || !Folder.exists(file) else { throw CertificateError(.alreadyExists, file: file) }
        }
        let issued = try authority.issue(request, validity: Validity(from: now, days: days))
        try files.write(issued, as: name, replacing: replacing)
        return issued.certificate
    }

    /// Revokes certificates, each given by its name or its serial number, and writes the next revocation list; also
    /// when all were revoked before, or none is given, so that there is a fresh one.
    ///
    /// - Returns: those that were not revoked before.
    /// - Throws: `CertificateError` when one of them was not issued here. Nothing is revoked then.
    public mutating func revoke(
        _ targets: [String], reason: RevocationReason = .unspecified, listDays: Int
    ) throws(CertificateError) -> [Certificate] {
        try PKILifetimes(revocationListDays: listDays).check()
        var certificates: [Certificate] = []
        for target in targets {
            let certificate = try find(target)
            guard revocationList.entry(for: certificate.serial) == nil, !certificates.contains(certificate) else {
                continue
            }
            certificates.append(certificate)
        }
        let list = try authority.revocationList(
            after: revocationList,
            revoking: certificates.map { RevokedCertificate(serial: $0.serial, date: now, reason: reason) },
            validity: Validity(from: now, days: listDays))
        try files.write(list.pem, as: PKILayout.revocationList, replacing: true)
        revocationList = list
        return certificates
    }

    /// Puts another `roles.json` in the place of the one that is there.
    public func write(roles: [UInt8]) throws(CertificateError) {
        try files.write(roles, as: PKILayout.roleFile, replacing: true)
    }

    public var rolesPath: String { folder.file(PKILayout.roleFile) }

    private func find(_ target: String) throws(CertificateError) -> Certificate {
        let named = folder.file(PKILayout.certificate(of: target))
        let file: String
        if PKILayout.isName(target), Folder.exists(named) {
            file = named
        } else if let serial = SerialNumber(hex: target), Folder.exists(folder.file(PKILayout.issued(serial))) {
            file = folder.file(PKILayout.issued(serial))
        } else {
            throw CertificateError(
                .notFound("certificate with the name or serial number '\(target)'"), file: folder.path)
        }
        let certificate = try CertificateFile.certificates(at: file, limit: 1)[0]
        guard certificate.namesIssuer(authority.certificate) else {
            throw CertificateError(.invalid("it was not issued by the CA beside it"), file: file)
        }
        return certificate
    }
}
