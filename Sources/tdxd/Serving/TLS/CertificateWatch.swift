internal import Certificates
internal import ControlSchema
internal import Logging
internal import MicroHTTP
internal import Threading

/// The thread that keeps TLS listeners up to date: it reads their files anew when told to and when they change, judges
/// clients again when time has made a difference, and tells the log what ends soon.
final class CertificateWatch: Sendable {
    /// How often it looks. A change is taken when two looks have found the same.
    static let tick = Duration.milliseconds(500)
    /// How often it asks what ends.
    static let expiryTick = Duration.seconds(60)

    private struct Orders {
        var isHangup = false
        var isStop = false
        var whenRead: [@Sendable () -> Void] = []
    }

    private let files: TLSFiles
    private let inForce: TrustInForce
    private let listeners: [Listener]
    private let logger: Logger
    private let orders = Monitor(Orders())
    private let thread = Locked<Threading.Thread?>(nil)

    /// - Parameter stamps: of the files, before what is in force was read.
    init(
        _ files: TLSFiles, read stamps: [FileStamp?], _ inForce: TrustInForce, _ listeners: [Listener],
        _ logger: Logger
    ) {
        self.files = files
        self.inForce = inForce
        self.listeners = listeners
        self.logger = logger
        thread.withLock { $0 = Threading.Thread { [self] in run(Settling(read: stamps)) } }
    }

    static func stamps(of files: TLSFiles) -> [FileStamp?] { files.all.map { FileStamp(of: $0.path) } }

    /// Reads everything anew, soon, and calls back when that is done, well or badly.
    func hangup(then done: @escaping @Sendable () -> Void = {}) {
        orders.withLock { orders in
            orders.isHangup = true
            orders.whenRead.append(done)
        }
    }

    /// Ends the thread. Does nothing the second time.
    func stop() {
        orders.withLock { $0.isStop = true }
        let running = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        running?.join()
    }

    private func run(_ settling: Settling<[FileStamp?]>) {
        var settling = settling
        var notices = ExpiryNotices()
        var lastExpiryLook: MonotonicTime?
        while true {
            let order = orders.wait(timeout: Self.tick) { orders -> Orders? in
                guard orders.isHangup || orders.isStop else { return nil }
                defer {
                    orders.isHangup = false
                    orders.whenRead = []
                }
                return orders
            }
            if order?.isStop == true { return }
            let isHangup = order?.isHangup == true
            let stamps = Self.stamps(of: files)
            if settling.look(stamps) || isHangup {
                settling.willRead(stamps)
                reload(isHangup ? .signal : .fileChange)
                lastExpiryLook = nil
            }
            for done in order?.whenRead ?? [] { done() }
            if inForce.takeTurn(now: .now()) {
                judgeAgain()
                lastExpiryLook = nil
            }
            if lastExpiryLook.map({ MonotonicTime.now.duration(since: $0) >= Self.expiryTick }) ?? true {
                lastExpiryLook = .now
                tellWhatEnds(&notices)
            }
        }
    }

    private func judgeAgain() {
        let cut = listeners.reduce(0) { $0 + $1.judgeClientsAgain() }
        if cut > 0 {
            logger.notice("Certificates of clients do not count any more", metadata: ["connectionsCut": "\(cut)"])
        }
    }

    // MARK: Reloading

    private func reload(_ trigger: ReloadTrigger) {
        let now = CalendarTime.now()
        do throws(TLSFault) {
            let fresh = try TLSMaterial(reading: files)
            try inForce.check(successor: fresh, files, now: now)
            try show(fresh)
            inForce.take(fresh, because: trigger, now: now)
            let cut = listeners.reduce(0) { $0 + $1.judgeClientsAgain() }
            logger.notice(
                "Certificates, trust and roles are read anew",
                metadata: [
                    "trigger": "\(trigger.rawValue)", "certificate": "\(fresh.own.certificate.fingerprint)",
                    "trustAnchors": "\(fresh.trust.authorities.count)",
                    "revocationLists": "\(fresh.trust.revocationLists.count)",
                    "identities": "\(fresh.roles.roles.count)", "connectionsCut": "\(cut)",
                ])
        } catch {
            inForce.note(error, because: trigger, now: now)
            logger.error(
                "New certificates, trust or roles cannot be used; the earlier ones stay",
                metadata: ["trigger": "\(trigger.rawValue)", "reason": "\(error)"])
        }
    }

    /// Lets the listeners show another certificate, if it is another; either all of them or none.
    private func show(_ fresh: TLSMaterial) throws(TLSFault) {
        let old = inForce.material.own
        guard fresh.own.chain != old.chain else { return }
        for (index, listener) in listeners.enumerated() {
            do throws(ListenerError) {
                try listener.replace(tls: inForce.configuration(showing: fresh.own))
            } catch {
                for changed in listeners[..<index] { showAgain(old, on: changed) }
                throw TLSFault(files.certificate, error.description)
            }
        }
    }

    private func showAgain(_ old: CertifiedKey, on listener: Listener) {
        do throws(ListenerError) {
            try listener.replace(tls: inForce.configuration(showing: old))
        } catch {
            logger.error("A certificate that was in use is refused now", metadata: ["reason": "\(error)"])
        }
    }

    // MARK: Expiry

    private func tellWhatEnds(_ notices: inout ExpiryNotices) {
        let now = CalendarTime.now()
        inForce.refreshReport(now: now)
        for notice in notices.due(inForce.material.expiring, now: now) {
            let facts: Logger.Metadata = [
                "what": "\(notice.item.kind.rawValue)", "subject": "\(notice.item.subject)",
                "begins": "\(notice.item.validity.notBefore)", "ends": "\(notice.item.validity.notAfter)",
                "daysLeft": "\(notice.daysLeft)",
            ]
            switch (notice.stage, notice.item.kind) {
            case (.early, _):
                logger.error("A certificate or revocation list is not valid yet", metadata: facts)
            case (.over, .revocationList):
                logger.error("A revocation list is outdated: nobody of its CA is let in", metadata: facts)
            case (.over, _):
                logger.error("A certificate has expired", metadata: facts)
            case (_, .revocationList):
                logger.warning("A revocation list should be followed by a newer one", metadata: facts)
            default:
                logger.warning("A certificate should be renewed", metadata: facts)
            }
        }
    }
}
