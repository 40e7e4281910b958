internal import Glibc
internal import Threading

/// Whoever started us and wants to hear how we are: systemd's notification protocol (sd_notify(3)), datagrams of
/// `NAME=value` lines to the socket that `NOTIFY_SOCKET` names. Without that variable nothing is sent.
struct Supervisor: Sendable {
    /// How often it wants a sign of life; nil when it does not.
    let watchdogInterval: Duration?
    private let address: NotifyAddress?

    /// - Throws: for variables that cannot be meant for anybody.
    init(_ environment: [String: String]) throws(Failure) {
        address = try environment["NOTIFY_SOCKET"].map { (text) throws(Failure) in try NotifyAddress(text) }
        watchdogInterval = try Self.watchdogInterval(environment)
    }

    private static func watchdogInterval(_ environment: [String: String]) throws(Failure) -> Duration? {
        guard let text = environment["WATCHDOG_USEC"] else { return nil }
        if let process = environment["WATCHDOG_PID"], process != String(getpid()) { return nil }
        guard let microseconds = Int64(text), (1...Self.longestWatchdog).contains(microseconds) else {
            throw Failure(.configuration, "WATCHDOG_USEC: must be a number of microseconds")
        }
        return .microseconds(microseconds)
    }

    /// A day.
    private static let longestWatchdog: Int64 = 86_400_000_000

    func ready(_ status: String) { tell("READY=1\nSTATUS=\(status)") }

    func stopping(_ status: String) { tell("STOPPING=1\nSTATUS=\(status)") }

    /// To be followed by `ready`.
    func reloading() {
        tell("RELOADING=1\nMONOTONIC_USEC=\(MonotonicTime.now.nanoseconds / 1_000)\nSTATUS=Reading certificates anew")
    }

    func isAlive() { tell("WATCHDOG=1") }

    /// Losing one is no reason to stop: whoever does not hear from us will ask.
    private func tell(_ message: String) { address?.send(message) }

    /// What is for us alone and must not reach a child. To be called before any thread is started.
    static func clearEnvironment() {
        for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"] {
            // SAFETY: no other thread reads the environment yet.
            unsafe unsetenv(name)
        }
    }
}

/// A datagram socket in the file system, or in the abstract namespace when it begins with `@`.
struct NotifyAddress: Sendable {
    private let address: sockaddr_un
    private let size: socklen_t
    // SOCK_DGRAM with SOCK_CLOEXEC and SOCK_NONBLOCK in numbers: not every importer shows the enumerators.
    private static let datagramSocket: Int32 = 2 | 0o2_000_000 | 0o4_000

    init(_ text: String) throws(Failure) {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var path = [UInt8](text.utf8)
        let isAbstract = path.first == UInt8(ascii: "@")
        guard isAbstract || path.first == UInt8(ascii: "/"), path.count > 1, !path.contains(0),
            path.count < MemoryLayout.size(ofValue: address.sun_path)
        else { throw Failure(.configuration, "NOTIFY_SOCKET: must be an absolute path, or begin with @") }
        if isAbstract { path[0] = 0 }
        // SAFETY: fewer bytes than the field has; the rest is zero already.
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path) }
        self.address = address
        // An abstract name is as long as it is; a path ends with a NUL.
        size = socklen_t(MemoryLayout<sa_family_t>.size + path.count + (isAbstract ? 0 : 1))
    }

    func send(_ message: String) {
        let descriptor = socket(AF_UNIX, Self.datagramSocket, 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let bytes = [UInt8](message.utf8)
        unsafe withUnsafePointer(to: address) { pointer in
            // SAFETY: a Unix address begins as sockaddr does; the bytes are read during the call.
            _ = unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe sendto(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL), $0, size)
            }
        }
    }
}
