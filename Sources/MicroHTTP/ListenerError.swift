/// Why a listener could not be set up. Nothing is left behind then.
public enum ListenerError: Error, Hashable, Sendable {
    /// The path is empty, longer than the system's 107 bytes, or contains a NUL.
    case unusablePath(String)
    /// Something that is no socket lies at the path; it is not touched.
    case notASocket(path: String)
    /// Somebody answers at the path or listens on the port.
    case inUse(String)
    /// Neither an IPv4 nor an IPv6 address in numbers.
    case unusableAddress(String)
    /// Plain TCP is served on loopback only.
    case notLoopback(String)
    /// The server's certificate or key cannot be used; GnuTLS's words.
    case unusableCertificate(String)
    /// A limit or the number of workers makes no sense.
    case unusableLimits(String)
    /// A socket that was handed over is not one that this listener can serve.
    case unusableSocket(String)
    /// The system refused; `call` with `errno`.
    case system(call: String, errno: Int32)
    /// libmicrohttpd did not start; its reason is in the log, at debug level.
    case libraryRefused
}

extension ListenerError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unusablePath(let path): "'\(path)' cannot be a Unix socket's path"
        case .notASocket(let path): "'\(path)' exists and is not a socket"
        case .inUse(let place): "somebody listens on '\(place)' already"
        case .unusableAddress(let text): "'\(text)' is no numeric IPv4 or IPv6 address"
        case .notLoopback(let text): "'\(text)' is not a loopback address, and plain HTTP is served there only"
        case .unusableCertificate(let reason): "the server's certificate or key cannot be used: \(reason)"
        case .unusableLimits(let reason): reason
        case .unusableSocket(let reason): "the socket that was handed over cannot be used: \(reason)"
        case .system(let call, let errno): "\(call) failed (errno \(errno))"
        case .libraryRefused: "libmicrohttpd did not start"
        }
    }
}
