public import TDXCalls

/// One SEAMCALL as it went: what was asked, what came back, for whom. Immutable, and kept when the TD is gone.
public final class CallRecord: Sendable {
    public let id: ResourceID
    public let sequence: UInt64
    public let at: WallTime
    public let durationNanos: UInt64
    public let leaf: Leaf
    public let processor: Processor
    public let package: Package?
    /// 1 for the first try of this call, counted on through retries.
    public let attempt: Int
    /// How many answers like this one followed it at once; they are not kept one by one.
    public let repeats: Int
    public let td: ResourceID?
    public let operation: ResourceID?
    public let requester: Requester
    public let input: CallRegisters
    public let output: CallRegisters
    public let result: Result
    public let handledAs: Handling
    /// The page the call is about, where there is one.
    public let page: PageArgument?
    public let keyID: KeyID?
    public let vcpu: Int?

    public enum Result: Hashable, Sendable {
        case completion(Completion)
        /// The instruction was not executed, or nobody knows.
        case port(PortError)
    }

    /// What the engine made of the answer.
    public enum Handling: String, Sendable {
        case accepted, retried, resumed, treatedAsDone, failed, quarantined
        /// A dry run: never issued.
        case planned
    }

    public struct PageArgument: Hashable, Sendable {
        public let id: ResourceID
        public let kind: PageKind?
        public let address: PageAddress<AnyPage>
    }

    init(
        id: ResourceID, sequence: UInt64, at: WallTime, durationNanos: UInt64, leaf: Leaf, processor: Processor,
        package: Package?, attempt: Int, repeats: Int, td: ResourceID?, operation: ResourceID?, requester: Requester,
        input: CallRegisters, output: CallRegisters, result: Result, handledAs: Handling, page: PageArgument?,
        keyID: KeyID?, vcpu: Int?
    ) {
        self.id = id
        self.sequence = sequence
        self.at = at
        self.durationNanos = durationNanos
        self.leaf = leaf
        self.processor = processor
        self.package = package
        self.attempt = attempt
        self.repeats = repeats
        self.td = td
        self.operation = operation
        self.requester = requester
        self.input = input
        self.output = output
        self.result = result
        self.handledAs = handledAs
        self.page = page
        self.keyID = keyID
        self.vcpu = vcpu
    }

    public var completion: Completion? {
        if case .completion(let completion) = result { completion } else { nil }
    }

    /// Whether `next` says nothing this record does not: the same call with the same passing answer.
    func absorbs(_ next: CallRecord) -> Bool {
        guard let completion, completion.outcome == .recoverable, completion == next.completion else { return false }
        return leaf == next.leaf && processor == next.processor && td == next.td && operation == next.operation
            && (input == next.input || leaf == .phymemCacheWB)
    }

    /// This record with one more repeat and the time of it added.
    func absorbing(_ next: CallRecord) -> CallRecord {
        CallRecord(
            id: id, sequence: sequence, at: at, durationNanos: durationNanos + next.durationNanos, leaf: leaf,
            processor: processor, package: package, attempt: attempt, repeats: repeats + 1, td: td,
            operation: operation, requester: requester, input: input, output: next.output, result: result,
            handledAs: handledAs, page: page, keyID: keyID, vcpu: vcpu)
    }
}

/// The six registers that the leaves the engine issues take and give.
public struct CallRegisters: Hashable, Sendable {
    public let rcx, rdx, r8, r9, r10, r11: UInt64

    public init(_ registers: Registers) {
        rcx = registers.rcx
        rdx = registers.rdx
        r8 = registers.r8
        r9 = registers.r9
        r10 = registers.r10
        r11 = registers.r11
    }

    public subscript(register: Register) -> UInt64? {
        switch register {
        case .rcx: rcx
        case .rdx: rdx
        case .r8: r8
        case .r9: r9
        case .r10: r10
        case .r11: r11
        default: nil
        }
    }
}

/// The last so many records, oldest first.
struct CallRing: Sendable {
    private var records: [CallRecord] = []
    private var start = 0
    let capacity: Int
    /// Records overwritten since the start.
    private(set) var dropped: UInt64 = 0

    init(capacity: Int) { self.capacity = capacity }

    mutating func append(_ record: CallRecord) {
        if let last = lastIndex, records[last].absorbs(record) {
            records[last] = records[last].absorbing(record)
        } else if records.count < capacity {
            records.append(record)
        } else {
            records[start] = record
            start = (start + 1) % capacity
            dropped += 1
        }
    }

    private var lastIndex: Int? {
        records.isEmpty ? nil : (start + records.count - 1) % records.count
    }

    var count: Int { records.count }

    /// Records in order, the `offset` oldest skipped.
    var ordered: [CallRecord] {
        start == 0 ? records : Array(records[start...] + records[..<start])
    }
}
