/// What one listener accepts. Each limit lies below libmicrohttpd's own, so that its refusal is ours to word.
public struct Limits: Hashable, Sendable {
    /// Connections served at once; more wait in the backlog until one closes.
    public var connections = 1024
    /// Seconds a connection may be silent before it is closed. A suspended one is exempt.
    public var idleSeconds: UInt32 = 30
    /// Bytes of a request's head, request line included; beyond: 431.
    public var headBytes = 8 * 1024
    /// Fields in a request's head; beyond: 431.
    public var fields = 64
    /// Bytes of a request target; beyond: 414.
    public var targetBytes = 4 * 1024
    /// Bytes a plan may ask to collect in memory; a plan that asks for more gets this many.
    public var bodyBytes = 64 * 1024 * 1024
    /// Bytes of an unwanted body that are read and thrown away for the sake of a readable answer; after that the
    /// connection is cut.
    public var swallowedBytes = 256 * 1024

    public init() {}

    /// Memory libmicrohttpd sets aside for each connection: the head and what is being received or sent.
    static let connectionMemoryBytes = 32 * 1024
    /// The largest head and target that still leave the library room to work in that memory.
    static let largestHeadBytes = 12 * 1024
    /// Room above our own limit of connections, so that the library never refuses first.
    static let spareConnections = 64
    /// Connections the system holds until they are accepted.
    static let backlog: Int32 = 512
    /// A stream is asked for at most this much at a time on an HTTP/1.0 connection; chunks use the connection's memory.
    static let streamBlockBytes = 16 * 1024
    static let largestPool = 64
    /// Bytes of one message of a TLS handshake; a client's certificate chain is the largest.
    static let handshakeMessageBytes = 32 * 1024
    /// Seconds for which a TLS session may be resumed.
    static let ticketSeconds: Int32 = 3_600
    /// After this time session tickets are sealed with another key.
    static let ticketKeyLife = Duration.seconds(12 * 3_600)

    var problem: String? {
        if !(1...65_536).contains(connections) { return "connections must lie between 1 and 65536" }
        if !(1...Self.largestHeadBytes).contains(headBytes) {
            return "headBytes must lie between 1 and \(Self.largestHeadBytes)"
        }
        if !(1...headBytes).contains(targetBytes) { return "targetBytes must lie between 1 and headBytes" }
        if fields < 1 || bodyBytes < 0 || swallowedBytes < 0 { return "a limit is negative or zero" }
        return nil
    }
}
