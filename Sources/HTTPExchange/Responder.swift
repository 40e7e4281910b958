public import HTTPTypes

/// Answers requests: the API, seen from the server.
///
/// Both calls come from HTTP threads, many at a time, and must not block them.
public protocol Responder: Sendable {
    /// Decides what happens to the body before any of it is read. Called once for each request, also for one
    /// without a body.
    func plan(for head: RequestHead) -> BodyPlan

    /// Answers through `exchange`, now or later. Called once the body has arrived.
    func respond(to request: Request, through exchange: Exchange)

    /// The answer to a request that never reaches `respond`: what the server itself refuses.
    ///
    /// - Parameter head: nil when the request could not be read that far.
    func response(to refusal: Refusal, of head: RequestHead?) -> Response
}

extension Responder {
    public func response(to refusal: Refusal, of head: RequestHead?) -> Response { refusal.plainResponse }
}

/// What is to be done with a request's body.
public enum BodyPlan: Sendable {
    /// Collect it in memory. A longer one is refused with 413; 0 means that the request may have none.
    case collect(maximumBytes: Int)
    /// Hand it to the receiver as it comes. The receiver, or a look at `Content-Length` here, sets the limit.
    case stream(any BodyReceiver)
    /// Do not read it; answer at once.
    case refuse(Response)
}

/// A request the server itself refuses, or an answer it could not send: enough for a problem document.
public struct Refusal: Error, Hashable, Sendable {
    public var status: HTTPResponse.Status
    /// Machine-readable, lower case with hyphens.
    public var code: String
    /// What was wrong, for people; contains nothing the client sent.
    public var detail: String

    public init(status: HTTPResponse.Status, code: String, detail: String) {
        self.status = status
        self.code = code
        self.detail = detail
    }

    /// The minimal problem document (RFC 9457), for servers without an API on top.
    public var plainResponse: Response {
        let title = status.reasonPhrase
        let json =
            #"{"type":"about:blank","title":\#(Self.quoted(title)),"status":\#(status.code),"#
            + #""code":\#(Self.quoted(code)),"detail":\#(Self.quoted(detail))}"#
        return Response(
            status: status, fields: [.contentType: "application/problem+json"], body: .bytes([UInt8](json.utf8)))
    }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": quoted += "\\\(scalar)"
            case ..." ": quoted += " "
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
