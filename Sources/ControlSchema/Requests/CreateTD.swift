/// The body of POST /tds.
public struct CreateTDRequest: RequestBody {
    /// Optional name, unique among the TDs that are not deleted; see `NameSyntax`.
    public var name: String?
    /// Optional labels; see `LabelSyntax`.
    public var labels: [String: String]?
    public var spec: TDSpec

    public init(name: String? = nil, labels: [String: String]? = nil, spec: TDSpec) {
        self.name = name
        self.labels = labels
        self.spec = spec
    }

    public init(from decoder: any Decoder) throws {
        var object = try RequestObject(decoder)
        object.require("spec")
        name = object.name("name")
        labels = object.labels("labels")
        let spec = object.object("spec", TDSpec.self)
        try object.finish()
        guard let spec else { throw object.failure }
        self.spec = spec
    }
}

/// What a client asks of a new TD: its parameters, and how far creation is to go.
public struct TDSpec: RequestBody {
    public static let vcpuCountRange = 0...65_535

    /// What TDH.MNG.INIT is told; its members stand beside the others in the JSON object.
    public var parameters: TDParameters
    /// vCPUs to build whole: TDH.VP.CREATE, every TDH.VP.ADDCX, TDH.VP.INIT. Absent: none.
    public var vcpuCount: Int?
    /// Where to stop. Absent: `initialized`.
    public var buildUntil: BuildStage?

    public init(parameters: TDParameters, vcpuCount: Int? = nil, buildUntil: BuildStage? = nil) {
        self.parameters = parameters
        self.vcpuCount = vcpuCount
        self.buildUntil = buildUntil
    }

    public init(from decoder: any Decoder) throws {
        var object = try RequestObject(decoder)
        parameters = try TDParameters(&object)
        vcpuCount = object.integer("vcpuCount", in: Self.vcpuCountRange)
        buildUntil = object.choice("buildUntil", BuildStage.self)
        if let vcpuCount, vcpuCount > 0, let buildUntil, buildUntil != .initialized {
            object.refuseConflict("vcpuCount", "vCPUs can be built only when buildUntil is \"initialized\"")
        }
        try object.finish()
    }

    private enum CodingKeys: CodingKey { case vcpuCount, buildUntil }

    public func encode(to encoder: any Encoder) throws {
        try parameters.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(vcpuCount, forKey: .vcpuCount)
        try container.encodeIfPresent(buildUntil, forKey: .buildUntil)
    }
}
