internal import ControlSchema
internal import GuestImages
internal import HTTPExchange
internal import HTTPTypes
internal import TDLifecycle
internal import Threading

// Bodies that are taken as they come. What can be refused is refused before the client sends any of it.

/// A request whose body is a stream, judged by its head.
struct UploadHead: Sendable {
    let head: RequestHead
    let visit: Visit
    let asked: Asked

    var query: [String: String] { asked.query }

    /// `Content-Length`; nil for a chunked body.
    var lengthBytes: UInt64? { head.field(.contentLength).flatMap { UInt64($0) } }
}

extension ControlAPI {
    /// Nil for whatever is no stream of octets.
    func uploadPlan(_ head: RequestHead, _ standing: Standing) -> BodyPlan? {
        guard head.method == .post, let found = uploadRoute(head, standing.role) else { return nil }
        let type = (head.field(.contentType) ?? "").prefix { $0 != ";" }.trimming(" \t").lowercased()
        guard type == Route.octets || found.entry.route.bodies == .octets, let begin = found.entry.route.receive else {
            return nil
        }
        var visit = Visit(requestID: makeRequestID(), start: .now)
        (visit.principal, visit.role) = (standing.principal, standing.role)
        visit.route = found.entry.route.number
        do throws(Refused) {
            let asked = try readUpload(head, standing, found.entry, found.path, type)
            return .stream(try begin(self, UploadHead(head: head, visit: visit, asked: asked)))
        } catch {
            return .refuse(early(head, visit, error))
        }
    }

    private func uploadRoute(
        _ head: RequestHead, _ role: Role?
    ) -> (entry: RouteIndex.Entry, path: PathVariables)? {
        if let found = Self.routeIndex.find(head.method, head.target) {
            return found.entry.route.receive == nil ? nil : found
        }
        guard head.target.pathIsEncoded else { return nil }
        do throws(Refused) {
            let (entry, path) = try route(head, role)
            return entry.route.receive == nil ? nil : (entry, path)
        } catch {
            // What has no route is refused where everything is that has none.
            return nil
        }
    }

    private func readUpload(
        _ head: RequestHead, _ standing: Standing, _ entry: RouteIndex.Entry, _ path: PathVariables, _ type: String
    ) throws(Refused) -> Asked {
        try checkRole(standing.role, entry.route, head)
        guard type == Route.octets else { throw unsupported(entry.route) }
        let asked = try readHead(head, standing, entry, path)
        if isDraining { throw Refused(.draining) }
        return asked
    }

    /// An answer to a request that will not reach its route, accounted for.
    func early(_ head: RequestHead, _ visit: Visit, _ refused: Refused) -> Response {
        requests.beginEarly()
        account(visit, head, status: refused.problem.status, code: refused.problem.code)
        return response(refused, requestID: visit.requestID)
    }
}

extension ControlAPI {
    /// TDs that are not deleted and name the image.
    func users(of digest: ImageDigest) -> [String] {
        let name = digest.description
        return engine.tds(after: nil, limit: .max, includeDeleted: false) { domain in
            domain.memory.regions.contains { $0.region.imageDigest == name }
        }.rows.map(\.id.description)
    }

    /// The images that TDs name.
    static func imagesNamed(in engine: Engine) -> Set<ImageDigest> {
        var named: Set<ImageDigest> = []
        _ = engine.tds(after: nil, limit: 0, includeDeleted: false) { domain in
            for row in domain.memory.regions {
                if let digest = row.region.imageDigest.flatMap({ ImageDigest(text: $0) }) { named.insert(digest) }
            }
            return false
        }
        return named
    }
}
