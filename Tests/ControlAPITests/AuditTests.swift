import HTTPExchange
import HTTPTypes
import Logging
import Meters
import Testing
import Threading

@testable import ControlAPI

@Suite("The audit trail")
struct AuditTests {
    /// Keeps lines, or fails as told.
    private final class Sink: AuditSink {
        let lines = Locked<[String]>([])
        let isFailing = Locked(false)

        func write(_ line: [UInt8]) throws(AuditFailure) {
            if isFailing.withLock({ $0 }) { throw AuditFailure("no space") }
            lines.withLock { $0.append(String(decoding: line, as: UTF8.self)) }
        }

        var jsons: [JSON] { lines.withLock { $0 }.map { JSON(Array($0.utf8)) } }
    }

    /// Counts the log's lines.
    private struct Complaints: LogHandler {
        let count: Locked<[String]>
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace
        subscript(metadataKey key: String) -> Logger.MetadataValue? {
            get { nil }
            set {}
        }
        func log(event: LogEvent) { count.withLock { $0.append("\(event.level) \(event.message)") } }
    }

    private let sink = Sink()
    private let complaints = Locked<[String]>([])
    private let clock = Locked(MonotonicTime(nanoseconds: 1_000_000_000))

    private func trail(_ scope: AuditTrail.Scope = .changes) -> AuditTrail {
        let logger = Logger(label: "test") { _ in Complaints(count: complaints) }
        let clock = clock
        return AuditTrail(scope, to: sink, logger: logger) { (1_795_433_000_114_999_000, clock.withLock { $0 }) }
    }

    private func head(
        _ transport: Peer.Transport, _ target: String = "/tds", listener: String = "unix",
        _ method: HTTPRequest.Method = .post
    ) -> RequestHead {
        RequestHead(
            peer: Peer(listener: listener, transport: transport),
            request: HTTPRequest(method: method, scheme: nil, authority: "h", path: target))
    }

    private func line(
        _ head: RequestHead, principal: String = "uid:5", role: Role? = .admin, route: String? = "/tds",
        status: Int = 201, code: String? = nil
    ) -> AuditLine {
        var visit = Visit(requestID: "req-1", start: .now)
        visit.principal = principal
        visit.role = role
        return AuditLine(visit, head, route: route, status: status, code: code, durationNanos: 12)
    }

