internal import Certificates
internal import ControlSchema

// From certificates to what `/host` says of them.

extension TLSStatus {
    init(_ material: TLSMaterial, loadedAt: CalendarTime, lastReload: ReloadReport?, now: CalendarTime) {
        self.init(
            certificates: material.own.chain.map { CertificateStatus($0, now: now) },
            trustAnchors: material.trust.authorities.map { CertificateStatus($0, now: now) },
            revocationLists: material.trust.revocationLists.map { RevocationListStatus($0, now: now) },
            identityCount: material.roles.roles.count, loadedAt: Timestamp(loadedAt), lastReload: lastReload)
    }
}

extension CertificateStatus {
    fileprivate init(_ certificate: Certificate, now: CalendarTime) {
        let names = certificate.names
        self.init(
            subject: certificate.subject, names: names.dns + names.addresses.map(\.description) + names.uris,
            sha256: certificate.fingerprint.description, notBefore: Timestamp(certificate.validity.notBefore),
            notAfter: Timestamp(certificate.validity.notAfter), daysLeft: certificate.validity.daysLeft(at: now))
    }
}

extension RevocationListStatus {
    fileprivate init(_ list: RevocationList, now: CalendarTime) {
        self.init(
            issuer: list.issuer, number: list.number.map { Int($0) }, revokedCount: list.entries.count,
            thisUpdate: Timestamp(list.thisUpdate), nextUpdate: list.nextUpdate.map { Timestamp($0) },
            daysLeft: list.nextUpdate?.days(since: now))
    }
}

extension Timestamp {
    init(_ time: CalendarTime) { self.init(seconds: time.seconds, nanoseconds: 0) }
}
