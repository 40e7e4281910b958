internal import CMicroHTTPD
internal import Glibc
internal import HTTPExchange

/// A socket address of any family, as the system hands it over.
struct SocketAddress {
    private var storage: sockaddr_storage
    let count: socklen_t

    init(_ storage: sockaddr_storage, count: socklen_t) {
        self.storage = storage
        self.count = count
    }

    var family: Int32 { Int32(storage.ss_family) }

    func withSockaddr<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        // SAFETY: every socket address begins as sockaddr does, and the storage is large enough for each.
        unsafe withUnsafePointer(to: storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, count) }
        }
    }

    /// Lets `fill` write an address; nil when it fails.
    static func filled(
        by fill: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
    ) -> (result: Int32, address: SocketAddress) {
        var storage = sockaddr_storage()
        var count = socklen_t(MemoryLayout<sockaddr_storage>.size)
        // SAFETY: the storage has the room that `count` says.
        let result = unsafe withUnsafeMutablePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe fill($0, &count) }
        }
        return (result, SocketAddress(storage, count: count))
    }

    /// The numeric address and the port; nil for other families than IPv4 and IPv6.
    var numeric: (address: String, port: UInt16)? {
        unsafe withSockaddr { pointer, count in
            guard family == AF_INET || family == AF_INET6 else { return nil }
            let text = unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(NI_MAXHOST)) { buffer in
                // SAFETY: the buffer has the room the call is told; it ends with a NUL when the call succeeds.
                let failed = unsafe getnameinfo(
                    pointer, count, buffer.baseAddress, socklen_t(buffer.count), nil, 0, NI_NUMERICHOST)
                guard failed == 0, let start = buffer.baseAddress else { return "" }
                return unsafe String(cString: start)
            }
            // SAFETY: the family says which structure it is; in both the port lies at one place.
            return unsafe pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { internet in
                unsafe (text, UInt16(bigEndian: internet.pointee.sin_port))
            }
        }
    }

    /// A numeric IPv4 or IPv6 address; nil when the text is neither.
    static func numeric(_ text: String, port: UInt16) -> SocketAddress? {
        var four = sockaddr_in()
        // SAFETY: the call writes one in_addr, or nothing.
        if unsafe inet_pton(AF_INET, text, &four.sin_addr) == 1 {
            four.sin_family = sa_family_t(AF_INET)
            four.sin_port = port.bigEndian
            return of(four)
        }
        var six = sockaddr_in6()
        // SAFETY: the call writes one in6_addr, or nothing.
        if unsafe inet_pton(AF_INET6, text, &six.sin6_addr) == 1 {
            six.sin6_family = sa_family_t(AF_INET6)
            six.sin6_port = port.bigEndian
            return of(six)
        }
        return nil
    }

    /// A path in the file system; nil when it is too long for the structure or contains a NUL.
    static func unix(_ path: String) -> SocketAddress? {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = [UInt8](path.utf8)
        let room = MemoryLayout.size(ofValue: address.sun_path)
        guard !bytes.isEmpty, bytes.count < room, !bytes.contains(0) else { return nil }
        // SAFETY: fewer bytes than the field has; the rest is zero already.
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
        return of(address)
    }

    /// The path of a Unix socket's address; nil for others, and for one without a file.
    var unixPath: String? {
        guard family == AF_UNIX else { return nil }
        let offset = MemoryLayout<sa_family_t>.size
        let bytes = unsafe withUnsafeBytes(of: storage) { bytes in
            // SAFETY: the path lies behind the family, in as many bytes as the address has.
            unsafe [UInt8](bytes.prefix(Int(count)).dropFirst(offset))
        }
        let path = bytes.prefix { $0 != 0 }
        return path.isEmpty ? nil : String(decoding: path, as: UTF8.self)
    }

    private static func of<Structure>(_ structure: Structure) -> SocketAddress {
        var storage = sockaddr_storage()
        // SAFETY: sockaddr_storage is at least as large as each of the structures above.
        unsafe withUnsafeMutableBytes(of: &storage) { destination in
            unsafe withUnsafeBytes(of: structure) { unsafe destination.copyMemory(from: $0) }
        }
        return SocketAddress(storage, count: socklen_t(MemoryLayout<Structure>.size))
    }

    /// 127.0.0.0/8 and ::1.
    var isLoopback: Bool {
        guard let numeric else { return false }
        return numeric.address == "::1" || (family == AF_INET && numeric.address.hasPrefix("127."))
    }

    /// The address at the other end of a TCP connection; nil when it is gone already.
    static func tcpPeer(of descriptor: Int32, isTLS: Bool) -> Peer.Transport? {
        // SAFETY: the call writes no more than the storage has room for.
        let (result, address) = unsafe filled { unsafe getpeername(descriptor, $0, $1) }
        guard result == 0, let numeric = address.numeric else { return nil }
        return isTLS
            ? .tls(address: numeric.address, port: numeric.port, identity: .none)
            : .tcp(address: numeric.address, port: numeric.port)
    }

    /// Who connected to a Unix socket, as the kernel recorded it then.
    static func unixPeer(of descriptor: Int32) -> Peer.Transport? {
        var peer = microhttpd_peer()
        // SAFETY: the call fills the structure it is given.
        guard unsafe microhttpd_peer_credentials(descriptor, &peer) == 0 else { return nil }
        return .unix(user: peer.user, group: peer.group, process: peer.process)
    }
}
