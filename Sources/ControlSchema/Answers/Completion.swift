/// What a completion means.
public struct CompletionOutcome: OpenEnum {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// Done.
    public static let success = Self(rawValue: "success")
    /// Bit 63 clear and not zero: done, with a remark.
    public static let information = Self(rawValue: "information")
    /// Refused; the same call can succeed later.
    public static let recoverable = Self(rawValue: "recoverable")
    /// Refused.
    public static let error = Self(rawValue: "error")
    /// Refused, and the TD is lost.
    public static let fatal = Self(rawValue: "fatal")
    /// TDH.VP.ENTER came back for good.
    public static let exit = Self(rawValue: "exit")
    /// The instruction or the back end failed; not a module answer.
    public static let shim = Self(rawValue: "shim")

    public static let known: [Self] = [
        .success, .information, .recoverable, .error, .fatal, .exit, .shim,
    ]
}

/// RAX as the module returned it, decoded by table; an unknown code keeps its value.
public struct Completion: Codable, Hashable, Sendable {
    /// RAX, sixteen digits.
    public var value: CompletionHex
    /// Name of bits 63:32; absent when not known.
    public var name: String?
    /// Name of the class; absent when not known.
    public var `class`: String?
    /// Bits 47:40.
    public var classCode: Int
    /// Bits 31:0; absent when zero or when the entry is a catalogue's.
    public var detail: HexValue?
    /// The operand that bits 31:0 name, where the class names one.
    public var operand: String?
    /// What it means.
    public var outcome: CompletionOutcome
    /// Bits 63:60.
    public var flags: CompletionFlags

    public init(
        value: CompletionHex, name: String? = nil, class: String? = nil, classCode: Int, detail: HexValue? = nil,
        operand: String? = nil, outcome: CompletionOutcome, flags: CompletionFlags
    ) {
        self.value = value
        self.name = name
        self.class = `class`
        self.classCode = classCode
        self.detail = detail
        self.operand = operand
        self.outcome = outcome
        self.flags = flags
    }
}

/// Bits 63:60 of a completion.
public struct CompletionFlags: Codable, Hashable, Sendable {
    /// Bit 63.
    public var error: Bool
    /// Bit 62.
    public var nonRecoverable: Bool
    /// Bit 61.
    public var fatal: Bool
    /// Bit 60.
    public var hostRecoverabilityHint: Bool

    public init(
        error: Bool, nonRecoverable: Bool, fatal: Bool, hostRecoverabilityHint: Bool
    ) {
        self.error = error
        self.nonRecoverable = nonRecoverable
        self.fatal = fatal
        self.hostRecoverabilityHint = hostRecoverabilityHint
    }
}
