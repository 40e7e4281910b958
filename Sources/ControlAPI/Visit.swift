internal import HTTPExchange
internal import TDLifecycle
internal import Threading

/// What is known of a request by the time it is answered: what the audit trail and the meters need.
struct Visit: Sendable {
    let requestID: String
    let start: MonotonicTime
    /// Empty until the peer has been judged.
    var principal = ""
    var role: Role?
    /// The route's number; nil where there was none to be found.
    var route: Int?
    /// The operation it began.
    var operation: ResourceID?
}

extension ControlAPI {
    /// Notes an answer before it is given: nobody gets an answer that the audit trail does not have.
    ///
    /// - Parameter code: the problem's, if the answer is one.
    func account(_ visit: Visit, _ head: RequestHead, status: Int, code: String?) {
        let elapsed = MonotonicTime.now.duration(since: visit.start).nanoseconds
        requests.count(head.method, route: visit.route, status: status, nanoseconds: elapsed)
        guard let audit, audit.wants(head.method, status: status) else { return }
        audit.record(
            AuditLine(
                visit, head, route: visit.route.map { Self.routes[$0].path }, status: status, code: code,
                durationNanos: elapsed),
            isBounded: visit.role == nil || status == 429)
    }
}
