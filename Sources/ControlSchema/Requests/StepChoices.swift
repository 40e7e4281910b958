/// What every single step may be asked besides its own arguments; its members stand beside those in the JSON object.
public struct StepChoices: Hashable, Sendable, Encodable {
    /// Logical processor that is to execute the leaf. Absent: the daemon chooses one that will do.
    public var processor: Int?
    /// Whether a recoverable refusal is handled (called again, resumed). False shows the first answer as it is.
    /// Absent: true.
    public var recover: Bool?

    public init(processor: Int? = nil, recover: Bool? = nil) {
        self.processor = processor
        self.recover = recover
    }

    init(_ object: inout RequestObject) {
        processor = object.integer("processor", in: 0...RequestLimits.maximumProcessor)
        recover = object.bool("recover")
    }
}
