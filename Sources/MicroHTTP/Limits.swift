/// What one listener accepts. Each limit lies below libmicrohttpd's own, so that its refusal is ours to word.
///
/// Deadlines are looked at once a second. Whoever misses one has its connection closed, without an answer: it has not
/// finished asking, or does not take what it was given.
public struct Limits: Hashable, Sendable {
    /// Connections served at once; more wait in the backlog until one closes.
    public var connections = 1024
    /// Connections from one IPv4 address, or from one IPv6 network of 64 bits; more are closed at once. Not on Unix
    /// sockets.
    public var connectionsPerAddress = 128

    /// Seconds a connection may be kept open without a request.
    public var idleSeconds: UInt32 = 30
    /// Seconds from the beginning of a connection to the end of its first request's head, the TLS handshake included;
    /// for later requests from the request line to the end of the head.
    public var headSeconds: UInt32 = 10
    /// Seconds a body may take, and one more for each `bodyBytesPerSecond` of it.
    public var bodySeconds: UInt32 = 20
    public var bodyBytesPerSecond: UInt32 = 1024
    /// Seconds from the request line to the last byte of the body, however fast it comes.
    public var requestSeconds: UInt32 = 3600
    /// Seconds a client may take for an answer, and one more for each `answerBytesPerSecond` of it; for each piece of
    /// a stream.
    public var answerSeconds: UInt32 = 20
    public var answerBytesPerSecond: UInt32 = 1024

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

    /// The largest number of seconds for anything.
    public static let longestSeconds: UInt32 = 7 * 24 * 3600

    /// Memory libmicrohttpd sets aside for each connection: the head, an entry for each of its fields, and what is being
    /// received or sent. The library wipes all of it after each request, so that every page more costs time and, for
    /// each idle connection, memory.
    var connectionMemoryBytes: Int {
        let bytes = headBytes + fields * Self.fieldEntryBytes + Self.workingBytes
        return (bytes + Self.pageBytes - 1) / Self.pageBytes * Self.pageBytes
    }

    private static let fieldEntryBytes = 64
    private static let workingBytes = 4 * 1024
    private static let pageBytes = 4 * 1024
    static let largestHeadBytes = 64 * 1024
    static let largestFields = 1024
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
        if connectionsPerAddress < 1 { return "connectionsPerAddress must be at least 1" }
        let times = [idleSeconds, headSeconds, bodySeconds, requestSeconds, answerSeconds]
        if times.contains(where: { !(1...Self.longestSeconds).contains($0) }) {
            return "a time must lie between 1 and \(Self.longestSeconds) seconds"
        }
        if bodyBytesPerSecond < 1 || answerBytesPerSecond < 1 { return "a rate must be at least 1 byte a second" }
        if !(1...Self.largestHeadBytes).contains(headBytes) {
            return "headBytes must lie between 1 and \(Self.largestHeadBytes)"
        }
        if !(1...headBytes).contains(targetBytes) { return "targetBytes must lie between 1 and headBytes" }
        if !(1...Self.largestFields).contains(fields) { return "fields must lie between 1 and \(Self.largestFields)" }
        if bodyBytes < 0 || swallowedBytes < 0 { return "a limit is negative or zero" }
        return nil
    }
}
