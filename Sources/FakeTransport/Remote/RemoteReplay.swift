public import TDXCalls
internal import Threading

/// A fresh module in another process, for one recording; it ends with this. One request at a time.
public final class RemoteReplay: SEAMCALLPort {
    private let socket: MessageSocket
    private let sequence = Locked<UInt64>(0)

    /// - Parameters:
    ///   - path: of the socket; its owner must be root or our own user.
    ///   - head: what the other end is to know of the recording, in its words.
    /// - Throws: ``TransportError`` if nobody replays there, or there is no such module.
    public init(path: String, head: [UInt8]) throws(TransportError) {
        guard head.count <= MessageLimits.payloadBytesMax else {
            throw TransportError("\(path): the recording's head does not fit a message")
        }
        var hello = ModuleRequest(.hello, sequence: 0)
        hello.registers.r9 = HelloRole.replay.rawValue
        hello.payload = head[...]
        (socket, _) = try SocketPlace(path: path).sayHello(hello)
    }

    public func call(
        _ leaf: Leaf, _ registers: inout Registers, on processor: Processor
    ) throws(PortError) -> Completion {
        let input = registers
        return try exchange { ModuleRequest(leaf, input, on: processor, sequence: $0) }.completion(&registers)
    }

    /// Has the other end do what the recording arranges; at most 64 KiB either way.
    public func arrange(_ order: [UInt8]) throws(PortError) -> [UInt8] {
        guard order.count <= MessageLimits.payloadBytesMax else {
            throw PortError(.notExecuted, "the order does not fit a message")
        }
        return Array(
            try exchange { sequence in
                var request = ModuleRequest(.arrange, sequence: sequence)
                request.payload = order[...]
                return request
            }.payload)
    }

    private func exchange(_ request: (UInt64) -> ModuleRequest) throws(PortError) -> ModuleReply {
        try sequence.withLock { (sequence) throws(PortError) in
            sequence += 1
            let request = request(sequence)
            if let failure = socket.send(request.bytes) { throw PortError(.notExecuted, failure) }
            guard case .message(let bytes) = socket.receive() else {
                throw PortError(.outcomeUnknown, "no answer came")
            }
            let reply: ModuleReply
            do throws(MessageFault) {
                reply = try ModuleReply(bytes[...])
                guard reply.sequence == request.sequence else { throw MessageFault("an answer to another question") }
            } catch {
                throw PortError(.outcomeUnknown, error.reason)
            }
            if let reason = reply.failure { throw PortError(reason, String(decoding: reply.payload, as: UTF8.self)) }
            return reply
        }
    }
}
