internal import CTDXShim
public import TDXCalls
internal import Threading

extension KernelShim: SEAMCALLPort {
    public func call(
        _ leaf: Leaf, _ registers: inout Registers, on processor: Processor
    ) throws(PortError) -> Completion {
        try callTellingOutputs(leaf, &registers, on: processor).completion
    }

    /// The same, with what the registers hold that came back; those that are not named did not, and are 0.
    public func callTellingOutputs(
        _ leaf: Leaf, _ registers: inout Registers, on processor: Processor
    ) throws(PortError) -> (completion: Completion, outputs: [Register: OutputClass]) {
        guard leaf.reserved == 0, let operands = Operands.byLeaf[leaf.number], module.leaves.contains(leaf.number)
        else {
            throw PortError(.unsupported, "the shim does not carry \(leaf.name)", fault: .leafNotCarried)
        }
        if let stray = Operands.strayRegister(registers, operands) {
            throw PortError(
                .notExecuted, "\(leaf.name) has no operand in \(stray.rawValue.uppercased())", fault: .malformed)
        }
        var request = tdx_shim_call.blank
        request.leaf = leaf.number
        request.version = leaf.version
        request.processor = processor.rawValue
        request.operand = try operandTuple(leaf, registers, operands)
        try device.perform(tdx_shim_seamcall_request(), &request, leaf.name)
        return try answer(request, leaf, &registers, on: processor)
    }

    // MARK: In

    private func operandTuple(
        _ leaf: Leaf, _ registers: Registers, _ operands: [Register: OperandClass]
    ) throws(PortError) -> OperandTuple {
        try addresses.withLock { (table) throws(PortError) in
            func operand(_ register: Register) throws(PortError) -> tdx_shim_operand {
                guard let kind = operands[register] else { return tdx_shim_operand() }
                return try Self.operand(registers[register], kind, register, leaf, table)
            }
            return (
                try operand(.rcx), try operand(.rdx), try operand(.r8), try operand(.r9), try operand(.r10),
                try operand(.r11)
            )
        }
    }

    private static func operand(
        _ value: UInt64, _ kind: OperandClass, _ register: Register, _ leaf: Leaf, _ table: Addresses
    ) throws(PortError) -> tdx_shim_operand {
        var offset = 0
        let handle: UInt64?
        switch kind {
        case .value:
            return tdx_shim_operand(kind: TDX_SHIM_OPERAND_VALUE.rawValue, offset: 0, value: value)
        case .page: handle = table.handles[value]
        case .taggedPage: handle = table.handles[table.untagged(value)]
        case .keyID: handle = UInt16(exactly: value).flatMap { table.keyIDHandles[KeyID(rawValue: $0)] }
        case .memory:
            let found = table.memory(at: value)
            handle = found?.memory.handle
            offset = found?.offset ?? 0
        }
        guard let handle else {
            throw PortError(
                .notExecuted,
                "\(leaf.name): \(register.rawValue.uppercased()) names nothing of this session's: \(value.hex)",
                fault: .noSuchObject)
        }
        return tdx_shim_operand(kind: TDX_SHIM_OPERAND_OBJECT.rawValue, offset: UInt32(offset), value: handle)
    }

    // MARK: Out

    private func answer(
        _ request: tdx_shim_call, _ leaf: Leaf, _ registers: inout Registers, on processor: Processor
    ) throws(PortError) -> (completion: Completion, outputs: [Register: OutputClass]) {
        let completion = Completion(rawValue: request.status)
        if let error = PortError(shimFault: request.fault, leaf, completion) { throw error }
        guard !completion.isMadeBySoftware else {
            throw .badAnswer("\(leaf.name) did not fault and answered \(request.status.hex)", executed: true)
        }
        guard request.ran_on == processor.rawValue else {
            throw .badAnswer(
                "\(leaf.name) ran on processor \(request.ran_on), not on \(processor.rawValue)", executed: true)
        }
        let values = elements(of: request.output, as: UInt64.self, count: Operands.registers.count)
        let kinds = elements(of: request.output_kind, as: UInt8.self, count: Operands.registers.count)
        var output = Registers()
        var classes: [Register: OutputClass] = [:]
        for (place, register) in Operands.registers.enumerated() {
            classes[register] = OutputClass(UInt32(kinds[place]))
        }
        try addresses.withLock { (table) throws(PortError) in
            for (place, register) in Operands.registers.enumerated() {
                output[register] = try Self.output(values[place], UInt32(kinds[place]), leaf, table)
            }
        }
        registers = output
        return (completion, classes)
    }

    /// One output in the language of the registers. What is not given back is 0.
    private static func output(
        _ value: UInt64, _ kind: UInt32, _ leaf: Leaf, _ table: Addresses
    ) throws(PortError) -> UInt64 {
        switch kind {
        case TDX_SHIM_OUTPUT_NONE.rawValue: return 0
        case TDX_SHIM_OUTPUT_VALUE.rawValue, TDX_SHIM_OUTPUT_ENTRY.rawValue: return value
        case TDX_SHIM_OUTPUT_OBJECT.rawValue:
            if value == 0 { return 0 }
            guard let address = table.addresses[value] else {
                throw .badAnswer("\(leaf.name) named page \(value.hex), which is not there", executed: true)
            }
            return address
        default:
            throw .badAnswer("\(leaf.name) gave an output of sort \(kind)", executed: true)
        }
    }
}

private typealias OperandTuple = (
    tdx_shim_operand, tdx_shim_operand, tdx_shim_operand, tdx_shim_operand, tdx_shim_operand, tdx_shim_operand
)

extension PortError {
    /// Nil if the instruction was executed.
    fileprivate init?(shimFault fault: UInt32, _ leaf: Leaf, _ completion: Completion) {
        let name = leaf.name
        switch fault {
        case TDX_SHIM_FAULT_NONE.rawValue: return nil
        case TDX_SHIM_FAULT_UD.rawValue:
            self.init(
                .notExecuted, "\(name) raised #UD: the processor is not in VMX operation, or has no SEAM",
                fault: .undefinedInstruction)
        case TDX_SHIM_FAULT_GP.rawValue:
            self.init(
                .notExecuted, "\(name) raised #GP: TDX is not enabled on the processor", fault: .generalProtection)
        case TDX_SHIM_FAULT_VMFAIL.rawValue:
            self.init(
                .outcomeUnknown, "\(name) ended as VMfailInvalid: there is no TDX module any more",
                fault: .vmFailInvalid)
        case TDX_SHIM_FAULT_TIMEOUT.rawValue:
            self.init(.outcomeUnknown, "\(name) was taken and not answered in time", fault: .timedOut)
        case TDX_SHIM_FAULT_EMULATOR_LOST.rawValue:
            self.init(.outcomeUnknown, "the emulator died over \(name)", fault: .emulatorLost)
        default:
            self = .badAnswer("\(name) ended with fault \(fault) and \(completion.rawValue.hex)", executed: true)
        }
    }
}
