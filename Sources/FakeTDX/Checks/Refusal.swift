internal import TDXCalls

/// A check that failed: how the leaf ends.
struct Refusal: Error {
    let completion: Completion

    init(_ completion: Completion) { self.completion = completion }

    init(_ code: Completion, _ operand: OperandID) { completion = Completion(code, operand: operand) }

    /// A code with an MSR index, information bytes or the like in its low half.
    init(_ code: Completion, details: UInt32) {
        completion = Completion(rawValue: code.code | UInt64(details))
    }
}
