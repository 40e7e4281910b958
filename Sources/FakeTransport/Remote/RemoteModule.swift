internal import Glibc
public import TDXCalls
internal import Threading

/// Both ports on a module that another process serves.
///
/// Calls may be made at the same time: each has a connection of its own meanwhile. A connection that breaks is replaced as
/// long as the other end is the same process and still knows us; if it is not, its TDs are not ours, and every call fails.
public final class RemoteModule: Sendable {
    private let place: SocketPlace
    private let token: ServedSession.Token
    /// As long as this is open, the other end keeps our session.
    private let life: MessageSocket
    private let described: ServedDescription
    private let idle = Locked<[MessageSocket]>([])
    /// Why nothing works any more: what the host was told last may not have got there.
    private let breakdown = Locked<PortError?>(nil)

    /// Connections that are kept for the next call.
    static let idleMax = 64

    /// Connects, and learns what the module is.
    ///
    /// - Parameter path: of the socket; its owner must be root or our own user.
    /// - Throws: ``TransportError`` if nobody serves there who may, or who says what cannot be.
    public init(path: String) throws(TransportError) {
        place = SocketPlace(path: path)
        token = ServedSession.Token(
            high: UInt64.random(in: .min ... .max), low: UInt64.random(in: .min ... .max))
        (life, described) = try Self.connect(place, token, .life)
    }

    /// What the other end says of its machine, in its own words.
    public var platform: [UInt8] { described.platform }

    /// What the next process needs to take over what the module holds of ours: two words that nobody can guess.
    public var session: [UInt64] { [token.high, token.low] }

    private static func connect(
        _ place: SocketPlace, _ token: ServedSession.Token, _ role: HelloRole
    ) throws(TransportError) -> (MessageSocket, ServedDescription) {
        var hello = ModuleRequest(.hello, sequence: 0)
        hello.registers.rdx = token.high
        hello.registers.r8 = token.low
        hello.registers.r9 = role.rawValue
        let (socket, reply) = try place.sayHello(hello)
        do throws(MessageFault) {
            return (socket, try ServedDescription(reply.payload, backend: "fake"))
        } catch {
            throw TransportError("\(place.path): \(error.reason)")
        }
    }

    /// One request and its reply.
    func exchange(_ request: ModuleRequest) throws(PortError) -> ModuleReply {
        if let breakdown = breakdown.withLock({ $0 }) { throw breakdown }
        let bytes = request.bytes
        var socket = idle.withLock { $0.popLast() }
        if let kept = socket, kept.send(bytes) != nil { socket = nil }
        let connection: MessageSocket
        if let socket {
            connection = socket
        } else {
            connection = try newConnection()
            if let failure = connection.send(bytes) { throw PortError(.notExecuted, failure) }
        }
        switch connection.receive() {
        case .nothing(let failure): throw PortError(.outcomeUnknown, "no answer came: \(failure)")
        case .message(let answer):
            let reply: ModuleReply
            do throws(MessageFault) {
                reply = try ModuleReply(answer[...])
                guard reply.sequence == request.sequence else { throw MessageFault("an answer to another question") }
            } catch {
                throw PortError(.outcomeUnknown, "no answer that can be understood came: \(error.reason)")
            }
            idle.withLock { if $0.count < Self.idleMax { $0.append(connection) } }
            if let reason = reply.failure { throw PortError(reason, String(decoding: reply.payload, as: UTF8.self)) }
            return reply
        }
    }

    private func newConnection() throws(PortError) -> MessageSocket {
        // The idle ones are as old as the one that broke.
        idle.withLock { $0 = [] }
        do throws(TransportError) {
            return try Self.connect(place, token, .calls).0
        } catch {
            throw PortError(.notExecuted, error.description)
        }
    }

    func request(_ kind: MessageKind, _ first: UInt64 = 0, _ second: UInt64 = 0, _ third: UInt64 = 0)
        -> ModuleRequest
    {
        var request = ModuleRequest(kind, sequence: Self.nextSequence())
        request.registers.rcx = first
        request.registers.rdx = second
        request.registers.r8 = third
        return request
    }

