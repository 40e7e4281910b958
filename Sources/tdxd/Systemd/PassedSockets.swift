internal import Glibc

/// Listening sockets that systemd has opened for us (sd_listen_fds(3)), by the kind of listener they are for.
///
/// The socket units name them with `FileDescriptorName=`: `unix`, `tls` or `plain`. The first of a kind is for the first
/// listener of that kind in the configuration, and so on; where each listens is checked by the listener.
struct PassedSockets: Sendable {
    enum Kind: String, CaseIterable, Sendable { case unix, plain, tls }

    private var descriptors: [Kind: [Int32]] = [:]

    static let none = PassedSockets()
    /// What systemd calls SD_LISTEN_FDS_START.
    private static let first: Int32 = 3
    private static let countMax: Int32 = 64

    private init() {}

    /// - Throws: when the variables are for this process and make no sense.
    init(_ environment: [String: String], processID: Int32 = getpid()) throws(Failure) {
        // They are inherited by children that they are not for.
        guard let process = environment["LISTEN_PID"], process == String(processID) else { return }
        guard let count = environment["LISTEN_FDS"].flatMap({ Int32($0) }), (0...Self.countMax).contains(count) else {
            throw Failure(.configuration, "LISTEN_FDS: must be a number from 0 to \(Self.countMax)")
        }
        let names = (environment["LISTEN_FDNAMES"] ?? "").split(separator: ":", omittingEmptySubsequences: false)
        guard count == 0 || names.count == Int(count) else {
            throw Failure(.configuration, "LISTEN_FDNAMES: must name each of the \(count) sockets")
        }
        for (name, descriptor) in zip(names, Self.first..<(Self.first + count)) {
            guard let kind = Kind(rawValue: String(name)) else {
                let kinds = Kind.allCases.map(\.rawValue).joined(separator: ", ")
                throw Failure(.configuration, "LISTEN_FDNAMES: a socket is called '\(name)', not one of \(kinds)")
            }
            guard fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 else {
                throw Failure(.configuration, "LISTEN_FDS: descriptor \(descriptor) is not open")
            }
            descriptors[kind, default: []].append(descriptor)
        }
    }

    /// - Throws: if there are more sockets of a kind than listeners that could serve them.
    func check(plain: Int, tls: Int) throws(Failure) {
        for (kind, count) in [(Kind.unix, 1), (.plain, plain), (.tls, tls)] {
            let passed = descriptors[kind]?.count ?? 0
            guard passed <= count else {
                throw Failure(
                    .configuration,
                    "\(passed) sockets are called '\(kind.rawValue)', and \(count) such listeners are configured")
            }
        }
    }

    /// For the listener of this kind with this index; nil if it is to open its own.
    func socket(_ kind: Kind, _ index: Int) -> Int32? {
        guard let all = descriptors[kind], all.indices.contains(index) else { return nil }
        return all[index]
    }
}
