internal import Glibc

extension SocketPlace {
    /// How long a call may take before its outcome counts as unknown; longer than any write-back.
    static let patienceSeconds = 300

    /// Connects, and says what for.
    ///
    /// - Throws: ``TransportError`` if nobody serves there who may, or who wants to.
    func sayHello(_ hello: ModuleRequest) throws(TransportError) -> (MessageSocket, ModuleReply) {
        let socket = try connect()
        guard let peer = socket.peerUserID, peer == 0 || peer == geteuid() else {
            throw TransportError("\(path): it is served by uid \(socket.peerUserID.map { "\($0)" } ?? "unknown")")
        }
        socket.setPatience(seconds: Self.patienceSeconds)
        var hello = hello
        hello.registers.rcx = MessageLimits.version
        if let failure = socket.send(hello.bytes) { throw TransportError("\(path): \(failure)") }
        switch socket.receive() {
        case .nothing(let failure): throw TransportError("\(path): \(failure)")
        case .message(let bytes):
            do throws(MessageFault) {
                let reply = try ModuleReply(bytes[...])
                if reply.failure != nil { throw MessageFault(String(decoding: reply.payload, as: UTF8.self)) }
                return (socket, reply)
            } catch {
                throw TransportError("\(path): \(error.reason)")
            }
        }
    }
}
