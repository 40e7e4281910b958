/// The body of POST /tds/{id}/vcpus: builds vCPUs whole.
public struct CreateVCPUsRequest: RequestBody {
    public static let countRange = 1...65_535
    public static let x2apicRange = 0...Int(UInt32.max)

    /// How many. Absent: one.
    public var count: Int?
    /// Guest RCX and R8 at the first entry, the same for each. Absent: 0.
    public var initialRcx: HexValue?
    /// x2APIC id of each, which needs TDH.VP.INIT version 1; as many as `count`.
    public var x2apicIds: [Int]?
    /// Logical processor on which each is initialised, and with which it is then associated; as many as `count`.
    public var processors: [Int]?

    public init(count: Int? = nil, initialRcx: HexValue? = nil, x2apicIds: [Int]? = nil, processors: [Int]? = nil) {
        self.count = count
        self.initialRcx = initialRcx
        self.x2apicIds = x2apicIds
        self.processors = processors
    }

    public init(from decoder: any Decoder) throws {
        var object = try RequestObject(decoder)
        count = object.integer("count", in: Self.countRange)
        initialRcx = object.hex("initialRcx")
        x2apicIds = object.integers("x2apicIds", in: Self.x2apicRange, atMost: RequestLimits.maximumVCPUs)
        processors = object.integers(
            "processors", in: 0...RequestLimits.maximumProcessor, atMost: RequestLimits.maximumVCPUs)
        let expected = count ?? 1
        if let x2apicIds, x2apicIds.count != expected {
            object.refuseConflict("x2apicIds", "must have as many elements as count says, \(expected)")
        }
        if let processors, processors.count != expected {
            object.refuseConflict("processors", "must have as many elements as count says, \(expected)")
        }
        try object.finish()
    }
}
