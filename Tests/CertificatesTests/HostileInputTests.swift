import Certificates
import Testing

@Suite("Hostile input")
struct HostileInputTests {
    /// One to four changes: a bit, a byte, a run cut out, doubled, or put in from elsewhere.
    static func mutated(_ bytes: [UInt8], _ random: inout SplitMix) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...4, using: &random) where bytes.count > 1 {
            let place = Int.random(in: 0..<bytes.count, using: &random)
            let end = min(bytes.count, place + Int.random(in: 1...16, using: &random))
            switch Int.random(in: 0..<6, using: &random) {
            case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1: bytes[place] = UInt8.random(in: 0 ... .max, using: &random)
            case 2: bytes[place] = [0, 1, 0x7f, 0x80, 0x82, 0x84, 0xff].randomElement(using: &random) ?? 0
            case 3: bytes.removeSubrange(place..<end)
            case 4: bytes.insert(contentsOf: bytes[place..<end], at: place)
            default:
                let source = Int.random(in: 0..<bytes.count, using: &random)
                bytes[place] = bytes[source]
            }
        }
        return bytes
    }

    @Test("10,000 mutations of a certificate and of its CA's never crash, and none is believed")
    func certificates() throws {
        let seed = UInt64.random(in: 0 ... .max)
        print("seed of HostileInputTests.certificates: \(seed)")
        var random = SplitMix(seed: seed)
        let root = try CommandAuthority()
        let middle = try CommandAuthority(name: "Middle", parent: root)
        let der = try middle.issue(
            extensions: CommandAuthority.clientExtensions(
                names: "URI:spiffe://tdxd/role/lab,DNS:a.example,IP:192.0.2.7"))
        let middleDER = try middle.certificate.der
        let trust = try TrustStore(
            authorities: [try root.certificate],
            revocationLists: [try root.revocationList(), try middle.revocationList()])
        let now = CalendarTime.now().adding(seconds: 60)
        #expect(throws: Never.self) { try trust.verifyClient(chain: [der, middleDER], at: now).get() }
        var parsed = 0
        var codes: Set<CertificateRefusal.Code> = []
        for round in 0..<10_000 {
            let isLeaf = round % 2 == 0
            let changed = Self.mutated(isLeaf ? der : middleDER, &random)
            guard changed != (isLeaf ? der : middleDER) else { continue }
            if let certificate = try? Certificate(der: changed) {
                parsed += 1
                #expect(certificate.der == changed)
            }
            switch trust.verifyClient(chain: isLeaf ? [changed, middleDER] : [der, changed], at: now) {
            case .success: Issue.record("believed: \(changed)")
            case .failure(let refusal): codes.insert(refusal.code)
            }
        }
        print("\(parsed) of 10000 were certificates still; refusals: \(codes.map(\.rawValue).sorted())")
        #expect(parsed > 100, "the mutations reach beyond the parser")
        #expect(codes.contains(.malformed) && codes.contains(.badSignature) && codes.contains(.unknownAuthority))
    }

    @Test("3,000 mutations of a revocation list never crash, and none holds")
    func lists() throws {
        let seed = UInt64.random(in: 0 ... .max)
        print("seed of HostileInputTests.lists: \(seed)")
        var random = SplitMix(seed: seed)
        let root = try CommandAuthority()
        for _ in 0..<3 { try root.revoke(try root.issue()) }
        let authority = try root.certificate
        let der = try root.revocationList().der
        #expect(try RevocationList(der: der).isSigned(by: authority))
        var parsed = 0
        for _ in 0..<3000 {
            let changed = Self.mutated(der, &random)
            guard changed != der, let list = try? RevocationList(der: changed) else { continue }
            parsed += 1
            #expect(!list.isSigned(by: authority), "\(changed)")
        }
        #expect(parsed > 30, "the mutations reach beyond the parser")
    }

    @Test("3,000 mutations of PEM files and of keys never crash")
    func files() throws {
        let seed = UInt64.random(in: 0 ... .max)
        print("seed of HostileInputTests.files: \(seed)")
        var random = SplitMix(seed: seed)
        let root = try CommandAuthority()
        let chain = try root.certificate.pem + Certificate(der: try root.issue()).pem
        let key = PrivateKey.generate()
        // SAFETY: bytes have no padding; the copy is made while they are lent.
        let keyPEM = key.withPEM { unsafe $0.withUnsafeBytes { unsafe [UInt8]($0) } }
        var read = 0
        for _ in 0..<1500 {
            if (try? CertificateFile.certificates(in: Self.mutated(chain, &random))) != nil { read += 1 }
            if (try? CertificateFile.privateKey(in: Self.mutated(keyPEM, &random))) != nil { read += 1 }
        }
        #expect(read < 3000)
    }

    @Test("Random bytes are no certificate")
    func noise() throws {
        let seed = UInt64.random(in: 0 ... .max)
        print("seed of HostileInputTests.noise: \(seed)")
        var random = SplitMix(seed: seed)
        for length in 0..<300 {
            let noise = (0..<length).map { _ in UInt8.random(in: 0 ... .max, using: &random) }
            #expect(throws: CertificateError.self) { try Certificate(der: noise) }
            #expect(throws: CertificateError.self) { try RevocationList(der: noise) }
            #expect(throws: CertificateError.self) { try PrivateKey(der: noise) }
        }
    }
}
