import HTTPExchange
import HTTPTypes
import MicroHTTP
import Testing
import Threading

/// Answers with what is known of the client.
let whoIsThere = ClosureResponder { request, exchange in
    guard case .tls(let address, _, let identity) = request.head.peer.transport else {
        return exchange.answer(.text("not TLS", status: .internalServerError))
    }
    switch identity {
    case .none: exchange.answer(.text("\(address) nobody", status: .forbidden))
    case .refused(let code, let reason): exchange.answer(.text("\(address) \(code): \(reason)", status: .forbidden))
    case .verified(let uris, let sha256): exchange.answer(.text("\(address) \(uris) \(sha256)"))
    }
}

func serveTLS(
    _ tls: TLSConfiguration, _ responder: any Responder = whoIsThere, limits: Limits = Limits(),
    address: String = "127.0.0.1"
) throws -> (listener: Listener, port: UInt16) {
    let listener = try Listener(
        name: "tls", at: .tlsTCP(address: address, port: 0, tls: tls), limits: limits, responder: responder,
        logger: quietLogger)
    guard let port = listener.port else { throw RawClient.Failure(description: "no port") }
    return (listener, port)
}

@Suite("TLS")
struct TLSTests {
    private let certificates: TestCertificates

    init() throws { certificates = try TestCertificates.get() }

    private func curl(
        _ port: UInt16, _ options: [String], as name: String? = nil
    ) throws -> (status: Int32, output: String) {
        var words = ["curl", "-sS", "--noproxy", "*", "--cacert", certificates.certificate("ca")]
        if let name { words += ["--cert", certificates.certificate(name), "--key", certificates.key(name)] }
        return try ChildProcess.run(words + options + ["https://127.0.0.1:\(port)/"])
    }

    private func client(_ port: UInt16, _ options: [String]) -> [String] {
        ["openssl", "s_client", "-connect", "127.0.0.1:\(port)", "-CAfile", certificates.certificate("ca")] + options
    }

    private static let lastRequest = "GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"

