internal import ControlSchema
internal import HTTPExchange
internal import HTTPTypes
internal import TDLifecycle

/// One request in the audit trail: who, from where, which request, which operation, which answer.
///
/// Never a body, a query or a header field: a client may have put a secret there. All text is printable ASCII, whatever
/// the client sent.
struct AuditLine: Encodable, Hashable, Sendable {
    /// What a log record has there, too, so that who reads both from one place can tell them apart.
    let message = AuditTrail.message
    var time = Timestamp(microseconds: 0)
    /// Counts the lines of this process, from 1.
    var sequence: UInt64 = 0
    let principal: String
    let role: String?
    let listener: String
    let transport: String
    private(set) var uid: UInt32?
    private(set) var gid: UInt32?
    private(set) var pid: Int?
    private(set) var address: String?
    private(set) var port: Int?
    /// SHA-256 of a certificate that is believed, else why it is not.
    private(set) var certificate: String?
    let method: String
    /// As the contract writes it; absent where the request reached none.
    let route: String?
    /// The path as the client wrote it, without the query.
    private(set) var target: String
    private(set) var requestId: String
    private(set) var operation: String?
    let status: Int
    let code: String?
    private(set) var durationNanos: UInt64

    init(_ visit: Visit, _ head: RequestHead, route: String?, status: Int, code: String?, durationNanos: UInt64) {
        principal = Self.visible(visit.principal)
        role = visit.role?.rawValue
        listener = Self.visible(head.peer.listener)
        switch head.peer.transport {
        case .unix(let user, let group, let process):
            transport = "unix"
            uid = user
            gid = group
            pid = Int(process)
        case .tcp(let address, let port):
            transport = "tcp"
            self.address = Self.visible(address)
            self.port = Int(port)
        case .tls(let address, let port, let identity):
            transport = "tls"
            self.address = Self.visible(address)
            self.port = Int(port)
            certificate = Self.certificate(identity)
        }
        method = Self.visible(head.method.rawValue)
        self.route = route
        target = Self.visible(String(head.target.path))
        requestId = visit.requestID
        operation = visit.operation?.description
        self.status = status
        self.code = code
        self.durationNanos = durationNanos
    }

    private static func certificate(_ identity: ClientIdentity) -> String? {
        switch identity {
        case .none: nil
        case .refused(let code, _): visible(code)
        case .verified(_, let sha256): visible(sha256)
        }
    }

    /// Everything that is not printable ASCII, percent-encoded: nothing ends a line, moves a terminal's cursor or
    /// reads from right to left.
    static func visible(_ text: String) -> String {
        if text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) { return text }
        var visible = ""
        for byte in text.utf8 {
            if (0x21...0x7e).contains(byte) {
                visible.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                visible += byte < 0x10 ? "%0" : "%"
                visible += String(byte, radix: 16, uppercase: true)
            }
        }
        return visible
    }
}

extension AuditLine {
    /// The same with blanks for what is another one in each line.
    var blanked: AuditLine {
        var blanked = self
        let blanks = Blank.all
        blanked.time = blanks[0].time
        blanked.sequence = blanks[1].number
        if pid != nil { blanked.pid = Int(blanks[2].number) }
        if port != nil { blanked.port = Int(blanks[3].number) }
        if Fact.isPlain(target) { blanked.target = blanks[4].text }
        blanked.requestId = blanks[5].text
        if operation != nil { blanked.operation = blanks[6].text }
        blanked.durationNanos = blanks[7].number
        return blanked
    }

    /// In the order of the blanks; what is absent has any value.
    var facts: [Fact] {
        [
            .time(time), .number(sequence), .number(UInt64(clamping: pid ?? 0)), .number(UInt64(clamping: port ?? 0)),
            .text(target), .text(requestId), .text(operation ?? ""), .number(durationNanos),
        ]
    }
}

/// Something about the trail itself.
struct AuditEvent: Encodable, Sendable {
    enum Kind: String, Encodable, Sendable {
        /// Lines that could not be written.
        case lost
        /// Lines left out: refusals of strangers, or of those who ask too fast.
        case suppressed
    }

    let message = AuditTrail.message
    let time: Timestamp
    let sequence: UInt64
    let event: Kind
    /// How many lines.
    let count: UInt64
}
