internal import ControlSchema
internal import TDLifecycle

/// What of an operation's body is its own, where another one went in the same way.
struct OperationFacts {
    var id: String
    var td: String
    var requestID: String
    var revision: UInt64
    var createdAt: Timestamp
    var startedAt: Timestamp?
    var endedAt: Timestamp?

    init(_ operation: TDLifecycle.Operation) {
        id = operation.id.description
        td = operation.td.description
        requestID = operation.requester.requestID.description
        revision = operation.revision
        createdAt = Timestamp(operation.createdAt)
        startedAt = operation.startedAt.map { Timestamp($0) }
        endedAt = operation.endedAt.map { Timestamp($0) }
    }

    /// The same with blanks; what is absent stays absent.
    var blanked: OperationFacts {
        var blanked = self
        let blanks = Blank.all
        blanked.id = blanks[0].text
        blanked.td = blanks[1].text
        blanked.requestID = blanks[2].text
        blanked.revision = blanks[3].number
        blanked.createdAt = blanks[4].time
        if startedAt != nil { blanked.startedAt = blanks[5].time }
        if endedAt != nil { blanked.endedAt = blanks[6].time }
        return blanked
    }

    /// In the order of the blanks; what is absent has any value.
    var list: [Fact] {
        [
            .text(id), .text(td), .text(requestID), .number(revision), .time(createdAt),
            .time(startedAt ?? createdAt), .time(endedAt ?? createdAt),
        ]
    }
}
