internal import Synchronization
public import TDXCalls

/// For whom calls are made: shared by the records of a step.
final class CallContext: Sendable {
    let td: ResourceID?
    let operation: ResourceID?
    let requester: Requester

    init(td: ResourceID?, operation: ResourceID?, requester: Requester) {
        self.td = td
        self.operation = operation
        self.requester = requester
    }
}

/// One SEAMCALL as it went: what was asked, what came back, for whom. Immutable once it is written down, and
/// kept when the TD is gone: half a million of them, so its members are packed.
public final class CallRecord: Sendable {
    private let number: UInt128
    private let pageNumber: UInt128
    private let pageAddress: UInt64
    private let context: CallContext
    private let lastSequence: Atomic<UInt64>
    public let at: WallTime
    public let durationNanos: UInt64
    public let leaf: Leaf
    public let input: CallRegisters
    public let output: CallRegisters
    public let result: Result
    private let attempts: UInt32
    private let repeated: UInt32
    private let lastRCX: UInt64
    private let lastRepeat: UInt64
    public let processor: Processor
    public let package: Package?
    private let vcpuNumber: UInt32?
    public let keyID: KeyID?
    private let pageKind: PageKind?
    private let hasPage: Bool
    /// What was made of the answer.
    public let handledAs: Handling

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

    /// - Parameters:
    ///   - attempt: 1 for the first try of this call, counted on through retries.
    ///   - times: how many accepted calls it sums up.
    ///   - last: RCX of the last of them.
    init(
        _ seen: Attempt, id: ResourceID, in context: CallContext, package: Package?, attempt: Int,
        as handling: Handling, page: PageArgument? = nil, keyID: KeyID? = nil, vcpu: Int? = nil, times: Int = 1,
        last: UInt64? = nil
    ) {
        number = id.value
        self.context = context
        lastSequence = Atomic(0)
        at = seen.at
        durationNanos = seen.durationNanos
        leaf = seen.leaf
        processor = seen.processor
        self.package = package
        attempts = UInt32(clamping: attempt)
        repeated = UInt32(clamping: times - 1)
        lastRCX = last ?? seen.input.rcx
        lastRepeat = 0
        input = seen.input
        output = seen.output
        result = seen.result
        handledAs = handling
        hasPage = page != nil
        pageNumber = page?.id.value ?? 0
        pageKind = page?.kind
        pageAddress = page?.address.rawValue ?? 0
        self.keyID = keyID
        vcpuNumber = vcpu.map { UInt32(clamping: $0) }
    }

    /// `first` with one more repeat, `next`, and the time of it added.
    private init(_ first: CallRecord, absorbing next: CallRecord) {
        number = first.number
        context = first.context
        lastSequence = Atomic(first.sequence)
        at = first.at
        durationNanos = first.durationNanos + next.durationNanos
        leaf = first.leaf
        processor = first.processor
        package = first.package
        attempts = first.attempts
        repeated = UInt32(clamping: first.repeats + 1 + next.repeats)
        lastRCX = next.lastRCX
        lastRepeat = next.lastSequenceOfRun
        input = first.input
        output = next.output
        result = first.result
        handledAs = first.handledAs
        hasPage = first.hasPage
        pageNumber = first.pageNumber
        pageKind = first.pageKind
        pageAddress = first.pageAddress
        keyID = first.keyID
        vcpuNumber = first.vcpuNumber
    }

    public var id: ResourceID { ResourceID(.seamcall, number) }
    /// Its place among all events; 0 until it is written down.
    public var sequence: UInt64 { lastSequence.load(ordering: .relaxed) }
    public var td: ResourceID? { context.td }
    public var operation: ResourceID? { context.operation }
    public var requester: Requester { context.requester }
    public var attempt: Int { Int(attempts) }
    /// How many answers like this one followed it at once; they are not kept one by one. Of a call that goes from
    /// address to address (TDH.MEM.SEPT.ADD, TDH.MEM.PAGE.ADD, TDH.MR.EXTEND, TDH.PHYMEM.PAGE.RECLAIM of guest memory)
    /// those that were accepted are summed up too: the registers are the first one's, ``lastInputRCX`` the last one's,
    /// ``durationNanos`` is for all of them. A refusal always has a record of its own.
    public var repeats: Int { Int(repeated) }
    /// RCX of the last call it stands for: where a run of memory calls has come to.
    public var lastInputRCX: UInt64 { lastRCX }
    /// The place of the last call it stands for, among all events.
    public var lastSequenceOfRun: UInt64 { max(lastRepeat, sequence) }
    public var vcpu: Int? { vcpuNumber.map { Int($0) } }
    /// The page the call is about, where there is one.
    public var page: PageArgument? {
        guard hasPage else { return nil }
        return PageArgument(
            id: ResourceID(.page, pageNumber), kind: pageKind, address: PageAddress(rawValue: pageAddress))
    }

    /// Gives the record its place, in the commit that writes it down.
    func number(_ sequence: UInt64) { lastSequence.store(sequence, ordering: .relaxed) }

    public var completion: Completion? {
        if case .completion(let completion) = result { completion } else { nil }
    }

    /// Whether `next` says nothing this record does not: the same call with the same passing answer, or the next of a
    /// run.
    func absorbs(_ next: CallRecord) -> Bool {
        if isRun, next.isRun {
            return leaf == next.leaf && pageKind == next.pageKind && processor == next.processor && td == next.td
                && operation == next.operation
        }
        guard let completion, !completion.isSuccess, completion == next.completion, completion.outcome == .recoverable
        else { return false }
        return leaf == next.leaf && processor == next.processor && td == next.td && operation == next.operation
            && (input == next.input || leaf == .phymemCacheWB)
    }

    /// Whether it is one of many accepted calls of which nobody wants each: those for guest memory.
    var isRun: Bool {
        let isLeafOfRuns =
            switch leaf.number {
            case Leaf.memPageAdd.number, Leaf.mrExtend.number, Leaf.memSEPTAdd.number: true
            case Leaf.phymemPageReclaim.number: pageKind == .guest || pageKind == .sept
            default: false
            }
        guard isLeafOfRuns, handledAs == .accepted, case .completion(.success) = result else { return false }
        return true
    }

    func absorbing(_ next: CallRecord) -> CallRecord { CallRecord(self, absorbing: next) }
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
        if let place = placeToAbsorb(record) {
            records[place] = records[place].absorbing(record)
        } else if records.count < capacity {
            records.append(record)
        } else {
            records[start] = record
            start = (start + 1) % capacity
            dropped += 1
        }
    }

    mutating func append(contentsOf fresh: ArraySlice<CallRecord>) {
        if records.count + fresh.count <= capacity { records.reserveCapacity(records.count + fresh.count) }
        for record in fresh { append(record) }
    }

    /// The last record, or for a run the one before too: pages and their measurement alternate.
    private func placeToAbsorb(_ record: CallRecord) -> Int? {
        guard !records.isEmpty else { return nil }
        let last = (start + records.count - 1) % records.count
        if records[last].absorbs(record) { return last }
        guard record.isRun, records[last].isRun, records.count > 1 else { return nil }
        let before = (start + records.count - 2) % records.count
        return records[before].absorbs(record) ? before : nil
    }

    var count: Int { records.count }

    /// Records in order, the `offset` oldest skipped.
    var ordered: [CallRecord] {
        start == 0 ? records : Array(records[start...] + records[..<start])
    }
}
