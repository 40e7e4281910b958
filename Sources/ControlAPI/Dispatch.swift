internal import ControlSchema
internal import HTTPExchange
internal import HTTPTypes

// From a request to its route: what is checked of every request alike, in the order in which it is refused.

extension ControlAPI {
    /// - Parameter visit: told what is found out on the way, also when the request is refused then.
    func dispatch(_ request: Request, _ exchange: Exchange, _ visit: inout Visit) throws(Refused) {
        let head = request.head
        let (principal, role) = access.identify(head.peer)
        (visit.principal, visit.role) = (principal, role)
        let segments = try segments(of: head.target)
        let (route, path) = try route(head, segments, role)
        visit.route = route.number
        guard let role = role ?? (route.role == nil ? .viewer : nil) else { throw Refused(stranger: head.peer) }
        if let needed = route.role, !role.includes(needed) { throw tooSmall(role, needed) }
        if let accept = head.fields[.accept], !Accept(accept).takes(route.produces) { throw Refused(.notAcceptable) }
        try checkBody(request, of: route)
        try checkFields(head)
        let query = try parameters(of: head.target, route)
        let call = Call(
            request: request, exchange: exchange, visit: visit, principal: principal, role: role, path: path,
            query: query,
            isDryRun: try Call.flag("dryRun", in: query),
            idempotency: try idempotencyClaim(head, route, principal),
            preferences: Preferences(head.fields[.prefer] ?? ""))
        if try isAnsweredBefore(call, segments) { return }
        do throws(Refused) { try route.handle(self, call) } catch { answer(call, error) }
    }

    private func segments(of target: Target) throws(Refused) -> [String] {
        do throws(TargetError) {
            let segments = try target.segments()
            return segments.first == "v1" ? Array(segments.dropFirst()) : segments
        } catch {
            throw Refused(.malformedPath, error.description)
        }
    }

    /// - Parameter role: whoever has none does not learn what there is.
    private func route(
        _ head: RequestHead, _ segments: [String], _ role: Role?
    ) throws(Refused) -> (Route, path: [String: String]) {
        let method = head.method == .head ? .get : head.method
        var others: [Route] = []
        for route in Self.routes {
            guard let path = route.match(segments) else { continue }
            if route.method == method { return (route, path) }
            others.append(route)
        }
        guard role != nil else { throw Refused(stranger: head.peer) }
        guard !others.isEmpty else { throw Refused(.notFound, "there is nothing at this path") }
        let isVCPUDeletion = method == .delete && others.contains { $0.operationID == "getVcpu" }
        var refused = Refused(isVCPUDeletion ? .vcpuPagesReturnAtTeardown : .methodNotAllowed)
        let methods = others.map(\.method.rawValue)
        refused.fields[.allow] = (methods.contains("GET") ? methods + ["HEAD"] : methods).joined(separator: ", ")
        throw refused
    }

    private func tooSmall(_ role: Role, _ needed: Role) -> Refused {
        var refused = Refused(.roleTooSmall, "this needs the role \(needed.rawValue); yours is \(role.rawValue)")
        refused.problem.requiredRole = RoleName(rawValue: needed.rawValue)
        return refused
    }

    private func checkBody(_ request: Request, of route: Route) throws(Refused) {
        let fields = request.head.fields
        if let coding = fields[.contentEncoding], coding.lowercased() != "identity" {
            throw Refused(.unsupportedMediaType, "no content coding is understood")
        }
        guard !request.body.isEmpty, let accepted = route.mediaTypes else { return }
        let type = (fields[.contentType] ?? "").prefix { $0 != ";" }.trimming(" \t").lowercased()
        guard accepted.contains(type) else {
            var refused = Refused(.unsupportedMediaType, "the body must be \(accepted.joined(separator: " or "))")
            refused.fields[.accept] = accepted.joined(separator: ", ")
            throw refused
        }
    }

    /// Characters of a field that is read element by element.
    private static let fieldCharactersMax = 1_024

    private func checkFields(_ head: RequestHead) throws(Refused) {
        for name in [HTTPField.Name.prefer, .ifMatch, .ifNoneMatch] {
            guard let value = head.fields[name], value.unicodeScalars.count > Self.fieldCharactersMax else { continue }
            throw .parameter(name.rawName, "has more than \(Self.fieldCharactersMax) characters")
        }
    }

    private func parameters(of target: Target, _ route: Route) throws(Refused) -> [String: String] {
        var query: [String: String] = [:]
        let items: [Target.QueryItem]
        do throws(TargetError) { items = try target.queryItems() } catch {
            throw Refused(.invalidParameter, error.description)
        }
        for item in items {
            guard route.parameters.contains(item.name) else {
                throw .parameter(item.name, "is not a parameter of \(route.operationID)")
            }
            if query.updateValue(item.value ?? "", forKey: item.name) != nil {
                throw .parameter(item.name, "is given twice")
            }
        }
        return query
    }

    private func idempotencyClaim(
        _ head: RequestHead, _ route: Route, _ principal: String
    ) throws(Refused) -> IdempotencyClaim? {
        guard route.method == .post, let key = head.fields[.idempotencyKey] else { return nil }
        guard (1...IdempotencyTable.keyBytesMax).contains(key.utf8.count),
            key.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
        else {
            throw .parameter(
                "Idempotency-Key", "must have 1 to \(IdempotencyTable.keyBytesMax) visible ASCII characters")
        }
        return IdempotencyClaim(principal: principal, listener: head.peer.listener, key: key)
    }

    /// Answers a repeat of a request with an idempotency key; false for the first with its key, and without one.
    private func isAnsweredBefore(_ call: Call, _ segments: [String]) throws(Refused) -> Bool {
        guard let claim = call.idempotency else { return false }
        // Spelt in one way, so that `/v1` and the order of parameters make no difference.
        let query = call.query.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        let request = (segments + ["?"] + query).joined(separator: "/")
        switch idempotency.claim(claim, request: request, body: call.request.body) {
        case .go:
            return false
        case .replay(let first):
            var again = first
            again.head.headerFields[.idempotencyReplayed] = "true"
            again.head.headerFields[.requestID] = call.requestID
            account(call.visit, call.request.head, status: again.head.status.code, code: nil)
            call.exchange.answer(again)
            return true
        case .running(let operation):
            var refused = Refused(.idempotencyKeyInFlight)
            refused.problem.operation = operation
            refused.problem.links = operation.map { ["operation": "/operations/\($0)"] }
            throw refused
        case .otherRequest:
            throw Refused(.idempotencyKeyReused)
        }
    }
}
