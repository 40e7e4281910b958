internal import ControlSchema
internal import HTTPTypes
internal import TDLifecycle

// A client's own limits, as problems: whose, which, how large, how much of it is used.

extension Refused {
    init(_ refusal: Bucket.Refusal, _ rate: RequestRate) {
        self.init(
            .tooManyRequests,
            "\(refusal.identity) may make \(rate.perSecond) requests a second and \(rate.burst) at once")
        problem.limit = LimitUse(
            name: .requestRate, identity: refusal.identity, limit: rate.burst, used: refusal.used,
            perSecond: rate.perSecond)
        fields[.retryAfter] = String(max(1, refusal.retryAfterSeconds))
    }

    init(_ reached: LimitReached) {
        switch reached.kind {
        case .operations:
            self.init(
                .tooManyRequests,
                "\(reached.principal) has \(reached.used) operations under way and may have \(reached.limit)")
            problem.limit = LimitUse(
                name: .operations, identity: reached.principal, limit: reached.limit, used: reached.used)
            fields[.retryAfter] = ControlAPI.retryAfter
        case .keyIDs:
            self.init(
                .keyIDLimitReached,
                "\(reached.principal) holds \(reached.used) KeyIDs and may hold \(reached.limit); the host's own limit "
                    + "is another")
            problem.capacity = CapacityShortage(
                resource: .keyIds, limit: reached.limit, used: reached.used, quarantined: 0, foreign: 0,
                identity: reached.principal)
        }
    }
}
