import ArgumentParser
import Certificates
import Configuration
import ControlAPI
import ControlSchema
import FoundationEssentials
import MicroHTTP
import TestFolders
import Testing

@testable import tdxd

/// A folder of certificates.
private final class PKIFolder: Sendable {
    private let parent: TemporaryFolder
    let path: String
    let files: TLSFiles

    init(now: CalendarTime = .now(), days: Int = 397) throws {
        parent = try TemporaryFolder()
        path = parent.path + "/pki"
        let plan = PKIPlan(
            serverNames: ["localhost"], lifetimes: PKILifetimes(certificateDays: days),
            roles: RoleFile.ofRoleNames.json)
        _ = try PKICreation.make(plan, at: path, now: now)
        let sources = ConfigurationSources(
            flags: try ServeOptions.parse(["--pki", path]).values, environment: [:], file: nil,
            standards: Standards(userID: 0, environment: [:]).values)
        files = try #require(try Settings(sources.effective()).tlsFiles)
    }

    func material() throws(TLSFault) -> TLSMaterial { try TLSMaterial(reading: files) }

    func certificate(_ name: String) throws -> Certificate {
        try CertificateFile.certificates(at: "\(path)/\(name).pem")[0]
    }
}

@Suite("What TLS listeners go by")
struct TrustInForceTests {
    private let now = CalendarTime.now()

    @Test("Each reason to refuse a client has an entry in the catalogue, with 403")
    func catalogue() {
        for code in CertificateRefusal.Code.allCases {
            #expect(OwnError.named(code.rawValue)?.status == 403, "\(code.rawValue)")
        }
    }

