internal import Glibc
internal import Threading

/// One connection to a Unix socket, as a client without manners uses it.
struct StreamClient {
    private static let patienceSeconds = 10
    /// How long a piece may lie unread before the next one is sent all the same.
    private static let pieceTries = 200
    private static let pieceWait = Duration.microseconds(20)
    // SOCK_STREAM with SOCK_CLOEXEC, SHUT_WR and SIOCOUTQ in numbers, since not every importer shows them.
    private static let streamSocket: Int32 = 1 | 0o2_000_000
    private static let shutWriting: Int32 = 1
    private static let unreadBytes: UInt = 0x5411
    private static let answerBytesMax = 64 << 20

    private let descriptor: Int32

    init(path: String) {
        descriptor = socket(AF_UNIX, Self.streamSocket, 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        // SAFETY: our paths are shorter than the field.
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: Array(path.utf8)) }
        var patience = timeval(tv_sec: Self.patienceSeconds, tv_usec: 0)
        // SAFETY: the calls read the structures they are given, with their sizes.
        let result = unsafe withUnsafePointer(to: address) { pointer in
            for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
                unsafe setsockopt(descriptor, SOL_SOCKET, option, &patience, socklen_t(MemoryLayout<timeval>.size))
            }
            return unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        if result != 0 { finding("the listener does not take connections (errno \(errno))") }
    }

    func close() { Glibc.close(descriptor) }

    func stopSending() { shutdown(descriptor, Self.shutWriting) }

    /// False when the listener has closed its side. Answers that nobody reads do not hold it up: they are few.
    @discardableResult
    func send(_ bytes: ArraySlice<UInt8>) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            // SAFETY: the bytes are read during the call.
            let sent = unsafe rest.withUnsafeBytes {
                unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if sent <= 0 { return false }
            rest = rest.dropFirst(sent)
        }
        return true
    }

    /// Waits until what was sent has been read, so that the next piece arrives by itself.
    func waitUntilTaken() {
        for _ in 0..<Self.pieceTries {
            var unread: Int32 = 0
            // SAFETY: the call writes one Int32.
            guard unsafe ioctl(descriptor, Self.unreadBytes, &unread) == 0, unread > 0 else { return }
            sleepBlocking(Self.pieceWait)
        }
    }

    /// Waits until something has come, or the connection has ended.
    func waitForAnswer() {
        var awaited = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        // SAFETY: one entry.
        _ = unsafe poll(&awaited, 1, Int32(Self.patienceSeconds * 1_000))
    }

    /// Everything up to the end of the connection; nil when it does not end in time.
    func receiveAll() -> [UInt8]? {
        var received: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 * 1024)
        while received.count < Self.answerBytesMax {
            // SAFETY: as many bytes as the array has.
            let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
            if count > 0 {
                received += buffer[..<count]
            } else {
                return count < 0 && errno == EAGAIN ? nil : received
            }
        }
        return nil
    }
}
