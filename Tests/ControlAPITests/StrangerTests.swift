import ControlSchema
import HTTPExchange
import HTTPTypes
import Testing
import Threading

@testable import ControlAPI

@Suite("Clients on TLS listeners")
struct StrangerTests {
    private static let digest = String(repeating: "5f", count: 32)
    private static let alice = "spiffe://tdxd/user/alice"

    private func peer(_ identity: ClientIdentity) -> Peer {
        Peer(listener: "tls", transport: .tls(address: "192.0.2.1", port: 7, identity: identity))
    }

    /// Code and detail of the refusal of a read, a write and a path that is not there, which are the same.
    private func refusal(_ identity: ClientIdentity) throws -> [String] {
        let service = try Service.shared()
        var refusals: Set<[String]> = []
        for (method, path) in [(HTTPRequest.Method.get, "/host"), (.post, "/tds"), (.get, "/nothing"), (.put, "/tds")] {
            let answer = try service.ask(method, path, method == .get ? nil : "{}", peer: peer(identity))
            #expect(answer.status == 403)
            refusals.insert([answer.code ?? "", answer.json["detail"].string ?? ""])
        }
        #expect(refusals.count == 1)
        return refusals.first ?? []
    }

    @Test("Each is told why it is nobody")
    func reasons() throws {
        #expect(try refusal(.none) == ["client-certificate-required", "No client certificate was sent."])
        #expect(
            try refusal(.refused(code: "client-certificate-expired", reason: "It ended."))
                == ["client-certificate-expired", "It ended."])
        #expect(
            try refusal(.verified(uris: [Self.alice], sha256: Self.digest))
                == [
                    "client-identity-unknown",
                    #"No role is given to "\#(Self.alice)" nor to "sha256:\#(Self.digest)"."#,
                ])
        #expect(
            try refusal(.verified(uris: [], sha256: Self.digest))
                == ["client-identity-unknown", #"No role is given to "sha256:\#(Self.digest)"."#])
    }

    @Test("A certificate with very many names does not make a very long answer")
    func manyNames() throws {
        let uris = (1...9).map { "x:\($0)" }
        let expected =
            #"No role is given to "x:1" nor to "x:2" nor to "x:3" nor to "x:4" nor to "sha256:\#(Self.digest)", "#
            + "nor to 5 more URIs."
        #expect(try refusal(.verified(uris: uris, sha256: Self.digest))[1] == expected)
    }

    @Test("A code that the catalogue lacks becomes the general one")
    func unheardOf() throws {
        #expect(
            try refusal(.refused(code: "client-certificate-odd", reason: "Odd.")) == ["peer-not-authorized", "Odd."])
    }

    @Test("Livez and readyz need no certificate")
    func health() throws {
        let service = try Service.shared()
        for path in ["/livez", "/readyz"] {
            #expect(try service.ask(.get, path, peer: peer(.none)).status == 200)
            #expect(try service.ask(.get, path, peer: peer(.refused(code: "x", reason: "y"))).status == 200)
        }
    }

    @Test("The certificate itself counts before its URIs, and of those the first that has a role")
    func precedence() {
        let roles = CertificateRoles([.uri("x:2"): .viewer, .uri("x:3"): .lab, .sha256(Self.digest): .operator])
        let policy = AccessPolicy(users: [:], groups: [:], listeners: [:], certificates: roles)
        func identity(_ uris: [String], _ sha256: String) -> [String] {
            let found = policy.identify(peer(.verified(uris: uris, sha256: sha256)))
            return [found.principal, found.role?.rawValue ?? ""]
        }
        let other = String(repeating: "00", count: 32)
        #expect(identity(["x:3"], Self.digest) == ["sha256:\(Self.digest)", "operator"])
        #expect(identity(["x:1", "x:2", "x:3"], other) == ["x:2", "viewer"])
        #expect(identity(["x:1"], other) == ["x:1", ""])
        #expect(identity([], other) == ["sha256:\(other)", ""])
        // A URI that looks like a digest is none.
        #expect(identity(["sha256:\(Self.digest)"], other)[1].isEmpty)
        roles.replace(with: [.uri("x:1"): .metrics])
        #expect(identity(["x:1"], Self.digest) == ["x:1", "metrics"])
    }
}

@Suite("GET /host with TLS")
struct HostTLSTests {
    private func status(_ count: Int) -> TLSStatus {
        let time = Timestamp(seconds: 1_800_000_000, nanoseconds: 0)
        let certificate = CertificateStatus(
            subject: "CN=s", names: ["localhost"], sha256: String(repeating: "0f", count: 32), notBefore: time,
            notAfter: time, daysLeft: 3)
        return TLSStatus(
            certificates: [certificate], trustAnchors: [certificate],
            revocationLists: [
                RevocationListStatus(
                    issuer: "CN=s", number: 1, revokedCount: 0, thisUpdate: time, nextUpdate: time, daysLeft: 3)
            ],
            identityCount: count, loadedAt: time,
            lastReload: ReloadReport(at: time, trigger: .signal, outcome: .refused, reason: "why"))
    }

    @Test("It has what was reported last, and another tag when that is another report")
    func report() throws {
        let reports = Reports()
        let service = try Service(tls: { reports.current })
        let first = try service.ask(.get, "/host")
        #expect(first.json["tls"]["identityCount"].int == nil)
        reports.current = TLSReport(revision: 1 << 50, status: status(4))
        let second = try service.ask(.get, "/host", [.ifNoneMatch: first.fields[.eTag] ?? ""])
        #expect(second.status == 200)
        #expect(second.json["tls"]["identityCount"].int == 4)
        #expect(second.json["revision"].int == 1 << 50)
        #expect(try service.ask(.get, "/host", [.ifNoneMatch: second.fields[.eTag] ?? ""]).status == 304)
    }
}

private final class Reports: Sendable {
    private let report = Locked<TLSReport?>(nil)
    var current: TLSReport? {
        get { report.withLock { $0 } }
        set { report.withLock { $0 = newValue } }
    }
}
