import Certificates
import Testing

/// A trust store remembers whom it has believed. Each question is asked twice, so that the second answer may be the
/// remembered one.
@Suite("A chain that was believed before")
struct BelievedChainTests {
    let root: CommandAuthority
    let now = CalendarTime.now().adding(seconds: 60)

    init() throws { root = try CommandAuthority() }

    private func code(_ store: TrustStore, _ chain: [[UInt8]], at time: CalendarTime) -> String? {
        let answers = (0..<2).map { _ in store.verifyClient(chain: chain, at: time) }
        #expect(answers[0] == answers[1])
        if case .failure(let refusal) = answers[1] { return refusal.code.rawValue }
        return nil
    }

    @Test("It is the same identity again")
    func same() throws {
        let der = try root.issue()
        let store = try TrustStore(authorities: [try root.certificate])
        #expect(code(store, [der], at: now) == nil)
        #expect(try store.verifyClient(chain: [der], at: now).get().fingerprint == Fingerprint(of: der))
    }

    @Test("It is refused from the second in which its certificate ends, and before it begins")
    func dates() throws {
        let der = try root.issue()
        let validity = try Certificate(der: der).validity
        let store = try TrustStore(authorities: [try root.certificate])
        #expect(code(store, [der], at: now) == nil)
        #expect(code(store, [der], at: validity.notAfter.adding(seconds: 1)) == "client-certificate-expired")
        #expect(code(store, [der], at: validity.notBefore.adding(seconds: -1)) == "client-certificate-not-yet-valid")
        #expect(code(store, [der], at: now) == nil)
    }

    @Test("One other byte anywhere, or another order, is another chain")
    func otherBytes() throws {
        let middle = try CommandAuthority(name: "Middle", parent: root)
        let (der, middleDER) = (try middle.issue(), try middle.certificate.der)
        let store = try TrustStore(authorities: [try root.certificate])
        #expect(code(store, [der, middleDER], at: now) == nil)
        for place in Array(stride(from: 0, to: der.count, by: 61)) + [der.count - 1] {
            var changed = der
            changed[place] ^= 1
            #expect(code(store, [changed, middleDER], at: now) != nil, "byte \(place)")
        }
        #expect(code(store, [der], at: now) == "client-certificate-unknown-ca")
        #expect(code(store, [middleDER, der], at: now) != nil)
        #expect(code(store, [der, middleDER], at: now) == nil)
    }

    @Test("It is looked at again when a revocation list ends, and another store knows nothing of it")
    func lists() throws {
        let der = try root.issue()
        let list = try root.revocationList()
        let end = try #require(list.nextUpdate)
        let policy = RevocationPolicy(whenMissing: .refuse, whenOutdated: .refuse)
        let authority = try root.certificate
        let store = try TrustStore(authorities: [authority], revocationLists: [list], revocation: policy)
        let before = end.adding(seconds: -1)
        #expect(code(store, [der], at: before) == nil)
        #expect(code(store, [der], at: end) == "client-certificate-revocation-unknown")
        try root.revoke(der)
        let newer = try TrustStore(
            authorities: [authority], revocationLists: [try root.revocationList()], revocation: policy)
        #expect(code(newer, [der], at: now) == "client-certificate-revoked")
    }
}