    @Test("A line has exactly these bytes")
    func bytes() {
        let trail = trail()
        trail.record(line(head(.unix(user: 5, group: 6, process: 7), "/v1/tds?token=secret")), isBounded: false)
        let refused = ClientIdentity.refused(code: "client-certificate-expired", reason: "r")
        trail.record(
            line(
                head(.tls(address: "192.0.2.7", port: 9, identity: refused), "/x", listener: "tls-0", .get),
                principal: "tls:192.0.2.7", role: nil, route: nil, status: 403, code: "peer-not-authorized"),
            isBounded: true)
        let verified = ClientIdentity.verified(uris: ["spiffe://lab/op"], sha256: "ab12")
        trail.record(
            line(
                head(.tls(address: "2001:db8::1", port: 9, identity: verified), listener: "tls-0"),
                principal: "spiffe://lab/op", role: .operator),
            isBounded: false)
        let expected: [String] = [
            #"""
            {"durationNanos":12,"gid":6,"listener":"unix","message":"audit","method":"POST","pid":7,"principal":"uid:5",\#
            "requestId":"req-1","role":"admin","route":"/tds","sequence":1,"status":201,"target":"/v1/tds",\#
            "time":"2026-11-23T11:23:20.114Z","transport":"unix","uid":5}

            """#,
            #"""
            {"address":"192.0.2.7","certificate":"client-certificate-expired","code":"peer-not-authorized",\#
            "durationNanos":12,"listener":"tls-0","message":"audit","method":"GET","port":9,\#
            "principal":"tls:192.0.2.7","requestId":"req-1","sequence":2,"status":403,"target":"/x",\#
            "time":"2026-11-23T11:23:20.114Z","transport":"tls"}

            """#,
            #"""
            {"address":"2001:db8::1","certificate":"ab12","durationNanos":12,"listener":"tls-0",\#
            "message":"audit","method":"POST","port":9,"principal":"spiffe://lab/op","requestId":"req-1","role":"operator",\#
            "route":"/tds","sequence":3,"status":201,"target":"/tds","time":"2026-11-23T11:23:20.114Z",\#
            "transport":"tls"}

            """#,
        ]
        #expect(sink.lines.withLock { $0 } == expected)
    }

    @Test("Whatever a client sends, a line is one line of printable ASCII")
    func hostileBytes() {
        let trail = trail()
        let evil = "/a\n{\"status\":200}\r\u{0}\u{1b}[2J\u{85}\u{202e}é\\%zz \u{7f}"
        trail.record(line(head(.unix(user: 1, group: 1, process: 1), evil), principal: evil), isBounded: false)
        let text = sink.lines.withLock { $0 }[0]
        #expect(text.utf8.dropLast().allSatisfy { (0x20...0x7e).contains($0) } && text.hasSuffix("}\n"))
        let escaped = "/a%0A{\"status\":200}%0D%00%1B[2J%C2%85%E2%80%AE%C3%A9\\%zz%20%7F"
        #expect(AuditLine.visible(evil) == escaped)
        #expect(sink.jsons[0]["principal"].string == escaped)
        #expect(sink.jsons[0]["status"].int == 201)
    }

    @Test("Changes and refusals are written down; with `all`, reads too")
    func scope() {
        for (method, status, wanted) in [
            (HTTPRequest.Method.get, 200, false), (.head, 304, false), (.get, 403, true), (.get, 404, true),
            (.post, 201, true), (.delete, 202, true), (.patch, 200, true), (.get, 500, true),
        ] {
            #expect(trail(.changes).wants(method, status: status) == wanted, "\(method) \(status)")
            #expect(trail(.all).wants(method, status: status))
        }
    }

    @Test("A full disk stops nobody: it is counted, the log says so once, and the trail how much is missing")
    func failures() {
        let trail = trail()
        let line = line(head(.unix(user: 1, group: 1, process: 1)))
        trail.record(line, isBounded: false)
        sink.isFailing.withLock { $0 = true }
        for _ in 0..<3 { trail.record(line, isBounded: false) }
        #expect(complaints.withLock { $0 } == ["error The audit trail cannot be written"])
        sink.isFailing.withLock { $0 = false }
        trail.record(line, isBounded: false)
        let written = sink.jsons
        #expect(written.map { $0["event"].string } == [nil, "lost", nil])
        #expect(written[1]["count"].int == 3 && written[1]["message"].string == "audit")
        // The numbers of lines that were tried tell of the gap as well.
        #expect(written[0]["sequence"].int == 1)
        #expect(written[2]["sequence"].int.map { $0 > 4 } == true)
        var exposition = Exposition()
        trail.write(to: &exposition)
        #expect(exposition.text.contains("\ntdxd_audit_lines_total 3\n"))
        #expect(exposition.text.contains("\ntdxd_audit_failures_total 3\n"))
    }

    @Test("Refusals of strangers are bounded, and their number is written down; others are not")
    func bounded() {
        let trail = trail()
        let stranger = line(head(.unix(user: 1, group: 1, process: 1)), role: nil, status: 403)
        for _ in 0..<250 { trail.record(stranger, isBounded: true) }
        #expect(sink.jsons.count == AuditTrail.refusalsPerPeriod)
        for _ in 0..<50 { trail.record(stranger, isBounded: false) }
        #expect(sink.jsons.count == AuditTrail.refusalsPerPeriod + 50)
        clock.withLock { $0 = $0.advanced(by: LineBudget.periodDefault) }
        trail.record(stranger, isBounded: true)
        let last = sink.jsons.suffix(2)
        #expect(last.map { $0["event"].string } == ["suppressed", nil])
        #expect(last.first?["count"].int == 150)
    }

    @Test("Every route's answer is written before it is given, with who, the route, the operation and the code")
    func requests() throws {
        let service = try Service(audit: trail(.all))
        let td = try service.createTD()
        _ = try service.ask(.get, "/tds/\(td)", as: .viewer)
        _ = try service.ask(.delete, "/tds/\(td)", as: .viewer)
        _ = try service.ask(.delete, "/tds/\(td)", as: nil)
        _ = try service.ask(.delete, "/tds/\(td)?dryRun=true")
        _ = try service.ask(.delete, "/tds/\(td)")
        _ = try service.ask(.get, "/%zz")
        let lines = sink.jsons
        func column(_ name: String) -> [String?] { lines.map { $0[name].string } }
        #expect(column("principal") == ["uid:4", "uid:1", "uid:1", "uid:77", "uid:4", "uid:4", "uid:4"])
        #expect(column("method") == ["POST", "GET", "DELETE", "DELETE", "DELETE", "DELETE", "GET"])
        #expect(lines.map { $0["status"].int } == [201, 200, 403, 403, 200, 200, 400])
        #expect(column("route") == ["/tds", "/tds/{id}", "/tds/{id}", nil, "/tds/{id}", "/tds/{id}", nil])
        #expect(column("role") == ["admin", "viewer", "viewer", nil, "admin", "admin", "admin"])
        #expect(column("code") == [nil, nil, "role-too-small", "peer-not-authorized", nil, nil, "malformed-path"])
        let operations = column("operation").map { $0?.hasPrefix("op-") == true }
        #expect(operations == [true, false, false, false, false, true, false])
        #expect(lines[5]["target"].string == "/tds/\(td)")
        #expect(lines.map { $0["sequence"].int } == Array(1...7))
    }

    @Test("A repeat with an idempotency key is written down, and begins no operation")
    func repeats() throws {
        let service = try Service(audit: trail())
        for _ in 0..<2 {
            let answer = try service.ask(.post, "/tds", #"{"spec":{"maxVcpus":1}}"#, [.idempotencyKey: "k"])
            #expect(answer.status == 201)
        }
        #expect(sink.jsons.map { $0["operation"].string == nil } == [false, true])
        #expect(Set(sink.jsons.compactMap { $0["requestId"].string }).count == 2)
    }
}
