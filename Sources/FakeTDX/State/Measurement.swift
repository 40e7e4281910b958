internal import Digests

/// What the measurement is told of: the name in its header block.
enum MeasuredEvent {
    case pageAdd, extend

    static let headerBytes = 128
    /// Bytes of guest memory that one MR.EXTEND takes.
    static let extendBytes = 256
    /// The hash counts in words, little endian as the processor.
    static let headerWords = headerBytes / 8

    /// The name in 16 bytes, zero-padded: `MEM.PAGE.ADD`, `MR.EXTEND`.
    fileprivate var name: (UInt64, UInt64) {
        switch self {
        case .pageAdd: (0x4547_4150_2e4d_454d, 0x4444_412e)
        case .extend: (0x4e45_5458_452e_524d, 0x44)
        }
    }
}

extension SHA384 {
    /// Feeds a header block: the event's name in 16 bytes, the guest address in 8, zeroes up to a block.
    mutating func add(_ event: MeasuredEvent, _ gpa: UInt64) {
        var block = InlineArray<16, UInt64>(repeating: 0)
        (block[0], block[1]) = event.name
        block[2] = gpa
        // SAFETY: integers have no padding, so all of the span's memory is initialised.
        unsafe update(block.span.bytes)
    }

    /// The same with 256 bytes of guest memory after it, in one piece: two would cost a sixth more.
    mutating func add(_ event: MeasuredEvent, _ gpa: UInt64, from memory: PhysicalMemory, at address: UInt64) {
        var block = InlineArray<48, UInt64>(repeating: 0)
        (block[0], block[1]) = event.name
        block[2] = gpa
        var span = block.mutableSpan
        // SAFETY: the memory fills what lies behind the header, which is as long as the content.
        unsafe span.withUnsafeMutableBytes { bytes in
            let content = unsafe bytes[
                MeasuredEvent.headerBytes..<MeasuredEvent.headerBytes + MeasuredEvent.extendBytes]
            unsafe memory.read(at: address, into: UnsafeMutableRawBufferPointer(rebasing: content))
        }
        // SAFETY: integers have no padding, so all of the span's memory is initialised.
        unsafe update(block.span.bytes)
    }
}