    @Test("A client is known by its URI and digest, or refused with the reason and the digest")
    func verdicts() throws {
        let (ours, others) = (try PKIFolder(), try PKIFolder())
        let trust = TrustInForce(try ours.material())
        let lab = try ours.certificate("lab")
        #expect(
            trust.verify([lab.der])
                == .verified(uris: ["spiffe://tdxd/role/lab"], sha256: lab.fingerprint.description))
        let stranger = try others.certificate("lab")
        #expect(
            trust.verify([stranger.der])
                == .refused(
                    code: "client-certificate-unknown-ca",
                    reason: "The client certificate was not issued by a CA that is trusted here. "
                        + "Its SHA-256 is \(stranger.fingerprint)."))
    }

    @Test("Clients are judged again when a certificate that was believed ends, once")
    func turns() throws {
        let folder = try PKIFolder(now: now, days: 3)
        let trust = TrustInForce(try folder.material())
        let end = try folder.certificate("lab").validity.notAfter
        #expect(!trust.takeTurn(now: end))
        _ = trust.verify([try folder.certificate("lab").der], now: now)
        #expect(!trust.takeTurn(now: end.adding(seconds: -1)))
        #expect(trust.takeTurn(now: end))
        #expect(!trust.takeTurn(now: end))
        // Who is refused for good has no turn to come.
        let verdict = trust.verify([try folder.certificate("lab").der], now: end)
        guard case .refused("client-certificate-expired", _) = verdict else {
            Issue.record("\(verdict)")
            return
        }
        #expect(!trust.takeTurn(now: end.adding(days: 9_999)))
    }

    @Test("Clients are judged again when the revocation list should have been followed by another")
    func listTurns() throws {
        // The certificates end later.
        let folder = try PKIFolder(now: now, days: 900)
        let trust = TrustInForce(try folder.material())
        _ = trust.verify([try folder.certificate("lab").der], now: now)
        let list = try CertificateFile.revocationLists(at: folder.path + "/crl.pem")[0]
        let next = try #require(list.nextUpdate)
        #expect(!trust.takeTurn(now: next.adding(seconds: -1)))
        #expect(trust.takeTurn(now: next))
    }

    @Test("Clients are judged again when one that came too early may come")
    func earlyClients() throws {
        let folder = try PKIFolder(now: now)
        let trust = TrustInForce(try folder.material())
        let begin = try folder.certificate("ca").validity.notBefore
        let verdict = trust.verify([try folder.certificate("lab").der], now: begin.adding(days: -1))
        guard case .refused("client-certificate-not-yet-valid", _) = verdict else {
            Issue.record("\(verdict)")
            return
        }
        #expect(!trust.takeTurn(now: begin.adding(seconds: -1)))
        #expect(trust.takeTurn(now: begin))
    }

    @Test("The report counts the days, and is another with another number only when something in it is")
    func report() throws {
        let folder = try PKIFolder(now: now, days: 90)
        let trust = TrustInForce(try folder.material(), now: now)
        let first = trust.report
        #expect(first.status.certificates.map(\.daysLeft) == [90])
        #expect(first.status.certificates.map(\.names) == [["localhost"]])
        #expect(first.status.identityCount == 5)
        #expect(first.status.lastReload == nil)
        trust.refreshReport(now: now.adding(seconds: 0))
        #expect(trust.report.revision == first.revision)
        trust.refreshReport(now: now.adding(days: 91))
        #expect(trust.report.revision > first.revision)
        #expect(trust.report.status.certificates.map(\.daysLeft) == [-1])
    }

    @Test("What was refused is reported, and changes neither trust nor roles; what is taken changes both")
    func reloads() throws {
        let (old, new) = (try PKIFolder(), try PKIFolder())
        let trust = TrustInForce(try old.material(), now: now)
        trust.note(TLSFault(old.files.key, "is odd"), because: .fileChange, now: now)
        let refused = try #require(trust.report.status.lastReload)
        #expect((refused.outcome, refused.trigger) == (.refused, .fileChange))
        #expect(refused.reason == "--pki: \(old.path)/server.key: is odd")
        #expect(trust.material.own.certificate == (try old.certificate("server")))
        try Data(#"{"identities": {}}"#.utf8).write(to: URL(filePath: new.path + "/roles.json"))
        trust.take(try new.material(), because: .signal, now: now)
        let applied = try #require(trust.report.status.lastReload)
        #expect((applied.outcome, applied.trigger, applied.reason) == (.applied, .signal, nil))
        #expect(trust.roles.count == 0)
        guard case .verified = trust.verify([try new.certificate("lab").der]) else {
            Issue.record("the new CA is not believed")
            return
        }
    }

    @Test("A certificate that does not count follows only one that does not either")
    func successors() throws {
        let brief = try PKIFolder(now: now, days: 1)
        let long = try PKIFolder(now: now)
        let later = now.adding(days: 2)
        let trust = TrustInForce(try long.material())
        #expect(throws: TLSFault.self) { try trust.check(successor: brief.material(), brief.files, now: later) }
        try trust.check(successor: brief.material(), brief.files, now: now)
        let coming = try PKIFolder(now: now.adding(days: 1))
        #expect(throws: TLSFault.self) { try trust.check(successor: coming.material(), coming.files, now: now) }
        try trust.check(successor: coming.material(), coming.files, now: later)
        try TrustInForce(try brief.material()).check(successor: brief.material(), brief.files, now: later)
    }
}

@Suite("Stamps of files")
struct FileStampTests {
    @Test("A file written again, another in its place, and none are told apart; one that nobody touches is the same")
    func stamps() throws {
        let folder = try PKIFolder()
        let file = folder.path + "/roles.json"
        let first = try #require(FileStamp(of: file))
        #expect(FileStamp(of: file) == first)
        try Data("{}".utf8).write(to: URL(filePath: file))
        let second = try #require(FileStamp(of: file))
        #expect(second != first)
        try Data("{}".utf8).write(to: URL(filePath: file + ".new"))
        _ = try FileManager.default.removeItem(atPath: file)
        #expect(FileStamp(of: file) == nil)
        try FileManager.default.moveItem(atPath: file + ".new", toPath: file)
        #expect(FileStamp(of: file) != second)
    }
}
