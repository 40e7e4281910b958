internal import ControlAPI

/// Where the audit trail goes, and what is in it.
struct AuditSettings: Hashable, Sendable {
    enum Place: Hashable, Sendable {
        case off
        /// Among the log's lines, from which the member `message` tells them.
        case standardError
        case file(path: String)
    }

    let place: Place
    let scope: AuditTrail.Scope

    init(place: String, scope: AuditTrail.Scope) {
        self.place =
            switch place {
            case "off": .off
            case "stderr": .standardError
            default: .file(path: place)
            }
        self.scope = scope
    }
}
