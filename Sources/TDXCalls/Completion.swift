/// What RAX says on the way out.
///
/// A struct and not an enum: a code from a newer module is still a value, and is still reported. Bit 63
/// decides whether it is an error, not `!= 0`: several codes are success with information.
///
/// - Source: TDX Module 1.5 ABI, "function completion status".
public struct Completion: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// The code with an operand id in its low half.
    public init(_ code: Completion, operand: OperandID) {
        rawValue = code.code | UInt64(operand.rawValue)
    }

    /// Bits 63:32, as a completion without details; this is what names are given to.
    public var code: UInt64 { rawValue & 0xffff_ffff_0000_0000 }
    /// Bits 31:0: an operand id, an MSR index, information bytes or an exit reason, as the code decides.
    public var details: UInt32 { UInt32(truncatingIfNeeded: rawValue) }

    public var isSuccess: Bool { rawValue == 0 }
    public var isError: Bool { rawValue >> 63 & 1 == 1 }
    public var isNonRecoverable: Bool { rawValue >> 62 & 1 == 1 }
    public var isFatal: Bool { rawValue >> 61 & 1 == 1 }
    public var hasHostRecoverabilityHint: Bool { rawValue >> 60 & 1 == 1 }
    /// Bits 47:40: what the code is about; see ``CompletionInfo/className``.
    public var classCode: UInt8 { UInt8(truncatingIfNeeded: rawValue >> 40) }
    /// Bits 39:32: the code within its class.
    public var nameCode: UInt8 { UInt8(truncatingIfNeeded: rawValue >> 32) }

    /// Class 0xFF, which no module answers with: Linux reports failures of the instruction itself there, and
    /// tells them apart by the low half alone.
    public var isMadeBySoftware: Bool { classCode == 0xff }

    /// Matches the code and ignores the details, so `case .operandBusy` catches every operand. Codes made by
    /// software match whole.
    public static func ~= (pattern: Completion, value: Completion) -> Bool {
        pattern.isMadeBySoftware ? pattern == value : pattern.code == value.code
    }

    public enum Outcome: String, Sendable {
        case success
        /// Bit 63 clear and not zero: done, with something to say.
        case information
        /// An error that a repeat, after removing its cause, can cure.
        case recoverable
        case error
        /// The TD is lost.
        case fatal
        /// TDH.VP.ENTER: the vCPU or the TD can no longer run; the error bit is clear.
        case exit
    }

    public var outcome: Outcome {
        if isSuccess { return .success }
        if !isError { return isNonRecoverable ? .exit : .information }
        if isFatal { return .fatal }
        return isNonRecoverable || isMadeBySoftware ? .error : .recoverable
    }

    /// What the table knows of this code; nil for one it has never heard of.
    public var info: CompletionInfo? {
        CompletionInfo.byCode[isMadeBySoftware ? rawValue : code]
    }

    /// `TDX_OPERAND_INVALID` and the like; nil for an unknown code.
    public var name: String? { info?.name }

    /// The operand the details name; nil where this code does not carry one.
    public var operand: OperandID? { info?.details == .operand ? OperandID(rawValue: details) : nil }
}

extension Completion: CustomStringConvertible {
    /// `TDX_OPERAND_INVALID (0xc000010000000001, operand RCX)`.
    public var description: String {
        let digits = String(rawValue, radix: 16)
        let hex = "0x" + String(repeating: "0", count: 16 - digits.count) + digits
        let label = operand.map { "\(hex), operand \($0.name)" } ?? hex
        return name.map { "\($0) (\(label))" } ?? label
    }
}

/// One row of the completion table.
public struct CompletionInfo: Sendable {
    /// How the low half is to be read.
    public enum Details: Sendable {
        case operand, infoBytes, msrIndex, x2apicID, vector
        /// Nothing, or what the leaf says.
        case leafSpecific
    }

    public let completion: Completion
    public let name: String
    public let className: String
    public let details: Details
    /// `1.5.01`, `later` for newer modules, `Linux` for codes only software makes.
    public let since: String
    public let explanation: String

    static func row(
        _ value: UInt64, _ name: String, _ className: String, _ details: Details, _ since: String,
        _ explanation: String
    ) -> CompletionInfo {
        CompletionInfo(
            completion: Completion(rawValue: value), name: name, className: className, details: details,
            since: since, explanation: explanation)
    }

    static let byCode = Dictionary(uniqueKeysWithValues: all.map { ($0.completion.rawValue, $0) })
    static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })

    public static func named(_ name: String) -> CompletionInfo? { byName[name] }
}

/// Which operand a completion blames. Unknown ids survive as values.
public struct OperandID: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt32

    public init(rawValue: UInt32) { self.rawValue = rawValue }

    public static let rax = OperandID(rawValue: 0)
    public static let rcx = OperandID(rawValue: 1)
    public static let rdx = OperandID(rawValue: 2)
    public static let r8 = OperandID(rawValue: 8)
    public static let r9 = OperandID(rawValue: 9)
    public static let r10 = OperandID(rawValue: 10)
    public static let r11 = OperandID(rawValue: 11)
    public static let attributes = OperandID(rawValue: 64)
    public static let xfam = OperandID(rawValue: 65)
    public static let execControls = OperandID(rawValue: 66)
    public static let eptpControls = OperandID(rawValue: 67)
    public static let maxVCPUs = OperandID(rawValue: 68)
    public static let cpuidConfig = OperandID(rawValue: 69)
    public static let tscFrequency = OperandID(rawValue: 70)
    public static let numL2VMs = OperandID(rawValue: 71)
    public static let ia32ArchCapabilitiesConfig = OperandID(rawValue: 72)
    public static let tdr = OperandID(rawValue: 128)
    public static let septTree = OperandID(rawValue: 146)
    public static let tdEpoch = OperandID(rawValue: 169)
    public static let opState = OperandID(rawValue: 172)
    public static let metadataField = OperandID(rawValue: 176)
    public static let kot = OperandID(rawValue: 186)
    public static let ket = OperandID(rawValue: 187)
    public static let wbCache = OperandID(rawValue: 188)

    private static let names = Dictionary(uniqueKeysWithValues: named)

    /// The specification's name, or the number in decimal where there is none.
    public var name: String { Self.names[rawValue] ?? String(rawValue) }
}
