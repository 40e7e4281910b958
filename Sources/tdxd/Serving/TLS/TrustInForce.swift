internal import Certificates
internal import ControlAPI
internal import ControlSchema
internal import MicroHTTP
internal import Threading

/// What TLS listeners go by at the moment.
final class TrustInForce: Sendable {
    private struct State {
        var material: TLSMaterial
        var loadedAt: CalendarTime
        var lastReload: ReloadReport?
        /// When a verdict on somebody may be another for no other reason than time.
        var nextTurn: CalendarTime?
        var report: TLSReport
    }

    private let state: Locked<State>
    /// Who may do what, as the API asks.
    let roles: CertificateRoles

    init(_ material: TLSMaterial, now: CalendarTime = .now()) {
        roles = CertificateRoles(material.roles.roles)
        let status = TLSStatus(material, loadedAt: now, lastReload: nil, now: now)
        state = Locked(
            State(
                material: material, loadedAt: now,
                report: TLSReport(revision: UInt64(max(0, now.seconds)) * 1_000, status: status)))
    }

    var material: TLSMaterial { state.withLock { $0.material } }

    /// What `/host` says.
    var report: TLSReport { state.withLock { $0.report } }

    /// For a listener: shows this certificate, and believes whom is believed at the time of each handshake.
    func configuration(showing own: CertifiedKey) -> TLSConfiguration {
        let key = own.key.withPEM { pem in
            // SAFETY: the bytes are copied while they are lent.
            unsafe pem.withUnsafeBytes { unsafe Array($0) }
        }
        return TLSConfiguration(certificateChain: own.chainPEM, privateKey: key) { [self] in verify($0) }
    }

    // MARK: Clients

    func verify(_ chain: [[UInt8]], now: CalendarTime = .now()) -> ClientCertificateVerdict {
        let trust = state.withLock { $0.material.trust }
        let turns = trust.revocationLists.flatMap { [$0.thisUpdate, $0.nextUpdate].compactMap(\.self) }
        switch trust.verifyClient(chain: chain, at: now) {
        case .success(let identity):
            noteTurns(turns + [identity.expires], now)
            return .verified(uris: identity.uris, sha256: identity.fingerprint.description)
        case .failure(let refusal):
            if case .notYetValid(_, let until) = refusal { noteTurns(turns + [until], now) }
            let which = chain.first.map { " Its SHA-256 is \(Fingerprint(of: $0))." } ?? ""
            return .refused(code: refusal.code.rawValue, reason: refusal.description + which)
        }
    }

    private func noteTurns(_ times: [CalendarTime], _ now: CalendarTime) {
        guard let next = times.filter({ $0 > now }).min() else { return }
        state.withLock { $0.nextTurn = min($0.nextTurn ?? next, next) }
    }

    /// Whether clients are to be judged again because time has passed; then it is forgotten until they have been.
    func takeTurn(now: CalendarTime) -> Bool {
        state.withLock { state in
            guard let turn = state.nextTurn, turn <= now else { return false }
            state.nextTurn = nil
            return true
        }
    }

    // MARK: Reloading

    /// Whether `fresh` may follow what is in force.
    ///
    /// - Throws: when a certificate that does not count now would replace one that does: that is a slip.
    func check(successor fresh: TLSMaterial, _ files: TLSFiles, now: CalendarTime) throws(TLSFault) {
        let (old, new) = (material.own.certificate.validity, fresh.own.certificate.validity)
        guard old.contains(now), !new.contains(now) else { return }
        let why = now < new.notBefore ? "is not valid before \(new.notBefore)" : "expired on \(new.notAfter)"
        throw TLSFault(files.certificate, why + ", and the one in use counts")
    }

    /// Puts `fresh` in force for everybody who is judged from now on.
    func take(_ fresh: TLSMaterial, because trigger: ReloadTrigger, now: CalendarTime) {
        roles.replace(with: fresh.roles.roles)
        state.withLock { state in
            state.material = fresh
            state.loadedAt = now
            state.lastReload = ReloadReport(at: Timestamp(now), trigger: trigger, outcome: .applied)
        }
        refreshReport(now: now)
    }

    /// Notes that something was read that does not hold.
    func note(_ fault: TLSFault, because trigger: ReloadTrigger, now: CalendarTime) {
        state.withLock { state in
            state.lastReload = ReloadReport(
                at: Timestamp(now), trigger: trigger, outcome: .refused, reason: fault.description)
        }
        refreshReport(now: now)
    }

    /// Days pass: what `/host` says changes with them.
    func refreshReport(now: CalendarTime) {
        state.withLock { state in
            let status = TLSStatus(
                state.material, loadedAt: state.loadedAt, lastReload: state.lastReload, now: now)
            guard status != state.report.status else { return }
            let revision = max(state.report.revision + 1, wallClockNanoseconds() / 1_000_000)
            state.report = TLSReport(revision: revision, status: status)
        }
    }
}
