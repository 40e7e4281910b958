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
    func users(of digest: GuestImages.ImageDigest) -> [String] { [] }
}
