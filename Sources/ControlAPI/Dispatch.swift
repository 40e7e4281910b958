internal import ControlSchema
internal import HTTPExchange
internal import HTTPTypes
internal import Threading

// From a request to its route: what is checked of every request alike, in the order in which it is refused.

extension ControlAPI {
    /// - Parameter visit: told what is found out on the way, also when the request is refused then.
    func dispatch(_ request: Request, _ exchange: Exchange, _ visit: inout Visit) throws(Refused) {
        let head = request.head
        let known = request.body.isEmpty ? known(of: head) : nil
        let standing = known?.standing ?? access.identify(head.peer)
        (visit.principal, visit.role) = (standing.principal, standing.role)
        let (entry, path) = if let known { (known.entry, known.path) } else { try route(head, standing.role) }
        visit.route = entry.route.number
        let role = try checkRole(standing.role, entry.route, head)
        let asked = if let known { known } else { try read(request, standing, entry, path) }
        let call = Call(
            request: request, exchange: exchange, visit: visit, role: role, asked: asked,
            idempotency: try idempotencyClaim(head, entry, standing.principal))
        if try isAnsweredBefore(call) { return }
        do throws(Refused) { try entry.route.handle(self, call) } catch { answer(call, error) }
    }

    /// What is known of a head that the client repeats, unless roles have changed since.
    private func known(of head: RequestHead) -> Asked? {
        guard let known = head.reading as? Asked, known.standing.edition == access.certificates.edition else {
            return nil
        }
        return known
    }

    func standing(of head: RequestHead) -> Standing { known(of: head)?.standing ?? access.identify(head.peer) }

    private func read(
        _ request: Request, _ standing: Standing, _ entry: RouteIndex.Entry, _ path: PathVariables
    ) throws(Refused) -> Asked {
        try checkBody(request, of: entry.route)
        let asked = try readHead(request.head, standing, entry, path)
        // With a body there is more to check than the head.
        if request.body.isEmpty { request.head.reading = asked }
        return asked
    }

    /// What a head asks for on a route.
    func readHead(
        _ head: RequestHead, _ standing: Standing, _ entry: RouteIndex.Entry, _ path: PathVariables
    ) throws(Refused) -> Asked {
        if let accept = head.field(.accept), !Accept(accept).takes(entry.route.produces) {
            throw Refused(.notAcceptable)
        }
        try checkCoding(head)
        try checkFields(head)
        let query = try parameters(of: head.target, entry.route)
        return Asked(
            standing, entry, path: path, query: query, isDryRun: try Call.flag("dryRun", in: query),
            preferences: head.field(.prefer).map { preferences(of: $0) } ?? Preferences())
    }

    /// - Returns: the role, which nobody needs for some routes.
    @discardableResult
    func checkRole(_ role: Role?, _ route: Route, _ head: RequestHead) throws(Refused) -> Role {
        guard let role = role ?? (route.role == nil ? .viewer : nil) else { throw Refused(stranger: head.peer) }
        if let needed = route.role, !role.includes(needed) { throw tooSmall(role, needed) }
        return role
    }

    /// Clients say the same in all their requests.
    private func preferences(of field: String) -> Preferences {
        if let known = knownPreferences.withLock({ $0[field] }) { return known }
        let preferences = Preferences(field)
        knownPreferences.withLock { known in
            if known.count >= Self.knownPreferencesMax { known = [:] }
            known[field] = preferences
        }
        return preferences
    }

    /// Each of at most `fieldCharactersMax` characters.
    private static let knownPreferencesMax = 64

    private func segments(of target: Target) throws(Refused) -> [String] {
        do throws(TargetError) {
            let segments = try target.segments()
            return segments.first == "v1" ? Array(segments.dropFirst()) : segments
        } catch {
            throw Refused(.malformedPath, error.description)
        }
    }

