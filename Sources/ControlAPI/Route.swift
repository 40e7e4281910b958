internal import ControlSchema
internal import HTTPExchange
public import HTTPTypes

/// One method on one path: what the contract calls an operation.
public struct Route: Sendable {
    public let method: HTTPRequest.Method
    /// As the contract writes it: `/tds/{id}/vcpus/{n}`.
    public let path: String
    public let operationID: String
    /// Nil: no identity is needed.
    public let role: Role?
    /// Query parameters it takes; any other is refused.
    public let parameters: [String]
    let segments: [Substring]
    /// The names of the path's variables, in order.
    let variables: [String]
    /// What a 200 is, where it is not JSON.
    let produces: String?
    /// Its place among all routes.
    private(set) var number = 0
    let bodies: Bodies
    /// Takes a body of octets as it comes; nil where none may be.
    let receive: (@Sendable (ControlAPI, UploadHead) throws(Refused) -> any BodyReceiver)?
    let handle: @Sendable (ControlAPI, Call) throws(Refused) -> Void

    init(
        _ method: HTTPRequest.Method, _ path: String, _ operationID: String, _ role: Role?,
        parameters: [String] = [], produces: String? = nil, bodies: Bodies = .json,
        receive: (@Sendable (ControlAPI, UploadHead) throws(Refused) -> any BodyReceiver)? = nil,
        _ handle: @escaping @Sendable (ControlAPI, Call) throws(Refused) -> Void
    ) {
        self.method = method
        self.path = path
        self.operationID = operationID
        self.role = role
        self.parameters = parameters
        self.produces = produces
        self.bodies = bodies
        self.receive = receive
        self.handle = handle
        let segments = path.split(separator: "/")
        self.segments = segments
        variables = segments.filter { $0.first == "{" }.map { String($0.dropFirst().dropLast()) }
    }

    /// What a POST may carry.
    enum Bodies: Sendable {
        case json
        /// Octets, however many.
        case octets
        case jsonOrOctets
    }

    static let octets = "application/octet-stream"

    static func numbered(_ routes: [Route]) -> [Route] {
        routes.enumerated().map { number, route in
            var route = route
            route.number = number
            return route
        }
    }

    /// What a body may be; nil where the method has none.
    var mediaTypes: [String]? {
        switch method {
        case .post:
            switch bodies {
            case .json: ["application/json"]
            case .octets: [Self.octets]
            case .jsonOrOctets: ["application/json", Self.octets]
            }
        // Plain JSON as well: it is what the tools at hand send, and nothing else could be meant by it.
        case .patch: ["application/merge-patch+json", "application/json"]
        default: nil
        }
    }

    /// The values of the path's variables, if it is this path.
    func match(_ given: [String]) -> PathVariables? {
        guard given.count == segments.count else { return nil }
        var values: [String] = []
        for (pattern, segment) in zip(segments, given) {
            if pattern.first == "{" {
                guard !segment.isEmpty else { return nil }
                values.append(segment)
            } else if pattern != segment {
                return nil
            }
        }
        return PathVariables(names: variables, values: values)
    }
}

/// A request on its way through a route: what handlers need of it, and the way back.
struct Call: Sendable {
    let request: Request
    let exchange: Exchange
    /// Filled in up to here; the operation that the request begins is added when there is one.
    var visit: Visit
    let role: Role
    let asked: Asked
    /// Where the answer is kept for a repeat, if the client gave a key.
    let idempotency: IdempotencyClaim?
    /// What the answer says of the preferences, once there was something to wait for.
    var preferenceApplied: String?

    var requestID: String { visit.requestID }
    var principal: String { asked.standing.principal }
    var query: [String: String] { asked.query }
    /// Whether everything is to be checked and nothing done; false where a route has no such parameter.
    var isDryRun: Bool { asked.isDryRun }
    var preferences: Preferences { asked.preferences }

    func path(_ name: String) -> String { asked.path[name] ?? "" }
}

/// Why a request is not done, ready to be sent.
struct Refused: Error {
    var problem: Problem
    var fields: HTTPFields = [:]
}
