internal import Glibc

/// Where connections come from, as far as they are counted together: an IPv4 address, or an IPv6 network of 64 bits,
/// since whoever has one address of such a network has all of them. Nil for a Unix socket.
enum Origin: Hashable, Sendable {
    case four(UInt32)
    case six(UInt64)

    init?(_ address: SocketAddress) {
        let family = address.family
        let origin = unsafe address.withSockaddr { pointer, _ -> Origin? in
            switch family {
            case AF_INET:
                // SAFETY: the family says which structure it is.
                return unsafe pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { four in
                    unsafe .four(four.pointee.sin_addr.s_addr)
                }
            case AF_INET6:
                // SAFETY: the family says which structure it is; an address has 16 bytes, of which eight are read.
                return unsafe pointer.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { six in
                    unsafe withUnsafeBytes(of: six.pointee.sin6_addr) {
                        unsafe .six($0.loadUnaligned(as: UInt64.self))
                    }
                }
            default:
                return nil
            }
        }
        guard let origin else { return nil }
        self = origin
    }
}
