internal import ControlSchema
internal import TDLifecycle
internal import TDXCalls

// From the engine's words to the contract's. Names that both have are qualified by their room.

extension Timestamp {
    init(_ time: WallTime) {
        self.init(
            seconds: Int64(time.nanosecondsSince1970 / 1_000_000_000),
            nanoseconds: Int64(time.nanosecondsSince1970 % 1_000_000_000))
    }
}

extension LeafName {
    init(_ leaf: Leaf) { self.init(rawValue: leaf.name) }
}

extension ControlSchema.Completion {
    init(_ completion: TDXCalls.Completion) {
        let info = completion.info
        self.init(
            value: CompletionHex(completion.rawValue), name: info?.name, class: info?.className.camelCased,
            classCode: Int(completion.classCode), detail: HexValue(UInt64(completion.details)),
            operand: completion.operand?.name, outcome: CompletionOutcome(rawValue: completion.outcome.rawValue),
            flags: CompletionFlags(
                error: completion.isError, nonRecoverable: completion.isNonRecoverable, fatal: completion.isFatal,
                hostRecoverabilityHint: completion.hasHostRecoverabilityHint))
    }
}

extension String {
    /// `physical page metadata` as `physicalPageMetadata`, without what stands in parentheses.
    var camelCased: String {
        let words = prefix { $0 != "(" }.split { !$0.isLetter && !$0.isNumber }
        return words.enumerated().map { $0 == 0 ? $1.lowercased() : $1.prefix(1).uppercased() + $1.dropFirst() }
            .joined()
    }

    /// `TDX_OPERAND_INVALID` as `tdx-operand-invalid`, as error codes are written.
    var errorCode: String { lowercased().replacing("_", with: "-") }
}

extension UInt64 {
    var hex: String { "0x" + String(self, radix: 16) }

    /// Names of the bits that are set, lowest first; a bit without a name is `bit 7`.
    func bitNames(_ names: [Int: String]) -> [String] {
        (0..<64).filter { self >> UInt64($0) & 1 == 1 }.map { names[$0] ?? "bit \($0)" }
    }
}

extension BackendKind {
    init(_ service: ServiceIdentity) { self.init(rawValue: service.backend.kind) }
}
