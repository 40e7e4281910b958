internal import Certificates

/// Something that ends, and what it is called in the log.
struct Expiring: Hashable, Sendable {
    enum Kind: String, Sendable {
        case own = "server certificate"
        case above = "CA certificate shown with the server's"
        case trusted = "trusted CA"
        case revocationList = "revocation list"
    }

    let kind: Kind
    /// Of a certificate, or of a list's issuer.
    let subject: String
    /// Tells it from its successor.
    let identity: String
    let validity: Validity
}

/// What is to be said of things that end, so that nobody is surprised and the log is not filled: once when a thing
/// should be renewed, each day of the last seven, and each day once it has ended; also when it does not count yet.
struct ExpiryNotices: Sendable {
    enum Stage: Hashable, Sendable {
        case early
        case renew
        case lastDays(Int)
        /// How many days ago it ended, the first being 1.
        case over(Int)
    }

    struct Notice: Hashable, Sendable {
        let item: Expiring
        let stage: Stage
        /// Negative once it has ended.
        let daysLeft: Int
    }

    static let dailyFrom = 7

    private var told: [Expiring: Stage] = [:]

    /// What is to be said at `now` that has not been said yet.
    mutating func due(_ items: [Expiring], now: CalendarTime) -> [Notice] {
        var stages: [Expiring: Stage] = [:]
        var notices: [Notice] = []
        for item in items where stages[item] == nil {
            guard let stage = Self.stage(of: item.validity, now) else { continue }
            stages[item] = stage
            if told[item] != stage {
                notices.append(Notice(item: item, stage: stage, daysLeft: item.validity.daysLeft(at: now)))
            }
        }
        // What is no longer in use is forgotten.
        told = stages
        return notices
    }

    private static func stage(of validity: Validity, _ now: CalendarTime) -> Stage? {
        let days = validity.daysLeft(at: now)
        if now < validity.notBefore { return .early }
        if now >= validity.notAfter { return .over(max(1, -days)) }
        guard validity.needsRenewal(at: now) else { return nil }
        return days <= dailyFrom ? .lastDays(days) : .renew
    }
}

extension TLSMaterial {
    /// All that ends.
    var expiring: [Expiring] {
        let shown = own.chain.enumerated().map { index, certificate in
            Expiring(certificate, index == 0 ? .own : .above)
        }
        return shown + trust.authorities.map { Expiring($0, .trusted) }
            + trust.revocationLists.compactMap { Expiring($0) }
    }
}

extension Expiring {
    fileprivate init(_ certificate: Certificate, _ kind: Kind) {
        self.init(
            kind: kind, subject: certificate.subject, identity: certificate.fingerprint.description,
            validity: certificate.validity)
    }

    /// Nil for a list that holds for ever.
    fileprivate init?(_ list: RevocationList) {
        guard let end = list.nextUpdate, list.thisUpdate < end else { return nil }
        self.init(
            kind: .revocationList, subject: list.issuer, identity: "\(list.thisUpdate)",
            validity: Validity(notBefore: list.thisUpdate, notAfter: end))
    }
}