    /// Each connection has one request at a time: the number only has to tell a late answer from a right one.
    private static func nextSequence() -> UInt64 { MonotonicTime.now.nanoseconds }

    /// For what has no answer: nothing works any more if it may not have been done, since the module would then be
    /// given what it must not be.
    private func tell(_ request: ModuleRequest) {
        do throws(PortError) {
            _ = try exchange(request)
        } catch {
            breakdown.withLock { breakdown in
                breakdown =
                    breakdown
                    ?? PortError(.notExecuted, "the module's host did not do as it was told: \(error.explanation)")
            }
        }
    }
}

extension RemoteModule: SEAMCALLPort {
    public var retriesEntropy: Bool { described.retriesEntropy }

    public func call(
        _ leaf: Leaf, _ registers: inout Registers, on processor: Processor
    ) throws(PortError) -> Completion {
        try exchange(ModuleRequest(leaf, registers, on: processor, sequence: Self.nextSequence()))
            .completion(&registers)
    }
}

extension RemoteModule: HostPort {
    public var largePagesRefusal: String? { "a fake behind a socket hands out single pages, not 2 MiB in a row" }

    public var processors: [ProcessorInfo] { described.processors }
    public var module: ModuleInformation { described.module }
    public var capacity: HostCapacity { described.capacity }

    public func allocatePage() throws(PortError) -> PageAddress<HostOwned> {
        let address = try exchange(request(.allocatePage)).registers.rcx
        guard address.isMultiple(of: UInt64(pageSizeBytes)) else {
            throw PortError(.outcomeUnknown, "a page is at no page's address")
        }
        return PageAddress(rawValue: address)
    }

    public func flush(_ page: PageAddress<HostOwned>) { tell(request(.flushPage, page.rawValue)) }
    public func clear(_ page: PageAddress<HostOwned>) { tell(request(.clearPage, page.rawValue)) }
    public func free(_ page: PageAddress<HostOwned>) { tell(request(.freePage, page.rawValue)) }

    public func allocateKeyID() throws(PortError) -> KeyID {
        let number = try exchange(request(.allocateKeyID)).registers.rcx
        guard let keyID = UInt16(exactly: number) else { throw PortError(.outcomeUnknown, "a KeyID is none") }
        return KeyID(rawValue: keyID)
    }

    public func freeKeyID(_ keyID: KeyID) { tell(request(.freeKeyID, UInt64(keyID.rawValue))) }

    public func allocateMemory(bytes: Int) throws(PortError) -> HostMemory {
        let reply = try exchange(request(.allocateMemory, UInt64(clamping: bytes)))
        guard let size = Int(exactly: reply.registers.rdx), size >= bytes else {
            throw PortError(.outcomeUnknown, "the memory is shorter than was asked for")
        }
        return HostMemory(address: reply.registers.rcx, sizeBytes: size)
    }

    public func freeMemory(_ memory: HostMemory) { tell(request(.freeMemory, memory.address)) }

    public func write(_ bytes: [UInt8], to memory: HostMemory, at offset: Int) {
        for start in stride(from: 0, to: bytes.count, by: MessageLimits.payloadBytesMax) {
            var request = request(.writeMemory, memory.address, UInt64(clamping: offset + start))
            request.payload = bytes[start..<min(bytes.count, start + MessageLimits.payloadBytesMax)]
            tell(request)
        }
    }

    public func read(_ memory: HostMemory, at offset: Int, count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            let part = min(MessageLimits.payloadBytesMax, count - bytes.count)
            let request = request(
                .readMemory, memory.address, UInt64(clamping: offset + bytes.count), UInt64(part))
            // Whoever reads finds zeroes then; `tell` has seen to it that no call is made on them.
            guard let read = try? exchange(request).payload, read.count == part else {
                tell(request)
                return bytes + [UInt8](repeating: 0, count: count - bytes.count)
            }
            bytes += read
        }
        return bytes
    }
}
