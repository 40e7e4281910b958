internal import ControlSchema
internal import TDLifecycle
internal import TDXCalls

/// What of a TD's body is its own, where another one was made and used in the same way.
struct TDFacts {
    struct Condition {
        var lastTransitionAt: Timestamp
        var observedRevision: UInt64
    }

    var id: String
    var name: String?
    /// The one at work, or the last one.
    var operation: String?
    var revision: UInt64
    var createdAt: Timestamp
    var deletedAt: Timestamp?
    var keyID: Int?
    var conditions: [Condition]

    init(_ domain: Domain) {
        id = domain.id.description
        name = domain.name
        operation = (domain.activeOperation ?? domain.lastOperation)?.description
        revision = domain.revision
        createdAt = Timestamp(domain.createdAt)
        deletedAt = domain.deletedAt.map { Timestamp($0) }
        keyID = domain.keyID.map { Int($0.rawValue) }
        conditions = domain.conditions.map {
            Condition(lastTransitionAt: Timestamp($0.lastTransitionAt), observedRevision: $0.observedRevision)
        }
    }

    /// Conditions that are left open; if there are more, their number and what they say is part of the shape.
    private static var conditionsOpen: Int { 4 }

    /// The same with blanks; what is absent stays absent.
    var blanked: TDFacts {
        var blanked = self
        let blanks = Blank.all
        blanked.id = blanks[0].text
        // Names are labels of the domain name system; should one not be, the encoder writes it.
        if let name, Fact.isPlain(name) { blanked.name = blanks[1].text }
        if operation != nil { blanked.operation = blanks[2].text }
        blanked.revision = blanks[3].number
        blanked.createdAt = blanks[4].time
        if deletedAt != nil { blanked.deletedAt = blanks[5].time }
        if keyID != nil { blanked.keyID = Int(blanks[6].number) }
        for place in conditions.indices.prefix(Self.conditionsOpen) {
            blanked.conditions[place].lastTransitionAt = blanks[7 + 2 * place].time
            blanked.conditions[place].observedRevision = blanks[8 + 2 * place].number
        }
        return blanked
    }

    /// In the order of the blanks; what is absent has any value.
    var list: [Fact] {
        var list: [Fact] = [
            .text(id), .text(name ?? ""), .text(operation ?? ""), .number(revision), .time(createdAt),
            .time(deletedAt ?? createdAt), .number(UInt64(keyID ?? 0)),
        ]
        for condition in conditions.prefix(Self.conditionsOpen) {
            list.append(.time(condition.lastTransitionAt))
            list.append(.number(condition.observedRevision))
        }
        return list
    }
}
