/// The body of init: TDH.MNG.INIT, with other parameters than the TD's if it names them.
public struct InitTDRequest: RequestBody {
    public static var whenAbsent: Self? { Self() }

    /// Parameters in place of those of the TD's specification. The module lets a refused call be repeated so.
    public var spec: TDParameters?
    public var choices: StepChoices

    public init(spec: TDParameters? = nil, choices: StepChoices = StepChoices()) {
        self.spec = spec
        self.choices = choices
    }

    public init(from decoder: any Decoder) throws {
        var object = try RequestObject(decoder)
        spec = object.object("spec", TDParameters.self)
        choices = StepChoices(&object)
        try object.finish()
    }

    private enum CodingKeys: CodingKey { case spec }

    public func encode(to encoder: any Encoder) throws {
        try choices.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(spec, forKey: .spec)
    }
}

/// The body of reclaim-page.
public struct ReclaimPageRequest: RequestBody {
    /// Id of the page: a request never names a page by its address.
    public var page: String
    public var choices: StepChoices

    public init(page: String, choices: StepChoices = StepChoices()) {
        self.page = page
        self.choices = choices
    }

    public init(from decoder: any Decoder) throws {
        var object = try RequestObject(decoder)
        object.require("page")
        let page = object.id("page", .page)
        choices = StepChoices(&object)
        try object.finish()
        guard let page else { throw object.failure }
        self.page = page
    }

    private enum CodingKeys: CodingKey { case page }

    public func encode(to encoder: any Encoder) throws {
        try choices.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(page, forKey: .page)
    }
}

/// The body of a vCPU's init: TDH.VP.INIT.
public struct InitVCPURequest: RequestBody {
    public static var whenAbsent: Self? { Self() }

    /// Guest RCX and R8 at the first entry. Absent: 0.
    public var initialRcx: HexValue?
    /// x2APIC id, which needs version 1 of the leaf. Absent: version 0.
    public var x2apicId: Int?
    public var choices: StepChoices

    public init(initialRcx: HexValue? = nil, x2apicId: Int? = nil, choices: StepChoices = StepChoices()) {
        self.initialRcx = initialRcx
        self.x2apicId = x2apicId
        self.choices = choices
    }

    public init(from decoder: any Decoder) throws {
        var object = try RequestObject(decoder)
        initialRcx = object.hex("initialRcx")
        x2apicId = object.integer("x2apicId", in: CreateVCPUsRequest.x2apicRange)
        choices = StepChoices(&object)
        try object.finish()
    }

    private enum CodingKeys: CodingKey { case initialRcx, x2apicId }

    public func encode(to encoder: any Encoder) throws {
        try choices.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(initialRcx, forKey: .initialRcx)
        try container.encodeIfPresent(x2apicId, forKey: .x2apicId)
    }
}
