internal import ControlSchema
internal import HTTPExchange
internal import HTTPTypes
internal import TDLifecycle
internal import TDXCalls

extension ControlAPI {
    static let recordRoutes: [Route] = [
        Route(
            .get, "/seamcalls", "listSeamcalls", .viewer,
            parameters: ["td", "operation", "keyId", "leaf", "completion", "since", "limit", "cursor"]
        ) { api, call throws(Refused) in try api.listRecords(call, td: try call.idParameter("td", .td)) },
        Route(
            .get, "/tds/{id}/seamcalls", "listTdSeamcalls", .viewer,
            parameters: ["operation", "keyId", "leaf", "completion", "since", "limit", "cursor"]
        ) { api, call throws(Refused) in try api.listRecords(call, td: try api.td(call).id) },
    ]

    func record(_ record: CallRecord, _ role: Role) -> SEAMCALLRecord {
        SEAMCALLRecord(record, service: service, isFull: role.seesRegisters)
    }

    /// A record never changes, but like ones that follow it are folded into it.
    func body(_ record: CallRecord, _ role: Role) -> EncodedBody {
        recordBodies.body(.record(record.id, isFull: role.seesRegisters), revision: UInt64(record.repeats)) {
            ControlJSON.encode(self.record(record, role))
        }
    }

    private func listRecords(_ call: Call, td: ResourceID?) throws(Refused) {
        var filter = RecordFilter(td: td, operation: try call.idParameter("operation", .operation))
        filter.keyID = try call.integer("keyId", in: 0...Int(UInt16.max)).map {
            TDXCalls.KeyID(rawValue: UInt16(clamping: $0))
        }
        filter.leaf = try call.query["leaf"].map { text throws(Refused) in try Self.leaf(text) }
        let since = UInt64(try call.integer("since", in: 0...RequestLimits.maximumInteger) ?? 0)
        filter.since = max(since, try call.numberCursor() ?? 0)
        if let text = call.query["completion"] {
            filter.completion = try Self.completion(text)
            // No record has a name that the table lacks, and none comes after the last of all sequences.
            if filter.completion == nil { filter.since = .max }
        }
        let listing = engine.records(filter, limit: try call.limit())
        answer(call, revision: listing.revision) {
            EncodedBody(
                list: listing.rows.map { body($0, call.role) },
                nextCursor: listing.hasMore ? listing.rows.last.map { Cursor(number: $0.sequence) } : nil,
                revision: listing.revision, extra: #","dropped":\#(listing.dropped)"#)
        }
    }

    /// By the specification's name.
    private static func leaf(_ text: String) throws(Refused) -> UInt16 {
        guard LeafName.known.contains(LeafName(rawValue: text)), let info = LeafInfo.named(text) else {
            throw .parameter("leaf", "is not the name of a leaf that is issued here; see leaves in /host")
        }
        return info.number
    }

    /// By name or by value; nil for a name that the table lacks.
    private static func completion(_ text: String) throws(Refused) -> TDXCalls.Completion? {
        if let value = CompletionHex(text: text) { return TDXCalls.Completion(rawValue: value.rawValue) }
        let name = text.hasPrefix("TDX_") ? text.dropFirst(4) : text.dropFirst(3)
        guard text.hasPrefix("TDX_") || text.hasPrefix("TD_"), (1...nameMax).contains(name.utf8.count),
            name.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x41...0x5a).contains($0) || $0 == 0x5f })
        else {
            throw .parameter("completion", "must be the name of a completion, such as TDX_SUCCESS, or 0x and 16 digits")
        }
        return CompletionInfo.named(text)?.completion
    }

    /// Characters after the prefix of a completion's name.
    private static let nameMax = 60
}
