/// The body of PATCH on a field: TDH.MNG.WR or TDH.VP.WR.
public struct WriteFieldRequest: RequestBody {
    /// Value to write.
    public var value: HexValue
    /// Bits that the write may change. Absent: all that the field has.
    public var mask: HexValue?

    public init(value: HexValue, mask: HexValue? = nil) {
        self.value = value
        self.mask = mask
    }

    public init(from decoder: any Decoder) throws {
        var object = try RequestObject(decoder)
        object.require("value")
        let value = object.hex("value")
        mask = object.hex("mask")
        try object.finish()
        guard let value else { throw object.failure }
        self.value = value
    }
}

/// The body of POST /operations/{id}/actions/cancel: nothing, or an empty object.
public struct CancelRequest: RequestBody {
    public static var whenAbsent: Self? { Self() }

    public init() {}

    public init(from decoder: any Decoder) throws {
        var object = try RequestObject(decoder)
        try object.finish()
    }

    public func encode(to encoder: any Encoder) throws {
        _ = encoder.container(keyedBy: RequestObject.Name.self)
    }
}
