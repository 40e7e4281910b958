public import TDXCalls

/// A SEAMCALL with its answer.
public struct CallStep: Hashable, Sendable {
    /// The leaf's name, or `0x..` for a raw leaf number.
    public var op: String
    public var lp: Int
    /// Absent for 0.
    public var version: Int?
    /// Registers on the way in; one that is not listed is zero. `rax` only if it is not leaf and version.
    public var `in`: [String: Hex]
    /// RAX on the way out; absent where a vCPU went into its TD.
    public var status: HexCompletion?
    public var statusName: String?
    public var operand: String?
    /// Registers that changed, with the value after; one that is not listed is unchanged.
    public var out: [String: Hex]?
    /// Registers of which only that they could be read is a fact.
    public var unstable: [String]?
    /// The call changed state although it did not succeed.
    public var stateChanged: Bool?
    /// TDH.VP.ENTER: the vCPU went into its TD.
    public var entered: Bool?
    /// The guest's registers when it went in; those not listed are zero.
    public var tdRegs: [String: Hex]?
    /// Another call was under way at some time of this one: the order of the two is that of their ends, which need not be
    /// that in which the module did them.
    public var concurrent: Bool?
    /// Another call had what this one wanted, and the module said so. It changed nothing, and a replay, where calls are
    /// made one by one, leaves it out.
    public var contention: Bool?
    public var note: String?

    public init(op: String, lp: Int, in input: [String: Hex]) {
        self.op = op
        self.lp = lp
        self.in = input
    }

    /// Registers that recordings list.
    public static let registers: [Register] = [.rcx, .rdx, .rbx, .r8, .r9, .r10, .r11, .r12, .r13, .r14, .r15]
}

extension CallStep {
    /// A call that was made, as a recording puts it.
    public init(
        leaf: Leaf, on processor: Processor, in before: Registers, _ completion: Completion, out after: Registers
    ) {
        let named = leaf.info
        op = named?.name ?? Hex(rawValue: UInt64(leaf.number)).description
        lp = Int(processor.rawValue)
        version = leaf.version == 0 || named == nil ? nil : Int(leaf.version)
        self.in = [:]
        var changed: [String: Hex] = [:]
        for register in Register.allCases {
            if before[register] != 0 { self.in[register.rawValue] = Hex(rawValue: before[register]) }
            if before[register] != after[register] { changed[register.rawValue] = Hex(rawValue: after[register]) }
        }
        let usual = named == nil ? UInt64(leaf.number) : UInt64(leaf.number) | UInt64(leaf.version) << 16
        if leaf.rawValue != usual { self.in["rax"] = Hex(rawValue: leaf.rawValue) }
        out = changed
        status = HexCompletion(rawValue: completion.rawValue)
        statusName = completion.name
        operand = completion.operand?.name
    }

    /// RAX on the way in.
    ///
    /// - Throws: ``TraceError`` for an op that is neither a leaf's name nor a number.
    public func leaf() throws(TraceError) -> Leaf {
        if let rax = self.in["rax"] { return Leaf(rawValue: rax.rawValue) }
        if let number = Hex.parse(op), let number = UInt16(exactly: number) { return Leaf(number) }
        guard let info = LeafInfo.named(op), let version = UInt8(exactly: version ?? 0) else {
            throw TraceError("no such step: \(op)")
        }
        return Leaf(info.number, version: version)
    }

    /// The register file on the way in.
    ///
    /// - Throws: ``TraceError`` for a register that is none.
    public func input() throws(TraceError) -> Registers {
        var registers = Registers()
        for (name, value) in self.in where name != "rax" {
            guard let register = Register(rawValue: name) else { throw TraceError("no such register: \(name)") }
            registers[register] = value.rawValue
        }
        return registers
    }
}

extension CallStep: Codable {
    private enum CodingKeys: String, CodingKey {
        case op, lp, version, status, operand, out, unstable, entered, concurrent, contention, note
        case `in`
        case statusName = "status_name"
        case stateChanged = "state_changed"
        case tdRegs = "td_regs"
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(op, forKey: .op)
        try container.encode(lp, forKey: .lp)
        try container.encodeIfPresent(version, forKey: .version)
        try container.encode(self.in, forKey: .in)
        try container.encodeIfPresent(status, forKey: .status)
        try container.encodeIfPresent(statusName, forKey: .statusName)
        // An answer says so when it blames no operand.
        if status != nil { try container.encode(operand, forKey: .operand) }
        try container.encodeIfPresent(out, forKey: .out)
        try container.encodeIfPresent(unstable, forKey: .unstable)
        try container.encodeIfPresent(stateChanged, forKey: .stateChanged)
        try container.encodeIfPresent(entered, forKey: .entered)
        try container.encodeIfPresent(tdRegs, forKey: .tdRegs)
        try container.encodeIfPresent(concurrent, forKey: .concurrent)
        try container.encodeIfPresent(contention, forKey: .contention)
        try container.encodeIfPresent(note, forKey: .note)
    }
}

/// The vCPU inside its TD on a processor exits; the answer is what TDH.VP.ENTER returns.
public struct TDEventStep: Hashable, Sendable {
    public var lp: Int
    public var tdExit: Exit
    /// As in ``CallStep``; absent where the module handles the exit and the vCPU stays in.
    public var status: HexCompletion?
    public var statusName: String?
    public var operand: String?
    public var out: [String: Hex]?
    public var staysInTD: Bool?
    /// The guest's registers if it stays in; those not listed are zero.
    public var tdRegsAfter: [String: Hex]?
    public var note: String?

    /// The exit, and what the guest changed before it.
    public struct Exit: Hashable, Sendable, Codable {
        /// VMX basic exit reason.
        public var reason: Int
        public var qualification: Hex?
        public var gpa: Hex?
        public var tdRegs: [String: Hex]?

        private enum CodingKeys: String, CodingKey {
            case reason, qualification, gpa
            case tdRegs = "td_regs"
        }
    }
}

extension TDEventStep: Codable {
    private enum CodingKeys: String, CodingKey {
        case lp, status, operand, out, note
        case tdExit = "td_exit"
        case statusName = "status_name"
        case staysInTD = "stays_in_td"
        case tdRegsAfter = "td_regs_after"
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(lp, forKey: .lp)
        try container.encode(tdExit, forKey: .tdExit)
        try container.encodeIfPresent(status, forKey: .status)
        try container.encodeIfPresent(statusName, forKey: .statusName)
        if status != nil { try container.encode(operand, forKey: .operand) }
        try container.encodeIfPresent(out, forKey: .out)
        try container.encodeIfPresent(staysInTD, forKey: .staysInTD)
        try container.encodeIfPresent(tdRegsAfter, forKey: .tdRegsAfter)
        try container.encodeIfPresent(note, forKey: .note)
    }
}
