/// What a `repeat` step says: a count of further calls like the one before.
enum RepeatNote {
    static let countMax = 1 << 20

    static func count(in step: TraceStep) -> Int? {
        guard case .repeated(let note) = step,
            let first = note.note?.split(separator: " ").first, let count = Int(first), count <= countMax
        else { return nil }
        return count
    }

    /// The nearest call before that succeeded and whose leaf the note names.
    static func call(before index: Int, in steps: [TraceStep]) -> CallStep? {
        guard case .repeated(let note) = steps[index], let words = note.note?.split(separator: " ") else { return nil }
        for step in steps[..<index].reversed() {
            if case .call(let call) = step, call.status?.rawValue == 0, words.contains(call.op[...]) { return call }
        }
        return nil
    }
}
