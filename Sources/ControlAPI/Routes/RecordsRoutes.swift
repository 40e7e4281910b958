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

    private func listRecords(_ call: Call, td: ResourceID?) throws(Refused) {
        var filter = RecordFilter(td: td, operation: try call.idParameter("operation", .operation))
        filter.keyID = try call.integer("keyId", in: 0...Int(UInt16.max)).map {
            TDXCalls.KeyID(rawValue: UInt16(clamping: $0))
        }
        filter.leaf = try call.query["leaf"].map { text throws(Refused) in try Self.leaf(text) }
        filter.completion = try call.query["completion"].map { text throws(Refused) in try Self.completion(text) }
        let since = UInt64(try call.integer("since", in: 0...RequestLimits.maximumInteger) ?? 0)
        filter.since = max(since, try call.numberCursor() ?? 0)
        let listing = engine.records(filter, limit: try call.limit())
        answer(call, revision: listing.revision) {
            EncodedBody(
                ControlJSON.encode(
                    SEAMCALLList(
                        items: listing.rows.map { record($0, call.role) },
                        nextCursor: listing.hasMore ? listing.rows.last.map { "\($0.sequence)" } : nil,
                        revision: listing.revision, dropped: listing.dropped)))
        }
    }

    /// By the specification's name, the wrapper's, or the number.
    private static func leaf(_ text: String) throws(Refused) -> UInt16 {
        if let number = UInt16(text) { return number }
        if let info = LeafInfo.named(text.uppercased()) { return info.number }
        if let info = LeafInfo.all.first(where: { $0.wrapperName == text }) { return info.number }
        throw .parameter("leaf", "is not the name or number of a leaf")
    }

    /// By name or by value.
    private static func completion(_ text: String) throws(Refused) -> TDXCalls.Completion {
        if let info = CompletionInfo.named(text.uppercased()) { return info.completion }
        if text.hasPrefix("0x"), let value = UInt64(text.dropFirst(2), radix: 16) {
            return TDXCalls.Completion(rawValue: value)
        }
        throw .parameter("completion", "is not the name or value of a completion")
    }
}
