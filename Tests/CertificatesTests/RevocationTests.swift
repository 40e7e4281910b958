import Certificates
import TestFolders
import Testing

@Suite("Revocation")
struct RevocationTests {
    let root: CommandAuthority
    let now = CalendarTime.now().adding(seconds: 60)
    static let strict = RevocationPolicy(whenMissing: .refuse, whenOutdated: .refuse)

    init() throws { root = try CommandAuthority() }

    func refusal(
        _ chain: [[UInt8]], _ lists: [RevocationList], _ policy: RevocationPolicy = .init(),
        at time: CalendarTime? = nil
    ) throws -> CertificateRefusal? {
        let store = try TrustStore(
            authorities: [try root.certificate], revocationLists: lists, revocation: policy)
        switch store.verifyClient(chain: chain, at: time ?? now) {
        case .success: return nil
        case .failure(let refusal): return refusal
        }
    }

    @Test("A revoked certificate is refused with when and why; others of the same CA are not")
    func revoked() throws {
        let bad = try root.issue()
        let good = try root.issue()
        try root.revoke(bad)
        let list = try root.revocationList()
        #expect(list.entries.count == 1)
        guard case .revoked(.peer, let entry?) = try refusal([bad], [list]) else {
            Issue.record("not refused as revoked")
            return
        }
        #expect(entry == list.entries[0])
        #expect(entry.serial == (try Certificate(der: bad).serial))
        #expect(entry.reason == .keyCompromise)
        #expect(CertificateRefusal.revoked(.peer, entry).description.hasSuffix("Z (keyCompromise)."))
        #expect(try refusal([good], [list]) == nil)
        #expect(try refusal([bad], []) == nil, "the same certificate, when nobody says that it is revoked")
    }

    @Test("A revoked intermediate takes all below it along")
    func revokedIntermediate() throws {
        let middle = try CommandAuthority(name: "Middle", parent: root)
        try root.revoke(try middle.certificate.der, reason: "superseded")
        guard
            case .revoked(ChainPosition(depth: 1), let entry?) = try refusal(
                [try middle.issue(), middle.certificate.der], [try root.revocationList()])
        else {
            Issue.record("not refused as revoked")
            return
        }
        #expect(entry.reason == .superseded)
    }

    @Test("An intermediate's list counts, whether the intermediate is configured or sent")
    func intermediateList() throws {
        let middle = try CommandAuthority(name: "Middle", parent: root)
        let bad = try middle.issue()
        try middle.revoke(bad)
        let code = try refusal([bad, middle.certificate.der], [try middle.revocationList()])?.code
        #expect(code == .revoked)
    }

    @Test("Without a list of a CA the policy decides")
    func missing() throws {
        let der = try root.issue()
        #expect(try refusal([der], []) == nil)
        #expect(try refusal([der], [], Self.strict) == .revocationUnknown(.peer, .missing))
        #expect(try refusal([der], [try root.revocationList()], Self.strict) == nil)
        let middle = try CommandAuthority(name: "Middle", parent: root)
        let chain = [try middle.issue(), try middle.certificate.der]
        let lists = [try root.revocationList()]
        #expect(try refusal(chain, lists) == nil)
        #expect(try refusal(chain, lists, Self.strict) == .revocationUnknown(.peer, .missing))
        #expect(try refusal(chain, lists + [try middle.revocationList()], Self.strict) == nil)
    }

    @Test("A strict policy asks for no list of whoever stands above a trusted intermediate")
    func strictPartialChain() throws {
        let middle = try CommandAuthority(name: "Middle", parent: root)
        let store = try TrustStore(
            authorities: [try middle.certificate], revocationLists: [try middle.revocationList()],
            revocation: Self.strict)
        #expect(throws: Never.self) { try store.verifyClient(chain: [try middle.issue()], at: now).get() }
    }

    @Test("With an outdated list the policy decides, and what it revokes stays revoked")
    func outdated() throws {
        let bad = try root.issue()
        let good = try root.issue()
        try root.revoke(bad)
        let list = try root.revocationList()
        let later = now.adding(days: 31)
        #expect(!list.isOutdated(at: now) && list.isOutdated(at: later))
        #expect(try refusal([good], [list], at: later) == .revocationUnknown(.peer, .outdated))
        let lenient = RevocationPolicy(whenMissing: .accept, whenOutdated: .accept)
        #expect(try refusal([good], [list], lenient, at: later) == nil)
        #expect(try refusal([bad], [list], lenient, at: later)?.code == .revoked)
    }

    @Test("A list from the future does not hold")
    func early() throws {
        let list = try root.revocationList(
            options: ["-crl_lastupdate", "20400101000000Z", "-crl_nextupdate", "20410101000000Z"])
        #expect(
            try refusal([try root.issue()], [list]) == .revocationUnknown(.peer, .unusable("it is not in force yet")))
    }

    @Test("A list in the name of an unconfigured CA that it did not sign does not hold")
    func forged() throws {
        let middle = try CommandAuthority(name: "Middle", parent: root)
        let namesake = try CommandAuthority(name: "Middle", parent: root)
        let chain = [try middle.issue(), try middle.certificate.der]
        let lists = [try namesake.revocationList()]
        #expect(
            try refusal(chain, lists) == .revocationUnknown(.peer, .unusable("the CA has not signed it")))
        #expect(try refusal(chain, lists + [middle.revocationList()]) == nil)
    }

    @Test("The newer of two lists of one CA counts")
    func newer() throws {
        let der = try root.issue()
        let before = try root.revocationList(
            options: ["-crl_lastupdate", "20250101000000Z", "-crl_nextupdate", "20990101000000Z"])
        try root.revoke(der)
        let after = try root.revocationList()
        #expect(before.number == 1 && after.number == 2)
        #expect(try refusal([der], [before]) == nil)
        #expect(try refusal([der], [before, after])?.code == .revoked)
        #expect(try refusal([der], [after, before])?.code == .revoked)
    }

    @Test("A CA that must not sign lists signs none that counts")
    func noListSigning() throws {
        let middle = try CommandAuthority(
            name: "Middle", extensions: CommandAuthority.authorityExtensions.replacing(",cRLSign", with: ""),
            parent: root)
        guard
            case .revocationUnknown(.peer, .unusable(let why)) = try refusal(
                [try middle.issue(), middle.certificate.der], [try middle.revocationList()])
        else {
            Issue.record("the list was taken, or passed over")
            return
        }
        #expect(why == "the CA's key must not sign revocation lists")
    }

    @Test("Delta lists and lists of limited scope are not supported")
    func scope() throws {
        let scratch = try TemporaryFolder()
        for (line, what) in [
            ("issuingDistributionPoint=critical,onlyuser:TRUE", "a list of limited scope"),
            ("2.5.29.27=critical,ASN1:INTEGER:1", "a delta list"),
            ("1.2.3.4=critical,ASN1:INTEGER:1", "a critical extension of the list"),
        ] {
            let configuration = try String(decoding: bytes(of: root.folder.file("ca.cnf")), as: UTF8.self)
            let config = try scratch.write(configuration.replacing("[crl]", with: "[crl]\n\(line)"), to: "ca.cnf")
            let file = scratch.file("crl.pem")
            try run("openssl", "ca", "-config", config, "-gencrl", "-out", file)
            #expect(throws: CertificateError(.unsupported(what), file: file, entry: 1)) {
                try CertificateFile.revocationLists(at: file)
            }
        }
    }
}
