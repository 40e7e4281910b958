import Certificates
import Testing

@Suite("Many threads at once")
struct ManyThreadsTests {
    @Test("One trust store serves them all, with the same answers")
    func verify() async throws {
        let now = CalendarTime.now()
        let authority = try CertificateAuthority.make(name: "a", validity: Validity(from: now, days: 10))
        let validity = Validity(from: now, days: 1)
        let good = try authority.issue(.client(name: "good", uri: "x:good"), validity: validity).certificate
        let bad = try authority.issue(.client(name: "bad", uri: "x:bad"), validity: validity).certificate
        let list = try authority.revocationList(
            after: nil, revoking: [RevokedCertificate(serial: bad.serial, date: now)], validity: validity)
        // Fresh objects: whatever libcrypto fills in on first use is filled in by all at once.
        let trust = try TrustStore(
            authorities: [try Certificate(der: authority.certificate.der)],
            revocationLists: [try RevocationList(der: list.der)])
        let answers = await withTaskGroup(of: (believed: Int, revoked: Int).self) { group in
            for _ in 0..<8 {
                group.addTask {
                    var counts = (believed: 0, revoked: 0)
                    for _ in 0..<50 {
                        if case .success(let identity) = trust.verifyClient(chain: [good.der], at: now) {
                            counts.believed += identity.uris == ["x:good"] ? 1 : 0
                        }
                        if case .failure(.revoked) = trust.verifyClient(chain: [bad.der], at: now) {
                            counts.revoked += 1
                        }
                    }
                    return counts
                }
            }
            return await group.reduce(into: (believed: 0, revoked: 0)) {
                $0.believed += $1.believed
                $0.revoked += $1.revoked
            }
        }
        #expect(answers.believed == 400 && answers.revoked == 400)
    }

    @Test("One key signs for them all")
    func issue() async throws {
        let now = CalendarTime.now()
        let authority = try CertificateAuthority.make(name: "a", validity: Validity(from: now, days: 10))
        let serials = try await withThrowingTaskGroup(of: SerialNumber.self) { group in
            for index in 0..<40 {
                group.addTask {
                    let request = try CertificateRequest.client(name: "c\(index)", uri: "x:\(index)")
                    return try authority.issue(request, validity: Validity(from: now, days: 1)).certificate.serial
                }
            }
            return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(serials.count == 40)
    }
}
