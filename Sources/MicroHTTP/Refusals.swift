internal import HTTPExchange
internal import HTTPTypes

/// Everything this room refuses by itself, in one place.
extension Refusal {
    static func bad(_ code: String, _ detail: String) -> Refusal {
        Refusal(status: .badRequest, code: code, detail: detail)
    }

    static func notImplemented(_ code: String, _ detail: String) -> Refusal {
        Refusal(status: .notImplemented, code: code, detail: detail)
    }

    static let targetTooLong = Refusal(
        status: .uriTooLong, code: "target-too-long", detail: "the request target is longer than is served here")
    static let headTooLarge = Refusal(
        status: .requestHeaderFieldsTooLarge, code: "head-too-large",
        detail: "the request's head has more bytes or fields than are accepted here")
    static let bodyTooLarge = Refusal(
        status: .contentTooLarge, code: "body-too-large", detail: "the body is larger than is accepted here")
    static let expectationFailed = Refusal(
        status: .expectationFailed, code: "unknown-expectation", detail: "only 100-continue can be expected")
    static let abandoned = Refusal(
        status: .internalServerError, code: "no-answer", detail: "the request was accepted and never answered")
    static let unsendable = Refusal(
        status: .internalServerError, code: "unsendable-answer", detail: "the answer could not be put into words")
}
