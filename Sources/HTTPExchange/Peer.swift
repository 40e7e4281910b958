/// Who is at the other end of a connection, as far as the transport itself can vouch for it.
public struct Peer: Hashable, Sendable {
    /// How the connection came in.
    public enum Transport: Hashable, Sendable {
        /// A Unix socket: what the kernel recorded when the peer connected (`SO_PEERCRED`).
        case unix(user: UInt32, group: UInt32, process: Int32)
        /// Plain TCP: nothing is known but the numeric address.
        case tcp(address: String, port: UInt16)
        /// TLS over TCP; the address is numeric.
        case tls(address: String, port: UInt16, identity: ClientIdentity)
    }

    /// The name the configuration gave to the listener; a plain listener's role hangs on it.
    public var listener: String
    public var transport: Transport

    public init(listener: String, transport: Transport) {
        self.listener = listener
        self.transport = transport
    }
}

/// Whom a client's certificate makes it.
///
/// The handshake succeeds without a certificate and with a bad one, so that the refusal is an answer people can read.
public enum ClientIdentity: Hashable, Sendable {
    /// It showed no certificate.
    case none
    /// It showed one that is not believed.
    ///
    /// - Parameters:
    ///   - code: machine-readable, lower case with hyphens, such as `client-certificate-expired`.
    ///   - reason: for people.
    case refused(code: String, reason: String)
    /// It showed a certificate of a CA that is trusted, and has proved to hold the key.
    ///
    /// - Parameters:
    ///   - uris: the URIs of the subject's alternative names, in the certificate's order; may be empty.
    ///   - sha256: of the certificate, 64 hexadecimal digits in lower case.
    case verified(uris: [String], sha256: String)
}
