import HTTPExchange
import HTTPTypes
import MicroHTTP
import Testing
import Threading

@Suite("Certificates and trust are replaced while connections are open")
struct TLSReplacementTests {
    private let certificates: TestCertificates

    init() throws { certificates = try TestCertificates.get() }

    /// A connection that stays open, as the openssl command line holds it.
    private func connect(_ port: UInt16, as name: String? = nil, version: String = "-tls1_3") throws -> ChildProcess {
        var words = ["openssl", "s_client", "-connect", "127.0.0.1:\(port)", version, "-ign_eof"]
        if let name { words += ["-cert", certificates.certificate(name), "-key", certificates.key(name)] }
        let child = try ChildProcess(words)
        child.write("GET / HTTP/1.1\r\nHost: t\r\n\r\n")
        return child
    }

    private func subject(_ port: UInt16) throws -> String {
        let words = ["openssl", "s_client", "-connect", "127.0.0.1:\(port)"]
        let output = try ChildProcess.run(words).output
        return output.split(separator: "\n").first { $0.hasPrefix("subject=") }.map(String.init) ?? output
    }

    @Test("Ten replacements under load: no request fails, no connection is lost, new ones see the new certificate")
    func underLoad() throws {
        let (listener, port) = try serveTLS(try certificates.configuration())
        defer { listener.stop(within: .zero) }
        let requests = 3_000
        let client = try ChildProcess([
            "curl", "-sS", "--noproxy", "*", "--cacert", certificates.certificate("ca"), "--cert",
            certificates.certificate("alice"), "--key", certificates.key("alice"), "-o", "/dev/null", "-w",
            "%{http_code} %{num_connects}\n", "https://127.0.0.1:\(port)/[1-\(requests)]",
        ])
        #expect(client.read(until: "200 1\n"))
        for round in 1...10 {
            let name = round.isMultiple(of: 2) ? "server" : "server2"
            #expect(try listener.replace(tls: try certificates.configuration(server: name)) == 0)
            #expect(try subject(port) == "subject=CN = \(name)")
        }
        #expect(client.finish() == 0)
        let lines = client.text.split(separator: "\n")
        #expect(lines.count == requests)
        #expect(lines.filter { $0.hasPrefix("200 ") }.count == requests)
        #expect(lines.filter { $0 == "200 1" }.count == 1)
    }

    @Test("Who is not believed any more loses its connection, and nobody else does", arguments: ["-tls1_2", "-tls1_3"])
    func revoked(version: String) throws {
        let tls = try certificates.configuration(believing: ["alice", "bob"])
        let (listener, port) = try serveTLS(tls)
        defer { listener.stop(within: .zero) }
        let alice = try connect(port, as: "alice", version: version)
        let bob = try connect(port, as: "bob", version: version)
        let nobody = try connect(port, version: version)
        #expect(alice.read(until: "spiffe://test/alice"))
        #expect(bob.read(until: "spiffe://test/bob"))
        #expect(nobody.read(until: "nobody"))
        #expect(listener.judgeClientsAgain() == 0)
        #expect(try listener.replace(tls: try certificates.configuration(believing: ["bob"])) == 1)
        _ = alice.finish()
        #expect(eventually { listener.connectionCount == 2 })
        bob.write("GET /again HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
        _ = bob.finish()
        #expect(bob.text.components(of: "spiffe://test/bob") == 2)
        #expect(eventually { listener.connectionCount == 1 })
        nobody.write("GET /again HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
        _ = nobody.finish()
        #expect(nobody.text.components(of: "nobody") == 2)
    }

    @Test("A client that is believed only now keeps its connection and is told so")
    func believedLater() throws {
        let (listener, port) = try serveTLS(try certificates.configuration(believing: []))
        defer { listener.stop(within: .zero) }
        let alice = try connect(port, as: "alice")
        #expect(alice.read(until: "client-certificate-unknown"))
        #expect(try listener.replace(tls: try certificates.configuration(believing: ["alice"])) == 0)
        alice.write("GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
        #expect(alice.read(until: "spiffe://test/alice"))
    }

    @Test("A connection whose answer is still to come is cut with the others")
    func whileWaiting() throws {
        let shelf = SuspendedAnswerTests.Shelf()
        let (listener, port) = try serveTLS(try certificates.configuration(), shelf)
        defer { listener.stop(within: .zero) }
        let alice = try connect(port, as: "alice")
        #expect(shelf.waitFor(1))
        #expect(try listener.replace(tls: try certificates.configuration(believing: [])) == 1)
        _ = alice.finish()
        #expect(eventually { listener.connectionCount == 0 })
        let exchanges = shelf.takeAll()
        #expect(exchanges.map(\.clientHasGone) == [true])
        for exchange in exchanges { exchange.answer(.text("too late")) }
    }

    @Test("Replacing races with connections that come and go, and neither hangs nor crashes")
    func race() throws {
        let (listener, port) = try serveTLS(try certificates.configuration())
        defer { listener.stop(within: .zero) }
        let certificates = certificates
        let answers = Locked<[String]>([])
        let clients = (0..<4).map { _ in
            Threading.Thread {
                for _ in 0..<8 {
                    let words = [
                        "curl", "-sS", "--noproxy", "*", "--cacert", certificates.certificate("ca"), "--cert",
                        certificates.certificate("alice"), "--key", certificates.key("alice"), "-o", "/dev/null", "-w",
                        "%{http_code}", "https://127.0.0.1:\(port)/",
                    ]
                    let output = (try? ChildProcess.run(words).output) ?? "no curl"
                    answers.withLock { $0.append(output) }
                }
            }
        }
        for round in 0..<200 {
            try listener.replace(
                tls: try certificates.configuration(server: round.isMultiple(of: 2) ? "server" : "server2"))
        }
        clients.forEach { $0.join() }
        #expect(answers.withLock { $0 } == [String](repeating: "200", count: 32))
    }
}

extension String {
    /// How often `part` occurs.
    fileprivate func components(of part: String) -> Int {
        var count = 0
        var rest = self[...]
        while let range = rest.firstRange(of: part) {
            count += 1
            rest = rest[range.upperBound...]
        }
        return count
    }
}
