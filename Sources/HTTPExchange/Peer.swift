/// Who is at the other end of a connection, as far as the transport itself can vouch for it.
public struct Peer: Hashable, Sendable {
    /// How the connection came in.
    public enum Transport: Hashable, Sendable {
        /// A Unix socket: what the kernel recorded when the peer connected (`SO_PEERCRED`).
        case unix(user: UInt32, group: UInt32, process: Int32)
        /// Plain TCP: nothing is known but the numeric address.
        case tcp(address: String, port: UInt16)
    }

    /// The name the configuration gave to the listener; a plain listener's role hangs on it.
    public var listener: String
    public var transport: Transport

    public init(listener: String, transport: Transport) {
        self.listener = listener
        self.transport = transport
    }
}
