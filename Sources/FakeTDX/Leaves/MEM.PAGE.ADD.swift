internal import Digests
internal import TDXCalls

extension Call {
    /// TDH.MEM.PAGE.ADD, leaf 2: RCX guest address, RDX the TDR, R8 a free page, R9 a source page. The guest gets a
    /// copy of the source, and the measurement its address.
    mutating func memPageAdd() throws(Refusal) -> Completion {
        let (gpa, tdr) = (registers.rcx, registers.rdx)
        registers.rcx = 0
        registers.rdx = 0
        let td = try td(tdr, .rdx, .exclusive)
        try check(td, allow: .initialized, opStateLock: nil)
        // No tree lock and no entry lock: the TDR, held exclusively, keeps everybody else out.
        let operand = try gpaOperand(gpa, levels: 0...0, of: td)
        let found = try walkExactly(td, operand)
        guard found.word.state == .free else {
            report(found.word, level: found.level)
            throw Refusal(.eptEntryStateIncorrect, .rcx)
        }
        let source = try sharedAddress(registers.r9, alignment: UInt64(pageSizeBytes), .r9)
        let page = try page(registers.r8, .r8, .nda, .exclusive)

        // Commit.
        module.memory.copyPage(from: source, to: registers.r8)
        page.assign(.reg, owner: td.address)
        changeChildCount(of: td, by: 1)
        found.entry.store(SEPTWord(.mapped, page: registers.r8))
        td.measurement.add(.pageAdd, operand.gpa)
        return .success
    }
}

/// What the measurement is told of: the name in its header block.
enum MeasuredEvent {
    case pageAdd, extend

    static let headerBytes = 128
    /// Bytes of guest memory that one MR.EXTEND takes.
    static let extendBytes = 256

    fileprivate var name: StaticString {
        switch self {
        case .pageAdd: "MEM.PAGE.ADD"
        case .extend: "MR.EXTEND"
        }
    }
}

extension SHA384 {
    /// Feeds a header block: the event's name in 16 bytes, the guest address in 8, zeroes up to a block.
    mutating func add(_ event: MeasuredEvent, _ gpa: UInt64) {
        var block = InlineArray<128, UInt8>(repeating: 0)
        var span = block.mutableSpan
        Self.writeHeader(event, gpa, to: &span)
        // SAFETY: bytes have no padding, so all of the span's memory is initialised.
        unsafe update(block.span.bytes)
    }

    /// The same with content after it, in one piece: two would cost a sixth more.
    mutating func add(_ event: MeasuredEvent, _ gpa: UInt64, _ content: Span<UInt8>) {
        precondition(content.count == MeasuredEvent.extendBytes, "a measured chunk has one size")
        var block = InlineArray<384, UInt8>(repeating: 0)
        var span = block.mutableSpan
        Self.writeHeader(event, gpa, to: &span)
        for index in content.indices { span[MeasuredEvent.headerBytes + index] = content[index] }
        // SAFETY: bytes have no padding, so all of the span's memory is initialised.
        unsafe update(block.span.bytes)
    }

    private static func writeHeader(_ event: MeasuredEvent, _ gpa: UInt64, to block: inout MutableSpan<UInt8>) {
        event.name.withUTF8Buffer { name in
            // SAFETY: the buffer is the static string's own, read within its bounds.
            for index in name.indices { block[index] = unsafe name[index] }
        }
        for index in 0..<8 { block[16 + index] = UInt8(truncatingIfNeeded: gpa >> UInt64(8 * index)) }
    }
}
