import Glibc
import Testing

/// A client that sends exactly the bytes it is told to, and reads answers strictly.
/// One thread may send while another receives.
final class RawClient: @unchecked Sendable {
    struct Answer {
        var status: Int
        var fields: [(name: String, value: String)]
        var body: [UInt8]

        subscript(name: String) -> String? { fields.first { $0.name.lowercased() == name.lowercased() }?.value }

        var text: String { String(decoding: body, as: UTF8.self) }
    }

    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    // SOCK_STREAM with SOCK_CLOEXEC, SHUT_WR and SHUT_RDWR in numbers: the enumerators are not always visible, depending
    // on which module read their header first.
    private static let streamSocket: Int32 = 1 | 0o2_000_000
    private static let shutWriting: Int32 = 1
    private static let shutBoth: Int32 = 2

    /// No test waits longer to get a byte or to be rid of one.
    static let patienceSeconds = 30

    private let descriptor: Int32
    private var received: [UInt8] = []
    private var isOpen = true

    init(port: UInt16) throws {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        descriptor = try Self.connect(AF_INET, address)
    }

    init(path: String) throws {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        // SAFETY: test paths are shorter than the field.
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: Array(path.utf8)) }
        descriptor = try Self.connect(AF_UNIX, address)
    }

    deinit { close() }

    private static func connect<Address>(_ family: Int32, _ address: Address) throws -> Int32 {
        let descriptor = socket(family, streamSocket, 0)
        var patience = timeval(tv_sec: patienceSeconds, tv_usec: 0)
        // SAFETY: the calls read the structures they are given, with their sizes.
        let result = unsafe withUnsafePointer(to: address) { pointer in
            for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
                unsafe setsockopt(descriptor, SOL_SOCKET, option, &patience, socklen_t(MemoryLayout<timeval>.size))
            }
            return unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<Address>.size))
            }
        }
        guard result == 0 else {
            let reason = errno
            Glibc.close(descriptor)
            throw Failure(description: "connect: errno \(reason)")
        }
        return descriptor
    }

    func close() {
        if isOpen { Glibc.close(descriptor) }
        isOpen = false
    }

    private func setLinger(_ option: inout linger) {
        // SAFETY: the call reads one structure.
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    }

    /// Leaves without good manners: the server sees a reset.
    func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setLinger(&option)
        close()
    }

    /// Ends both directions without giving the descriptor up: a thread may be sending.
    func abort() { shutdown(descriptor, Self.shutBoth) }

    func stopSending() { shutdown(descriptor, Self.shutWriting) }

    /// A small receive buffer makes a slow reader felt sooner.
    func shrinkReceiveBuffer(to bytes: Int32) {
        var bytes = bytes
        // SAFETY: the call reads one Int32.
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, socklen_t(MemoryLayout<Int32>.size))
    }

    /// Sends everything, or stops when the server has closed; says how much went out.
    @discardableResult
    func send(_ bytes: [UInt8]) -> Int {
        var offset = 0
        while offset < bytes.count {
            let sent = unsafe bytes.withUnsafeBytes { buffer in
                // SAFETY: what is left of the array.
                let rest = unsafe UnsafeRawBufferPointer(rebasing: buffer[offset...])
                return unsafe Glibc.send(descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
            }
            if sent <= 0 { break }
            offset += sent
        }
        return offset
    }

    @discardableResult
    func send(_ text: String) -> Int { send([UInt8](text.utf8)) }

    func get(_ target: String, _ fields: String = "") { send("GET \(target) HTTP/1.1\r\nHost: test\r\n\(fields)\r\n") }

    /// Reads some bytes; false at the end of the stream or after a reset.
    @discardableResult
    func receiveMore() throws -> Bool {
        var buffer = [UInt8](repeating: 0, count: 64 * 1024)
        // SAFETY: as many bytes as the array has.
        let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
        if count > 0 {
            received += buffer[..<count]
            return true
        }
        if count < 0, errno == EAGAIN { throw Failure(description: "nothing came for \(Self.patienceSeconds) s") }
        return false
    }

    /// True once the server has closed its side and everything before that has been read.
    var hasEnded: Bool {
        var byte: UInt8 = 0
        // SAFETY: one byte.
        let count = unsafe recv(descriptor, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT))
        return count == 0 || (count < 0 && errno != EAGAIN)
    }

    /// Takes `count` bytes of what has come or is to come.
    func take(_ count: Int) throws -> [UInt8] {
        while received.count < count {
            guard try receiveMore() else {
                throw Failure(description: "closed after \(received.count) of \(count) bytes")
            }
        }
        defer { received.removeFirst(count) }
        return Array(received[..<count])
    }

    func takeLine() throws -> String {
        var searched = 0
        while true {
            if let end = received[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                let line = try take(end + 1)
                guard line.suffix(2) == [13, 10] else { throw Failure(description: "a line does not end with CR LF") }
                return String(decoding: line.dropLast(2), as: UTF8.self)
            }
            searched = received.count
            guard try receiveMore() else {
                throw Failure(description: "closed inside a line: \(String(decoding: received, as: UTF8.self))")
            }
        }
    }

    func takeHead() throws -> Answer {
        let parts = try takeLine().split(separator: " ", maxSplits: 2)
        guard parts.count >= 2, parts[0] == "HTTP/1.1", let status = Int(parts[1]) else {
            throw Failure(description: "no status line: \(parts)")
        }
        var answer = Answer(status: status, fields: [], body: [])
        while true {
            let line = try takeLine()
            if line.isEmpty { return answer }
            guard let colon = line.firstIndex(of: ":") else { throw Failure(description: "no field: \(line)") }
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            answer.fields.append((String(line[..<colon]), String(value)))
        }
    }

    /// One chunk of a chunked body; empty at its end.
    func takeChunk() throws -> [UInt8] {
        let line = try takeLine()
        guard let count = Int(line, radix: 16) else { throw Failure(description: "no chunk size: \(line)") }
        let bytes = try take(count)
        guard try takeLine().isEmpty else { throw Failure(description: "a chunk is longer than it says") }
        return bytes
    }

    func takeAnswer(isHead: Bool = false) throws -> Answer {
        var answer = try takeHead()
        if isHead || answer.status == 304 || answer.status == 204 || answer.status < 200 { return answer }
        if answer["Transfer-Encoding"] == "chunked" {
            while true {
                let chunk = try takeChunk()
                if chunk.isEmpty { return answer }
                answer.body += chunk
            }
        }
        guard let count = answer["Content-Length"].flatMap({ Int($0) }) else {
            throw Failure(description: "an answer without length")
        }
        answer.body = try take(count)
        return answer
    }

    /// Everything up to the end of the connection.
    func takeRest() throws -> String {
        while try receiveMore() {}
        defer { received = [] }
        return String(decoding: received, as: UTF8.self)
    }

    /// True when the server closes and nothing is left over.
    func isClosedCleanly() throws -> Bool {
        while try receiveMore() {}
        return received.isEmpty
    }
}
