import ControlSchema
import Testing

/// What decoding `json` as `type` is refused with; nil if it is not refused.
func refusal<Body: RequestBody>(of json: String, as type: Body.Type) -> RequestError? {
    do {
        _ = try ControlJSON.decodeRequest(type, from: Array(json.utf8))
        return nil
    } catch {
        return error
    }
}

func decoded<Body: RequestBody>(_ json: String, as type: Body.Type) throws -> Body {
    try ControlJSON.decodeRequest(type, from: Array(json.utf8))
}

/// The spec of a POST /tds that is right but for `members`.
func creation(_ members: String) -> String { #"{"spec":{"maxVcpus":4\#(members)}}"# }

/// One body, and the single violation it must be refused with.
struct Refused: Sendable, CustomTestStringConvertible {
    var json: String
    var pointer: String
    var reason: String

    init(_ json: String, _ pointer: String, _ reason: String) {
        self.json = json
        self.pointer = pointer
        self.reason = reason
    }

    var testDescription: String { "\(pointer): \(json)" }
}

let hex64 = "must be a string of 0x and 1 to 16 lower-case hexadecimal digits without leading zeros"
let hex32 = "must be a string of 0x and 1 to 8 lower-case hexadecimal digits without leading zeros"
let hex96 = "must be a string of exactly 96 lower-case hexadecimal digits"
let noNull = "must not be null; leave the member out"
let unknown = "is not a member of this object"
