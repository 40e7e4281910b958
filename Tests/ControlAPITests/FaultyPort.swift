import TDXCalls
import Threading

/// Passes calls on, except where a test has armed an answer.
final class FaultyPort: SEAMCALLPort {
    private struct Fault: Sendable {
        var answer: Result<Completion, PortError>
        var left: Int
    }

    private let base: any SEAMCALLPort
    private let faults = Locked<[UInt16: Fault]>([:])
    private let held = Monitor<Set<UInt16>>([])

    init(_ base: any SEAMCALLPort) { self.base = base }

    /// The next so many calls of a leaf are not made but answered so.
    func arm(_ completion: Completion, on leaf: Leaf, times: Int = 1) {
        faults.withLock { $0[leaf.number] = Fault(answer: .success(completion), left: times) }
    }

    func arm(_ error: PortError, on leaf: Leaf) {
        faults.withLock { $0[leaf.number] = Fault(answer: .failure(error), left: 1) }
    }

    /// Calls of a leaf wait from now on: what makes one is under way for as long as a test looks at it, however
    /// slow the machine is.
    func hold(_ leaf: Leaf) { held.withLock { _ = $0.insert(leaf.number) } }

    func release() { held.withLock { $0 = [] } }

    func call(_ leaf: Leaf, _ registers: inout Registers, on processor: Processor) throws(PortError) -> Completion {
        // A test that failed before it let go must end, too.
        _ = held.wait(timeout: .seconds(60)) { $0.contains(leaf.number) ? nil : true }
        let answer = faults.withLock { faults -> Result<Completion, PortError>? in
            guard let fault = faults[leaf.number], fault.left > 0 else { return nil }
            faults[leaf.number]?.left -= 1
            return fault.answer
        }
        guard let answer else { return try base.call(leaf, &registers, on: processor) }
        return try answer.get()
    }
}