    /// - Parameter role: whoever has none does not learn what there is.
    func route(
        _ head: RequestHead, _ role: Role?
    ) throws(Refused) -> (RouteIndex.Entry, path: PathVariables) {
        if let found = Self.routeIndex.find(head.method, head.target) { return found }
        let method = head.method == .head ? .get : head.method
        let segments = try segments(of: head.target)
        var others: [Route] = []
        for entry in Self.routeIndex.entries {
            guard let path = entry.route.match(segments) else { continue }
            if entry.route.method == method { return (entry, path) }
            others.append(entry.route)
        }
        guard role != nil else { throw Refused(stranger: head.peer) }
        guard !others.isEmpty else { throw Refused(.notFound, "there is nothing at this path") }
        let isVCPUDeletion = method == .delete && others.contains { $0.operationID == "getVcpu" }
        var refused = Refused(isVCPUDeletion ? .vcpuPagesReturnAtTeardown : .methodNotAllowed)
        let methods = others.map(\.method.rawValue)
        refused.fields[.allow] = (methods.contains("GET") ? methods + ["HEAD"] : methods).joined(separator: ", ")
        throw refused
    }

    /// For what a part of a route needs beyond its own role.
    func checkRole(_ role: Role, needs needed: Role) throws(Refused) {
        if !role.includes(needed) { throw tooSmall(role, needed) }
    }

    private func tooSmall(_ role: Role, _ needed: Role) -> Refused {
        var refused = Refused(.roleTooSmall, "this needs the role \(needed.rawValue); yours is \(role.rawValue)")
        refused.problem.requiredRole = RoleName(rawValue: needed.rawValue)
        return refused
    }

    private func checkCoding(_ head: RequestHead) throws(Refused) {
        if let coding = head.field(.contentEncoding), coding.lowercased() != "identity" {
            throw Refused(.unsupportedMediaType, "no content coding is understood")
        }
    }

    private func checkBody(_ request: Request, of route: Route) throws(Refused) {
        let fields = request.head.fields
        guard !request.body.isEmpty, let accepted = route.mediaTypes else { return }
        let type = (fields[.contentType] ?? "").prefix { $0 != ";" }.trimming(" \t").lowercased()
        // Octets are taken on another way, on which this one does not lie.
        guard accepted.contains(type), type != Route.octets else { throw unsupported(route) }
    }

    func unsupported(_ route: Route) -> Refused {
        let accepted = route.mediaTypes ?? []
        var refused = Refused(.unsupportedMediaType, "the body must be \(accepted.joined(separator: " or "))")
        refused.fields[.accept] = accepted.joined(separator: ", ")
        return refused
    }

    /// Characters of a field that is read element by element.
    private static let fieldCharactersMax = 1_024

    private func checkFields(_ head: RequestHead) throws(Refused) {
        if head.fields.isEmpty { return }
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
        _ head: RequestHead, _ entry: RouteIndex.Entry, _ principal: String
    ) throws(Refused) -> IdempotencyClaim? {
        // The same octets are the same image: there is nothing that could be done twice.
        guard head.method == .post, entry.route.bodies != .octets, let key = head.field(.idempotencyKey) else {
            return nil
        }
        guard (1...IdempotencyTable.keyBytesMax).contains(key.utf8.count),
            key.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
        else {
            throw .parameter(
                "Idempotency-Key", "must have 1 to \(IdempotencyTable.keyBytesMax) visible ASCII characters")
        }
        return IdempotencyClaim(principal: principal, listener: head.peer.listener, key: key)
    }

    /// Answers a repeat of a request with an idempotency key; false for the first with its key, and without one.
    private func isAnsweredBefore(_ call: Call) throws(Refused) -> Bool {
        guard let claim = call.idempotency else { return false }
        // Spelt in one way, so that `/v1` and the order of parameters make no difference.
        let query = call.query.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        let segments = try segments(of: call.request.head.target)
        let request = (segments + ["?"] + query).joined(separator: "/")
        switch idempotency.claim(claim, request: request, body: call.request.body) {
        case .go:
            return false
        case .replay(let first):
            var again = first
            again.fields[.idempotencyReplayed] = "true"
            again.requestID = call.requestID
            account(call.visit, call.request.head, status: again.status.code, code: nil)
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
