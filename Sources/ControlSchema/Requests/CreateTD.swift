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
    /// Regions of guest memory, added in this order after the vCPUs. Absent: none.
    public var memory: [MemoryRegionRequest]?
    /// Where to stop. Absent: `initialized`.
    public var buildUntil: BuildStage?

    public init(
        parameters: TDParameters, vcpuCount: Int? = nil, memory: [MemoryRegionRequest]? = nil,
        buildUntil: BuildStage? = nil
    ) {
        self.parameters = parameters
        self.vcpuCount = vcpuCount
        self.memory = memory
        self.buildUntil = buildUntil
    }

    public init(from decoder: any Decoder) throws {
        var object = try RequestObject(decoder)
        parameters = try TDParameters(&object)
        vcpuCount = object.integer("vcpuCount", in: Self.vcpuCountRange)
        buildUntil = object.choice("buildUntil", BuildStage.self)
        memory = object.objects("memory", MemoryRegionRequest.self, atMost: MemoryRegionRequest.countMax)
        if let buildUntil, ![.initialized, .finalized].contains(buildUntil) {
            let stages = "when buildUntil is \"initialized\" or \"finalized\""
            if let vcpuCount, vcpuCount > 0 { object.refuseConflict("vcpuCount", "vCPUs can be built only \(stages)") }
            if memory?.isEmpty == false { object.refuseConflict("memory", "memory can be added only \(stages)") }
        }
        try object.finish()
    }

    private enum CodingKeys: CodingKey { case vcpuCount, memory, buildUntil }

    public func encode(to encoder: any Encoder) throws {
        try parameters.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(vcpuCount, forKey: .vcpuCount)
        try container.encodeIfPresent(memory, forKey: .memory)
        try container.encodeIfPresent(buildUntil, forKey: .buildUntil)
    }
}