    @Test("curl is served over TLS 1.2 and 1.3, and its certificate is judged", arguments: ["1.2", "1.3"])
    func versions(version: String) throws {
        let (listener, port) = try serveTLS(try certificates.configuration())
        defer { listener.stop(within: .zero) }
        let options = ["--tlsv\(version)", "--tls-max", version, "-w", " %{http_code} %{http_version}"]
        let sha256 = String(repeating: "0f", count: 32)
        #expect(
            try curl(port, options, as: "alice").output == "127.0.0.1 [\"spiffe://test/alice\"] \(sha256) 200 1.1")
        #expect(try curl(port, options).output == "127.0.0.1 nobody 403 1.1")
        for stranger in ["bob", "foreign"] {
            #expect(
                try curl(port, options, as: stranger).output
                    == "127.0.0.1 client-certificate-unknown: nobody knows this certificate 403 1.1")
        }
    }

    @Test("TLS 1.0 and 1.1 are refused", arguments: ["-tls1", "-tls1_1"])
    func oldVersions(option: String) throws {
        let (listener, port) = try serveTLS(try certificates.configuration())
        defer { listener.stop(within: .zero) }
        let words = client(port, [option, "-cipher", "ALL:@SECLEVEL=0"])
        let (status, output) = try ChildProcess.run(words, input: Self.lastRequest)
        #expect(status != 0)
        #expect(output.contains("Cipher is (NONE)"))
        #expect(!output.contains("HTTP/1.1"))
    }

    @Test(
        "What is negotiated is AEAD with forward secrecy over X25519, in the server's order",
        arguments: [("-tls1_2", "ECDHE-ECDSA-AES128-GCM-SHA256"), ("-tls1_3", "TLS_AES_128_GCM_SHA256")])
    func negotiated(option: String, cipher: String) throws {
        let (listener, port) = try serveTLS(try certificates.configuration())
        defer { listener.stop(within: .zero) }
        let words = client(port, [option, "-alpn", "h2,http/1.1", "-groups", "P-256:X25519"])
        let (status, output) = try ChildProcess.run(words + ["-ign_eof"], input: Self.lastRequest)
        #expect(status == 0)
        #expect(output.contains("Cipher is \(cipher)"))
        #expect(output.contains("Server Temp Key: X25519"))
        #expect(output.contains("ALPN protocol: http/1.1"))
        #expect(output.contains("Verify return code: 0 (ok)"))
    }

    @Test(
        "Ciphers without forward secrecy or without authentication of the data are refused",
        arguments: [
            "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES128-SHA256", "AES128-GCM-SHA256", "DHE-RSA-AES128-GCM-SHA256",
        ])
    func weakCiphers(cipher: String) throws {
        let (listener, port) = try serveTLS(try certificates.configuration())
        defer { listener.stop(within: .zero) }
        let words = client(port, ["-tls1_2", "-cipher", "\(cipher):@SECLEVEL=0"])
        let (status, output) = try ChildProcess.run(words, input: Self.lastRequest)
        #expect(status != 0)
        // The library closes without an alert; the client's end is an end of file.
        #expect(output.contains("Cipher is (NONE)"))
        #expect(output.contains("unexpected eof"))
    }

    @Test("A session is resumed, and its client judged again", arguments: ["-tls1_2", "-tls1_3"])
    func resumption(option: String) throws {
        let judged = Locked(0)
        let tls = try certificates.configuration { _ in judged.withLock { $0 += 1 } }
        let (listener, port) = try serveTLS(tls)
        defer { listener.stop(within: .zero) }
        let file = "\(certificates.directory)/session\(option)-\(port)"
        let identity = ["-cert", certificates.certificate("alice"), "-key", certificates.key("alice")]
        let first = try ChildProcess.run(
            client(port, [option, "-ign_eof", "-sess_out", file] + identity), input: Self.lastRequest)
        #expect(first.output.contains("New, TLSv"))
        #expect(first.output.contains("spiffe://test/alice"))
        #expect(judged.withLock { $0 } == 1)
        let second = try ChildProcess.run(
            client(port, [option, "-ign_eof", "-sess_in", file]), input: Self.lastRequest)
        #expect(second.output.contains("Reused, TLSv"))
        #expect(second.output.contains("spiffe://test/alice"))
        #expect(judged.withLock { $0 } == 2)
    }

    @Test("After a replacement sessions are not resumed, and who is not believed any more is refused")
    func resumptionAfterReplacement() throws {
        let (listener, port) = try serveTLS(try certificates.configuration())
        defer { listener.stop(within: .zero) }
        let file = "\(certificates.directory)/session-\(port)"
        let identity = ["-cert", certificates.certificate("alice"), "-key", certificates.key("alice")]
        _ = try ChildProcess.run(client(port, ["-ign_eof", "-sess_out", file] + identity), input: Self.lastRequest)
        try listener.replace(tls: try certificates.configuration(server: "server2", believing: ["bob"]))
        let words = client(port, ["-ign_eof", "-sess_in", file] + identity)
        let second = try ChildProcess.run(words, input: Self.lastRequest)
        #expect(second.output.contains("New, TLSv1.3"))
        #expect(second.output.contains("CN = server2"))
        #expect(second.output.contains("client-certificate-unknown"))
    }

    @Test("A client is judged once for each connection")
    func onceAConnection() throws {
        let judged = Locked(0)
        let tls = try certificates.configuration { _ in judged.withLock { $0 += 1 } }
        let (listener, port) = try serveTLS(tls)
        defer { listener.stop(within: .zero) }
        let url = "https://127.0.0.1:\(port)/[1-49]"
        let answer = try curl(port, ["-o", "/dev/null", "-w", "%{http_code}%{num_connects} ", url], as: "alice")
        #expect(answer.output.hasPrefix("2001 2000 2000 "))
        #expect(judged.withLock { $0 } == 1)
        _ = try curl(port, [], as: "alice")
        #expect(judged.withLock { $0 } == 2)
    }

    @Test("A chain is handed over in order, and one that is too long is refused unread")
    func chains() throws {
        let seen = Locked<[Int]>([])
        let tls = try certificates.configuration { chain in seen.withLock { $0.append(chain.count) } }
        let (listener, port) = try serveTLS(tls)
        defer { listener.stop(within: .zero) }
        func chained(_ count: Int) throws -> String {
            let path = "\(certificates.directory)/chain\(count)-\(port).pem"
            let authorities = [String](repeating: certificates.certificate("ca"), count: count - 1)
            let files = [certificates.certificate("alice")] + authorities
            let script = "cat \(files.joined(separator: " ")) > \(path)"
            #expect(try ChildProcess.run(["sh", "-c", script]).status == 0)
            return path
        }
        for count in [2, TLSConfiguration.largestChain, TLSConfiguration.largestChain + 1] {
            let words = ["--cert", try chained(count), "--key", certificates.key("alice")]
            let (_, output) = try curl(port, words)
            let isShort = count <= TLSConfiguration.largestChain
            #expect(output.contains(isShort ? "spiffe://test/alice" : "client-certificate-chain-too-long"))
        }
        #expect(seen.withLock { $0 } == [2, TLSConfiguration.largestChain])
    }

    @Test("Plain HTTP on the TLS port gets no answer, and the connection is closed")
    func plainOnTLS() throws {
        let (listener, port) = try serveTLS(try certificates.configuration())
        defer { listener.stop(within: .zero) }
        let client = try RawClient(port: port)
        client.get("/")
        #expect(try !client.takeRest().contains("HTTP"))
        #expect(eventually { listener.connectionCount == 0 })
    }

    @Test("A certificate or key that cannot be used is told, and nothing is left behind")
    func unusable() throws {
        let good = try certificates.configuration()
        var broken = good
        broken.privateKey = try certificates.bytes(certificates.key("server2"))
        #expect {
            _ = try serveTLS(broken)
        } throws: { error in
            guard case .unusableCertificate(let reason)? = error as? ListenerError else { return false }
            return reason.contains("do not match")
        }
        let (listener, port) = try serveTLS(good)
        defer { listener.stop(within: .zero) }
        for chain in [[], [UInt8]("nonsense".utf8), [0]] as [[UInt8]] {
            broken = good
            broken.certificateChain = chain
            #expect(throws: ListenerError.self) { try listener.replace(tls: broken) }
        }
        #expect(try curl(port, [], as: "alice").output.contains("spiffe://test/alice"))
    }

    @Test("TLS is served beyond loopback")
    func beyondLoopback() throws {
        let (listener, port) = try serveTLS(try certificates.configuration(), address: "0.0.0.0")
        defer { listener.stop(within: .zero) }
        #expect(try curl(port, [], as: "alice").output.contains("spiffe://test/alice"))
    }
}
