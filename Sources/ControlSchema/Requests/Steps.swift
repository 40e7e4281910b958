/// The body of a step without arguments of its own: add-tdcs-page, flush-done, free-key, write-back-tdr, create (vCPU),
/// add-tdcx-page, flush.
public struct StepRequest: RequestBody {
    public static var whenAbsent: Self? { Self() }

    public var choices: StepChoices

    public init(choices: StepChoices = StepChoices()) { self.choices = choices }

    public init(from decoder: any Decoder) throws {
        var object = try RequestObject(decoder)
        choices = StepChoices(&object)
        try object.finish()
    }

    public func encode(to encoder: any Encoder) throws { try choices.encode(to: encoder) }
}

/// The body of configure-key.
public struct ConfigureKeyRequest: RequestBody {
    /// Package whose key is configured.
    public var package: Int
    public var choices: StepChoices

    public init(package: Int, choices: StepChoices = StepChoices()) {
        self.package = package
        self.choices = choices
    }

    public init(from decoder: any Decoder) throws {
        var object = try RequestObject(decoder)
        object.require("package")
        let package = object.integer("package", in: 0...RequestLimits.maximumPackage)
        choices = StepChoices(&object)
        try object.finish()
        guard let package else { throw object.failure }
        self.package = package
    }

    private enum CodingKeys: CodingKey { case package }

    public func encode(to encoder: any Encoder) throws {
        try choices.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(package, forKey: .package)
    }
}

/// The body of write-back.
public struct WriteBackRequest: RequestBody {
    /// Package whose caches are written back.
    public var package: Int
    /// Whether an interrupted write-back goes on. Absent: false, which starts anew.
    public var resume: Bool?
    public var choices: StepChoices

    public init(package: Int, resume: Bool? = nil, choices: StepChoices = StepChoices()) {
        self.package = package
        self.resume = resume
        self.choices = choices
    }

    public init(from decoder: any Decoder) throws {
        var object = try RequestObject(decoder)
        object.require("package")
        let package = object.integer("package", in: 0...RequestLimits.maximumPackage)
        resume = object.bool("resume")
        choices = StepChoices(&object)
        try object.finish()
        guard let package else { throw object.failure }
        self.package = package
    }

    private enum CodingKeys: CodingKey { case package, resume }

    public func encode(to encoder: any Encoder) throws {
        try choices.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(package, forKey: .package)
        try container.encodeIfPresent(resume, forKey: .resume)
    }
}
