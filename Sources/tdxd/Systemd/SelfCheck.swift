internal import Glibc

/// Asks our own Unix socket for `/livez`, as a client would.
struct SelfCheck: Sendable {
    let path: String
    /// Longer than anybody would wait for an answer that needs no work.
    private static let patienceSeconds = 5
    private static let streamSocket: Int32 = 1 | 0o2_000_000
    private static let request = [UInt8]("GET /livez HTTP/1.1\r\nHost: tdxd\r\nConnection: close\r\n\r\n".utf8)
    /// Whatever the status is: who is over his limit of requests is answered all the same.
    private static let wanted = [UInt8]("HTTP/1.1 ".utf8)

    func isAnswered() -> Bool {
        let descriptor = socket(AF_UNIX, Self.streamSocket, 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        guard connect(descriptor) else { return false }
        // SAFETY: the bytes are read during the call.
        let sent = unsafe send(descriptor, Self.request, Self.request.count, Int32(MSG_NOSIGNAL))
        guard sent == Self.request.count else { return false }
        var answer = [UInt8](repeating: 0, count: Self.wanted.count)
        // SAFETY: as many bytes as the array has.
        let count = unsafe recv(descriptor, &answer, answer.count, Int32(MSG_WAITALL))
        guard count == answer.count else { return false }
        return answer == Self.wanted
    }

    private func connect(_ descriptor: Int32) -> Bool {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = [UInt8](path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return false }
        // SAFETY: fewer bytes than the field has; the rest is zero already.
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
        var patience = timeval(tv_sec: Self.patienceSeconds, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            // SAFETY: the call reads one structure.
            unsafe setsockopt(descriptor, SOL_SOCKET, option, &patience, socklen_t(MemoryLayout<timeval>.size))
        }
        return unsafe withUnsafePointer(to: address) { pointer in
            // SAFETY: a Unix address begins as sockaddr does.
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
    }
}
