/// What is wrong with a body, and what kinds of wrong there are among it: the gravest decides the problem's code.
struct Findings {
    enum Kind: Int, Comparable {
        /// Each member is right by itself, together they are impossible.
        case conflict
        case unknownMember
        case value

        static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

        var error: OwnError {
            switch self {
            case .conflict: .conflictingMembers
            case .unknownMember: .unknownMember
            case .value: .invalidValue
            }
        }

        init(_ error: OwnError) {
            switch error {
            case .conflictingMembers: self = .conflict
            case .unknownMember: self = .unknownMember
            default: self = .value
            }
        }
    }

    private(set) var violations: [Violation] = []
    private var gravest = Kind.conflict

    var isEmpty: Bool { violations.isEmpty }
    var isFull: Bool { violations.count >= RequestLimits.maximumViolations }

    mutating func add(_ kind: Kind, _ pointer: String, _ reason: String) {
        gravest = max(gravest, kind)
        violations.append(Violation(pointer: pointer, reason: reason))
    }

    /// Adds what was found in a part of the body.
    mutating func add(_ error: RequestError) {
        gravest = max(gravest, Kind(error.error))
        violations += error.violations
    }

    /// The refusal that they are; there must be one at least.
    var failure: RequestError {
        let first = violations.first?.pointer ?? ""
        let place = first.isEmpty ? "the body" : first
        return RequestError(
            gravest.error,
            detail: violations.count == 1
                ? "\(place): \(violations[0].reason)"
                : "\(violations.count) things are wrong with the body, first \(place)",
            violations: Array(violations.prefix(RequestLimits.maximumViolations)))
    }
}
