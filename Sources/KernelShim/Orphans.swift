internal import CTDXShim
public import TDXCalls

/// A session as an administrator sees it.
public struct ShimSession: Hashable, Sendable {
    public let number: UInt64
    public let pages: Int
    public let keyIDs: Int
    public let quarantined: Int
    /// Whether its program still has the device open.
    public let isOpen: Bool
}

/// How far the reclaim of an orphan session has come.
public enum ReclaimProgress: Hashable, Sendable {
    case done(steps: Int)
    case more(steps: Int, remaining: Int)
    /// The call that was refused; what it was for stays.
    case stuck(Leaf, Completion, remaining: Int)
}

/// What root may do with sessions whose program is gone and whose token is lost. Needs no back end but for reclaiming.
public struct ShimAdministration: Sendable {
    private let device: any ShimDevice
    /// Calls that one request makes at most.
    public static let stepsMax: UInt32 = 64

    /// - Throws: if the device is none, or speaks another version.
    public init(_ device: any ShimDevice) throws(ShimUnavailable) {
        self.device = device
        ownSession = try KernelShim.information(of: device).session
    }

    /// The session that asking this has opened.
    public let ownSession: UInt64

    public func sessions() throws(PortError) -> [ShimSession] {
        var found: [ShimSession] = []
        var request = tdx_shim_sessions.blank
        while true {
            let cursor = request.cursor
            try device.perform(tdx_shim_sessions_request(), &request, "list the sessions")
            guard request.count <= UInt32(TDX_SHIM_LIST_MAX) else {
                throw .badAnswer("\(request.count) sessions at once")
            }
            found += elements(of: request.session, as: tdx_shim_session.self, count: Int(request.count)).map {
                ShimSession(
                    number: $0.session, pages: Int($0.pages), keyIDs: Int($0.keyids), quarantined: Int($0.quarantined),
                    isOpen: $0.open != 0)
            }
            if request.cursor == 0 { return found.filter { $0.number != ownSession } }
            guard request.cursor > cursor else { throw .badAnswer("a list of sessions without an end") }
            let next = request.cursor
            request = .blank
            request.cursor = next
        }
    }

    /// Tears the session's TDs down, a few calls at a time: to be asked again while there is more.
    public func reclaim(_ session: UInt64) throws(PortError) -> ReclaimProgress {
        var request = tdx_shim_reclaim.blank
        request.session = session
        request.steps_max = Self.stepsMax
        try device.perform(tdx_shim_reclaim_request(), &request, "reclaim session \(session)")
        let remaining = Int(request.remaining)
        switch request.state {
        case TDX_SHIM_RECLAIM_DONE.rawValue: return .done(steps: Int(request.steps))
        case TDX_SHIM_RECLAIM_MORE.rawValue:
            guard request.steps > 0 else { throw .badAnswer("a reclaim that makes no steps") }
            return .more(steps: Int(request.steps), remaining: remaining)
        case TDX_SHIM_RECLAIM_STUCK.rawValue:
            return .stuck(Leaf(request.leaf), Completion(rawValue: request.status), remaining: remaining)
        default: throw .badAnswer("a reclaim in state \(request.state)")
        }
    }

    /// Gives up what the session has in quarantine, or what a stuck reclaim left: out of use until the next restart.
    public func forget(_ session: UInt64) throws(PortError) -> (pages: Int, keyIDs: Int) {
        var request = tdx_shim_forget.blank
        request.session = session
        try device.perform(tdx_shim_forget_request(), &request, "forget session \(session)")
        return (Int(request.pages), Int(request.keyids))
    }
}
