internal import TDXCalls

/// The registers that the shim carries: RCX, RDX, R8, R9, R10, R11.
public struct SixRegisters: Hashable, Sendable {
    public var rcx: UInt64 = 0
    public var rdx: UInt64 = 0
    public var r8: UInt64 = 0
    public var r9: UInt64 = 0
    public var r10: UInt64 = 0
    public var r11: UInt64 = 0

    public init() {}

    fileprivate func write(to writer: inout ByteWriter) {
        writer.append(rcx)
        writer.append(rdx)
        writer.append(r8)
        writer.append(r9)
        writer.append(r10)
        writer.append(r11)
    }

    fileprivate init(_ reader: inout ByteReader) throws(MessageFault) {
        rcx = try reader.number()
        rdx = try reader.number()
        r8 = try reader.number()
        r9 = try reader.number()
        r10 = try reader.number()
        r11 = try reader.number()
    }
}

/// `struct tdx_shim_upcall_request`, and what follows it.
public struct ModuleRequest: Hashable, Sendable {
    public var kind: MessageKind
    /// Told in the reply.
    public var sequence: UInt64
    /// RAX on entry.
    public var rax: UInt64 = 0
    /// Addresses and KeyIDs as they are.
    public var registers = SixRegisters()
    /// The page that was flushed for this call; 0 if none.
    public var flushed: UInt64 = 0
    /// Where the memory is whose contents follow; 0 if none.
    public var memory: UInt64 = 0
    public var processor: UInt32 = 0
    public var package: UInt32 = 0
    public var payload: ArraySlice<UInt8> = []

    public init(_ kind: MessageKind, sequence: UInt64) {
        self.kind = kind
        self.sequence = sequence
    }

    /// Bytes without a payload.
    public static let headBytes = 104

    public var bytes: [UInt8] {
        var writer = ByteWriter(capacity: Self.headBytes + payload.count)
        writer.append(UInt32(Self.headBytes + payload.count))
        writer.append(kind.rawValue)
        writer.append(sequence)
        writer.append(rax)
        registers.write(to: &writer)
        writer.append(flushed)
        writer.append(memory)
        writer.append(UInt32(payload.count))
        writer.append(processor)
        writer.append(package)
        writer.append(UInt32(0))
        writer.append(contentsOf: payload)
        return writer.bytes
    }

    /// - Throws: ``MessageFault`` if the lengths do not agree, or a reserved field is not zero.
    public init(_ bytes: ArraySlice<UInt8>) throws(MessageFault) {
        var reader = ByteReader(bytes)
        guard try reader.number(UInt32.self) == bytes.count else { throw MessageFault("a request is not of its size") }
        kind = MessageKind(rawValue: try reader.number())
        sequence = try reader.number()
        rax = try reader.number()
        registers = try SixRegisters(&reader)
        flushed = try reader.number()
        memory = try reader.number()
        let payloadBytes = try reader.number(UInt32.self)
        processor = try reader.number()
        package = try reader.number()
        guard try reader.number(UInt32.self) == 0 else { throw MessageFault("a reserved field is not zero") }
        guard payloadBytes == reader.remaining else { throw MessageFault("a payload is not of its size") }
        payload = try reader.take(reader.remaining)
    }
}

/// `struct tdx_shim_upcall_reply`, and what follows it on a socket.
public struct ModuleReply: Hashable, Sendable {
    public var sequence: UInt64
    /// RAX on return.
    public var rax: UInt64 = 0
    public var registers = SixRegisters()
    /// What a port failed with, on a socket only: the payload says why.
    var failure: PortError.Reason?
    public var payload: ArraySlice<UInt8> = []

    public init(to request: ModuleRequest) { sequence = request.sequence }

    public static let headBytes = 72

    public var bytes: [UInt8] {
        var writer = ByteWriter(capacity: Self.headBytes + payload.count)
        writer.append(UInt32(Self.headBytes + payload.count))
        writer.append(failure.map(Self.code) ?? 0)
        writer.append(sequence)
        writer.append(rax)
        registers.write(to: &writer)
        writer.append(contentsOf: payload)
        return writer.bytes
    }

    /// - Throws: ``MessageFault`` if the length does not agree, or the failure is none.
    public init(_ bytes: ArraySlice<UInt8>) throws(MessageFault) {
        var reader = ByteReader(bytes)
        guard try reader.number(UInt32.self) == bytes.count else { throw MessageFault("a reply is not of its size") }
        let code = try reader.number(UInt32.self)
        if code > 0 {
            guard let failure = Self.reasons.first(where: { Self.code($0) == code }) else {
                throw MessageFault("a reply has a failure that nobody knows: \(code)")
            }
            self.failure = failure
        }
        sequence = try reader.number()
        rax = try reader.number()
        registers = try SixRegisters(&reader)
        payload = try reader.take(reader.remaining)
    }

    private static let reasons: [PortError.Reason] = [.notExecuted, .outcomeUnknown, .exhausted, .unsupported]

    private static func code(_ reason: PortError.Reason) -> UInt32 {
        switch reason {
        case .notExecuted: 1
        case .outcomeUnknown: 2
        case .exhausted: 3
        case .unsupported: 4
        }
    }
}

/// Limits of a message.
public enum MessageLimits {
    /// Bytes of host memory, or of a description, in one message.
    public static let payloadBytesMax = 1 << 16
    /// Bytes of the longest message.
    public static let bytesMax = ModuleRequest.headBytes + payloadBytesMax
    /// What the two ends agree on first.
    static let version: UInt64 = 2
}
