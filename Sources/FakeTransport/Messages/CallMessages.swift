internal import TDXCalls

// A SEAMCALL with the whole register file, as it goes to the other end and comes back.

extension ModuleRequest {
    init(_ leaf: Leaf, _ registers: Registers, on processor: Processor, sequence: UInt64) {
        self.init(.callAll, sequence: sequence)
        rax = leaf.rawValue
        self.registers = SixRegisters(registers)
        self.processor = processor.rawValue
        payload = registers.otherBytes[...]
    }

    /// Makes the call that this asks for.
    ///
    /// - Returns: what went in, and what the module said.
    func execute(
        on calls: any SEAMCALLPort, into reply: inout ModuleReply
    ) throws(PortError) -> (leaf: Leaf, input: Registers, completion: Completion) {
        let input: Registers
        do throws(MessageFault) {
            input = try Registers(registers, others: payload)
        } catch {
            throw PortError(.notExecuted, error.reason)
        }
        var output = input
        let leaf = Leaf(rawValue: rax)
        let completion = try calls.call(leaf, &output, on: Processor(rawValue: processor))
        reply.rax = completion.rawValue
        reply.registers = SixRegisters(output)
        reply.payload = output.otherBytes[...]
        return (leaf, input, completion)
    }
}

extension ModuleReply {
    /// The answer to a call.
    func completion(_ registers: inout Registers) throws(PortError) -> Completion {
        do throws(MessageFault) {
            registers = try Registers(self.registers, others: payload)
        } catch {
            throw PortError(.outcomeUnknown, error.reason)
        }
        return Completion(rawValue: rax)
    }

    mutating func fail(_ error: PortError) {
        rax = 0
        registers = SixRegisters()
        failure = error.reason
        payload = Array(error.explanation.utf8.prefix(Self.explanationBytesMax))[...]
    }

    private static let explanationBytesMax = 1024
}
