import HTTPExchange
import HTTPTypes
import MicroHTTP
import Testing
import Threading

/// Answers `/N` with N bytes.
private let bytesOfPath = ClosureResponder { request, exchange in
    exchange.answer(
        Response(status: .ok, fields: [:], body: .bytes(bytes(of: Int(request.head.target.path.dropFirst()) ?? 0))))
}

private let letters = (0..<400_000).map { UInt8(ascii: "a") + UInt8($0 &* 2_654_435_761 >> 16 & 15) }

/// So many bytes, which depend on their number and on their place.
private func bytes(of count: Int) -> [UInt8] { Array(letters[count % 1_000..<count % 1_000 + count]) }

@Suite("What goes over TLS is whole")
struct TLSTransportTests {
    private struct Asked {
        let method: String
        let bytes: Int
    }

    private let certificates: TestCertificates

    init() throws { certificates = try TestCertificates.get() }

    /// Sends all requests at once, then waits, then reads all answers. Says what differs.
    private func problems(of requests: [Asked], _ option: String, pause: Duration) throws -> [String] {
        let (listener, port) = try serveTLS(try certificates.configuration(), bytesOfPath)
        defer { listener.stop(within: .zero) }
        let client = try ChildProcess(["openssl", "s_client", "-quiet", "-connect", "127.0.0.1:\(port)", option])
        let lines = requests.indices.map { index in
            "\(requests[index].method) /\(requests[index].bytes) HTTP/1.1\r\nHost: t\r\n"
                + (index == requests.count - 1 ? "Connection: close\r\n\r\n" : "\r\n")
        }
        client.write(lines.joined())
        sleepBlocking(pause)
        _ = client.finish()
        var rest = Array(client.text.utf8)[...]
        var problems: [String] = []
        for (index, request) in requests.enumerated() {
            guard let start = rest.firstRange(of: Array("HTTP/1.1 200 OK\r\n".utf8))?.upperBound,
                let end = rest[start...].firstRange(of: Array("\r\n\r\n".utf8))?.upperBound
            else { return problems + ["no answer \(index) of \(requests.count)"] }
            let head = String(decoding: rest[start..<end], as: UTF8.self)
            if !head.contains("Content-Length: \(request.bytes)\r\n") { problems.append("head \(index): \(head)") }
            rest = rest[end...]
            guard request.method == "GET" else { continue }
            if Array(rest.prefix(request.bytes)) != bytes(of: request.bytes) {
                problems.append("body \(index) of \(request.bytes)")
            }
            rest = rest.dropFirst(request.bytes)
        }
        return problems
    }

    @Test("Heads and bodies of all sizes arrive, and heads alone where asked for", arguments: ["-tls1_2", "-tls1_3"])
    func sizes(option: String) throws {
        let sizes = [0, 1, 500, 1_399, 1_400, 5_000, 16_383, 16_384, 16_385, 70_000]
        let requests = sizes.flatMap { [Asked(method: "HEAD", bytes: $0), Asked(method: "GET", bytes: $0)] }
        #expect(try problems(of: requests, option, pause: .zero) == [])
    }

    /// Twenty megabytes are more than the system takes for a client that does not read.
    @Test("Whoever reads late gets everything all the same", arguments: ["-tls1_2", "-tls1_3"])
    func lateReader(option: String) throws {
        let requests = (0..<1_600).map { Asked(method: "GET", bytes: $0 % 2 == 0 ? 700 + $0 : 25_000 + $0) }
        #expect(try problems(of: requests, option, pause: .milliseconds(1_500)) == [])
    }

    @Test("A body that is sent in records of any size arrives whole", arguments: ["-tls1_2", "-tls1_3"])
    func upload(option: String) throws {
        let count = 300_000
        let responder = ClosureResponder(
            planner: { _ in .collect(maximumBytes: count) },
            answerer: { request, exchange in
                exchange.answer(.text(request.body == bytes(of: count) ? "whole" : "not whole"))
            })
        let (listener, port) = try serveTLS(try certificates.configuration(), responder)
        defer { listener.stop(within: .zero) }
        for size in [512, 1_000, 16_384] {
            let client = try ChildProcess([
                "openssl", "s_client", "-quiet", "-connect", "127.0.0.1:\(port)", option, "-max_send_frag", "\(size)",
            ])
            let head = "POST / HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Length: \(count)\r\n\r\n"
            let sent = Array(head.utf8) + bytes(of: count)
            for start in stride(from: 0, to: sent.count, by: 50_000) {
                client.write(String(decoding: sent[start..<min(start + 50_000, sent.count)], as: UTF8.self))
            }
            _ = client.finish()
            #expect(client.text.hasSuffix("\r\n\r\nwhole"))
        }
    }
}
