internal import TDXCalls
internal import Threading

/// Tells each call that passes: where it ran, what it answered, how long it took.
final class Narrator: SEAMCALLPort {
    private let base: any SEAMCALLPort
    private let say: @Sendable (String) -> Void
    private let count = Locked(0)

    init(_ base: any SEAMCALLPort, say: @escaping @Sendable (String) -> Void) {
        self.base = base
        self.say = say
    }

    var calls: Int { count.withLock { $0 } }
    var retriesEntropy: Bool { base.retriesEntropy }

    func call(
        _ leaf: Leaf, _ registers: inout Registers, on processor: Processor
    ) throws(PortError) -> Completion {
        let number = count.withLock { count in
            count += 1
            return count
        }
        let start = MonotonicTime.now
        func tell(_ answer: String) {
            let took = (MonotonicTime.now.nanoseconds - start.nanoseconds) / 1000
            say("  \(number). \(leaf.name) on \(processor.rawValue): \(answer) (\(took) µs)")
        }
        do throws(PortError) {
            let completion = try base.call(leaf, &registers, on: processor)
            tell(completion.description)
            return completion
        } catch {
            tell("not answered: \(error.explanation)")
            throw error
        }
    }
}
