/// The TDX module as a caller sees it: the two ports, and one method per leaf on top.
///
/// A wrapper is one leaf: fill registers, flush donated pages, one call, named outputs, typed throw. No
/// branch on the answer, no log, no retry but the one for entropy.
public struct TDXModule: Sendable {
    public let calls: any SEAMCALLPort
    public let host: any HostPort

    public init(calls: any SEAMCALLPort, host: any HostPort) {
        self.calls = calls
        self.host = host
    }

    /// How often a call that lacked entropy is repeated before its answer is passed on. Linux's figure.
    public static let entropyAttemptsMax = 10

    /// Issues one leaf and returns an answer that is no error, success or information.
    ///
    /// - Throws: what the module refused, with the registers it left, or the port's own failure.
    @discardableResult
    public func issue(
        _ leaf: Leaf, _ registers: inout Registers, on processor: Processor
    ) throws(SEAMCALLError) -> Completion {
        let input = registers
        var attempt = 1
        while true {
            let completion: Completion
            do throws(PortError) {
                completion = try calls.call(leaf, &registers, on: processor)
            } catch {
                throw SEAMCALLError(leaf: leaf, processor: processor, cause: .port(error), registers: registers)
            }
            // The one place that repeats for entropy: the random source refills by itself within
            // microseconds, so every caller would do the same, and none learns anything from the answer.
            if case .rndNoEntropy = completion, attempt < Self.entropyAttemptsMax, !calls.retriesEntropy {
                attempt += 1
                registers = input
                continue
            }
            guard completion.isError || completion.isNonRecoverable else { return completion }
            throw SEAMCALLError(
                leaf: leaf, processor: processor, cause: .refused(completion), registers: registers)
        }
    }

    /// Flushes a page's cache lines and says where it is: what each leaf that takes a page does first.
    ///
    /// A page the host has written may sit dirty in the caches under KeyID 0. Evicted after the module has
    /// written the page under another KeyID, such a line would overwrite private data and break its
    /// integrity. TDX_FEATURES0 bit 23 (CLFLUSH_BEFORE_ALLOC) says when that can happen; as Linux does, we
    /// flush always: it is cheap beside the call, and older modules lack the bit without lacking the need.
    func flushed(_ page: borrowing HostPage) -> UInt64 {
        host.flush(page.address)
        return page.address.rawValue
    }

    /// Issues a leaf that takes `page` in a register, and says whether the module took it.
    ///
    /// Inlined, so that the register is known and nothing has to look for it in each call.
    @inline(__always)
    func donate<Kind>(
        _ page: consuming HostPage, by leaf: Leaf, _ registers: Registers,
        in register: WritableKeyPath<Registers, UInt64> = \.rcx, as kind: Kind.Type, on processor: Processor
    ) -> Donation<Kind> {
        var registers = registers
        registers[keyPath: register] = flushed(page)
        do throws(SEAMCALLError) {
            try issue(leaf, &registers, on: processor)
            return .accepted(PageAddress(rawValue: page.address.rawValue))
        } catch {
            return .refused(page, error)
        }
    }
}
