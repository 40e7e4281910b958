internal import TDXCalls

/// A call of a recording, with whose it was.
struct ComparedCall {
    /// Counted from 0, as in the file.
    let step: Int
    let call: CallStep
    let leaf: Leaf
    let input: Registers
    /// What the host memory held that the call read: its register, and a hash that holds within this process.
    let source: (register: Register, hash: Int)?

    /// What two calls must have in common to be held against each other.
    var key: UInt64 { leaf.rawValue }

    var output: Registers {
        var registers = input
        for (name, value) in call.out ?? [:] {
            if let register = Register(rawValue: name) { registers[register] = value.rawValue }
        }
        return registers
    }
}

/// The calls of a recording, sorted by the TD each works on.
struct SortedCalls {
    /// By TD, counted from 1 in the order of their creation; 0 for what works on none.
    private(set) var groups: [[ComparedCall]] = [[]]
    /// What each page is to the TD that has it.
    private(set) var names: [PageNames] = [PageNames()]
    /// Calls that contention decided: they are nobody's doing but chance's.
    private(set) var leftOut = 0

    /// The TD of each page that one has.
    private var owners: [UInt64: Int] = [:]
    /// The TD that had a page last.
    private var formerOwners: [UInt64: Int] = [:]
    private var memory = HostMemoryPages()

    /// - Throws: ``TraceError`` for a step that cannot be read.
    init(_ trace: Trace, keyIDShift: UInt64, byTD: Bool) throws(TraceError) {
        for (index, step) in trace.steps.enumerated() {
            if byTD, case .memoryWrite(let write) = step { memory.write(try write.bytes(), at: write.hpa.rawValue) }
            guard case .call(let call) = step else { continue }
            guard call.contention != true, !(byTD && Self.isChance(call)) else {
                leftOut += 1
                continue
            }
            let leaf = try call.leaf()
            let input = try call.input()
            let compared = ComparedCall(
                step: index, call: call, leaf: leaf, input: input, source: byTD ? memory.source(of: leaf, input) : nil)
            let mask = (UInt64(1) << keyIDShift - 1) & ~0xfff
            let group = byTD ? attribute(compared, mask) : 0
            groups[group].append(compared)
        }
    }

    /// How often a write-back was interrupted says nothing of the TDs.
    private static func isChance(_ call: CallStep) -> Bool {
        Completion(rawValue: call.status?.rawValue ?? 0) == .interruptedResumable
    }

    /// The TD a call works on. A page that changes hands does so here.
    private mutating func attribute(_ compared: ComparedCall, _ mask: UInt64) -> Int {
        let input = compared.input
        let done = compared.call.status?.rawValue == 0
        let rcx = input.rcx & mask
        switch compared.leaf.number {
        case Leaf.mngCreate.number:
            guard done else { return 0 }
            groups.append([])
            names.append(PageNames())
            give(rcx, to: groups.count - 1)
            return groups.count - 1
        case Leaf.phymemPageReclaim.number:
            let owner = owners[rcx] ?? 0
            if done {
                owners[rcx] = nil
                formerOwners[rcx] = owner
            }
            return owner
        case Leaf.phymemPageWBINVD.number, Leaf.phymemPageRDMD.number:
            return owners[rcx] ?? formerOwners[rcx] ?? 0
        default: break
        }
        let operands = compared.leaf.info?.inputs ?? []
        let inRDX = operands.contains { $0.register == "RDX" && Self.namesOwner($0.name) }
        let owner = owners[(inRDX ? input.rdx : input.rcx) & mask] ?? 0
        guard done, owner > 0 else { return owner }
        for operand in operands where Self.namesGift(operand.name) {
            guard let register = Register(rawValue: operand.register.lowercased()) else { continue }
            give(input[register] & mask, to: owner)
        }
        return owner
    }

    private mutating func give(_ page: UInt64, to owner: Int) {
        owners[page] = owner
        names[owner].add(page)
    }

    private static func namesOwner(_ operand: String) -> Bool {
        (operand.hasPrefix("tdr") || operand.hasPrefix("tdvpr")) && !operand.hasSuffix("Page")
    }

    private static func namesGift(_ operand: String) -> Bool {
        ["tdrPage", "tdvprPage", "tdcxPage", "septPage", "targetPage", "page", "newPage"].contains(operand)
    }
}

/// Host memory as the recording fills it.
private struct HostMemoryPages {
    /// Pages that are not all zeroes.
    private var pages: [UInt64: [UInt8]] = [:]

    mutating func write(_ bytes: [UInt8], at address: UInt64) {
        var rest = bytes[...]
        var address = address
        while !rest.isEmpty {
            let offset = Int(address & 0xfff)
            let part = rest.prefix(pageSizeBytes - offset)
            var page = pages.removeValue(forKey: address >> 12) ?? [UInt8](repeating: 0, count: pageSizeBytes)
            page.replaceSubrange(offset..<offset + part.count, with: part)
            if page.contains(where: { $0 != 0 }) { pages[address >> 12] = page }
            address += UInt64(part.count)
            rest = rest.dropFirst(part.count)
        }
    }

    func source(of leaf: Leaf, _ input: Registers) -> (register: Register, hash: Int)? {
        switch leaf.number {
        case Leaf.mngInit.number: (.rdx, hash(input.rdx, TDParams.sizeBytes))
        case Leaf.memPageAdd.number: (.r9, hash(input.r9, pageSizeBytes))
        default: nil
        }
    }

    /// Of what lies within one page from `address` on.
    private func hash(_ address: UInt64, _ count: Int) -> Int {
        guard let page = pages[address >> 12] else { return 0 }
        let offset = Int(address & 0xfff)
        let bytes = page[offset..<min(offset + count, page.count)]
        var hasher = Hasher()
        for byte in bytes { hasher.combine(byte) }
        return bytes.contains { $0 != 0 } ? hasher.finalize() : 0
    }
}

/// The pages of a TD, numbered in the order in which it got them.
struct PageNames {
    private var numbers: [UInt64: Int] = [:]

    mutating func add(_ page: UInt64) {
        if numbers[page] == nil { numbers[page] = numbers.count }
    }

    /// The number of the page a value lies in, and what else the value has; nil if it is in none of them.
    func name(of value: UInt64, keyIDShift: UInt64) -> (page: Int, rest: UInt64)? {
        let mask = (UInt64(1) << keyIDShift - 1) & ~0xfff
        guard let page = numbers[value & mask] else { return nil }
        return (page, value & 0xfff)
    }
}
