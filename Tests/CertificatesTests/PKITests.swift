import Certificates
import FoundationEssentials
import Glibc
import TestFolders
import Testing

@Suite("A folder of certificates")
struct PKITests {
    let scratch: TemporaryFolder
    let now = CalendarTime.now()
    var path: String { scratch.file("pki") }

    init() throws { scratch = try TemporaryFolder() }

    @discardableResult
    func make(replacing: Bool = false, now: CalendarTime? = nil) throws -> PKICreation.Outcome {
        let plan = PKIPlan(serverNames: ["localhost"], serverAddresses: [try #require(IPAddress("127.0.0.1"))])
        return try PKICreation.make(plan, at: path, replacing: replacing, now: now ?? self.now)
    }

    func names(_ folder: String = "") throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path + "/" + folder).sorted()
    }

    func request(_ name: String = "alice") throws -> CertificateRequest {
        try .client(name: name, uri: "spiffe://tdxd/user/\(name)")
    }

    @Test("A new folder holds a CA, a server, a client for each role and an empty revocation list")
    func creation() throws {
        let made = try make()
        let clients = ["admin", "lab", "metrics", "operator", "viewer"]
        let all = (["ca", "server"] + clients).flatMap { ["\($0).key", "\($0).pem"] } + ["crl.pem", "issued"]
        #expect(try names() == all.sorted())
        #expect(
            made.certificates.map(\.file) == [
                "ca.pem", "server.pem", "viewer.pem", "operator.pem", "lab.pem", "admin.pem", "metrics.pem",
            ])
        #expect(made.movedAside == nil)
        #expect(try names("issued").count == 6)
        for role in clients {
            let certificate = try CertificateFile.certificates(at: path + "/\(role).pem")[0]
            #expect(certificate.names.uris == ["spiffe://tdxd/role/\(role)"])
            #expect(certificate.validity == Validity(from: now, days: 397))
        }
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: scratch.path) == ["pki"], "nothing is left beside it")
    }

    @Test("Roles are kept beside the certificates, and others may replace neither them nor what they say")
    func roles() throws {
        let first = PKIPlan(serverNames: ["localhost"], roles: Array("first".utf8))
        _ = try PKICreation.make(first, at: path, now: now)
        let file = path + "/roles.json"
        #expect(try CertificateFile.roles(at: file, limit: 9) == Array("first".utf8))
        #expect(try mode(of: file) == 0o644)
        let directory = try PKIDirectory(path)
        #expect(directory.rolesPath == file)
        try directory.write(roles: Array("second".utf8))
        #expect(try CertificateFile.roles(at: file, limit: 9) == Array("second".utf8))
        #expect(throws: CertificateError(.tooLarge(limitBytes: 5), file: file)) {
            try CertificateFile.roles(at: file, limit: 5)
        }
        for mode in [0o664, 0o646] {
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
            #expect(throws: CertificateError(.tooOpen(mode: UInt32(mode)), file: file)) {
                try CertificateFile.roles(at: file, limit: 9)
            }
        }
    }

    @Test("The folder is the owner's alone and so are the keys, whatever the mask")
    func modes() throws {
        try make()
        #expect(try mode(of: path) == 0o700)
        for name in try names() where name.hasSuffix(".key") { #expect(try mode(of: path + "/" + name) == 0o600) }
        for name in try names() where name.hasSuffix(".pem") { #expect(try mode(of: path + "/" + name) == 0o644) }
    }

    @Test("What is in it works together: our trust store and the openssl command agree")
    func works() throws {
        try make()
        let trust = try TrustStore(
            authorityFiles: [path + "/ca.pem"], revocationListFiles: [path + "/crl.pem"],
            revocation: RevocationPolicy(whenMissing: .refuse, whenOutdated: .refuse))
        let pair = try CertifiedKey(chainFile: path + "/operator.pem", keyFile: path + "/operator.key")
        let identity = try trust.verifyClient(chain: pair.chain.map(\.der), at: now).get()
        #expect(identity.uris == ["spiffe://tdxd/role/operator"])
        let verify = ["openssl", "verify", "-x509_strict", "-crl_check_all", "-CAfile", path + "/ca.pem"]
        let options = ["-CRLfile", path + "/crl.pem", "-purpose"]
        #expect(try run(verify + options + ["sslclient", path + "/viewer.pem"]).contains(": OK"))
        #expect(try run(verify + options + ["sslserver", path + "/server.pem"]).contains(": OK"))
    }

    @Test("An existing CA is not touched unless that is asked for, and then moved aside")
    func replacing() throws {
        try make()
        let before = try bytes(of: path + "/ca.pem")
        #expect(throws: CertificateError(.alreadyExists, file: path + "/ca.pem")) { try make() }
        #expect(try bytes(of: path + "/ca.pem") == before)
        let outcome = try make(replacing: true, now: CalendarTime(seconds: 1_000_000_000))
        #expect(outcome.movedAside == path + ".replaced-20010909T014640Z")
        #expect(try bytes(of: path + ".replaced-20010909T014640Z/ca.pem") == before)
        #expect(try bytes(of: path + "/ca.pem") != before)
        // The same name again: there is an earlier folder of that name, and it stays.
        #expect(throws: CertificateError.self) { try make(replacing: true, now: CalendarTime(seconds: 1_000_000_000)) }
        #expect(try bytes(of: path + ".replaced-20010909T014640Z/ca.pem") == before)
        #expect(try names().contains("ca.pem"))
    }

    @Test("An empty folder is filled; one with other things in it is not touched")
    func otherFolders() throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        try make()
        #expect(try mode(of: path) == 0o700)
        let other = try TemporaryFolder()
        try other.write("precious", to: "file")
        #expect(
            throws: CertificateError(
                .badRequest("the folder is not empty, and what is in it is no CA"), file: other.path)
        ) { try PKICreation.make(PKIPlan(serverNames: ["a"]), at: other.path, replacing: true) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: other.path) == ["file"])
    }

    @Test("A plan that cannot be carried out leaves nothing behind")
    func badPlans() throws {
        for plan in [
            PKIPlan(serverNames: []), PKIPlan(serverNames: ["not a name"]),
            PKIPlan(authorityName: "", serverNames: ["a"]),
            PKIPlan(serverNames: ["a"], clients: [("ca", "x:y")]),
            PKIPlan(serverNames: ["a"], clients: [("a", "x:y"), ("a", "x:y")]),
            PKIPlan(serverNames: ["a"], clients: [("../a", "x:y")]),
            PKIPlan(serverNames: ["a"], clients: [("server", "x:y")]),
            PKIPlan(serverNames: ["a"], lifetimes: PKILifetimes(authorityDays: 10, certificateDays: 11)),
            PKIPlan(serverNames: ["a"], lifetimes: PKILifetimes(certificateDays: 0)),
        ] {
            let error = #expect(throws: CertificateError.self) { try PKICreation.make(plan, at: path) }
            #expect(error?.file?.contains(".new-") != true)
            #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path) == [])
        }
        let nowhere = scratch.file("missing/pki")
        let error = #expect(throws: CertificateError.self) {
            try PKICreation.make(PKIPlan(serverNames: ["a"]), at: nowhere)
        }
        #expect(error == CertificateError(.system("make the folder", errno: ENOENT), file: nowhere))
    }

    @Test("More certificates are issued under their names, and none in another's place unless that is asked for")
    func issue() throws {
        try make()
        let directory = try PKIDirectory(path)
        let first = try directory.issue("alice", request(), days: 10)
        #expect(try CertificateFile.certificates(at: path + "/alice.pem") == [first])
        #expect(try CertificateFile.privateKey(at: path + "/alice.key").matches(first))
        #expect(try mode(of: path + "/alice.key") == 0o600)
        #expect(try names("issued").contains("\(first.serial).pem"))
        #expect(throws: CertificateError(.alreadyExists, file: path + "/alice.pem")) {
            _ = try directory.issue("alice", request(), days: 10)
        }
        #expect(try CertificateFile.certificates(at: path + "/alice.pem") == [first])
        let second = try directory.issue("alice", request(), days: 10, replacing: true)
        #expect(try CertifiedKey(chainFile: path + "/alice.pem", keyFile: path + "/alice.key").certificate == second)
        #expect(try names("issued").contains("\(first.serial).pem"), "the first can still be revoked")
        for name in ["ca", "crl", "issued", "../x", "a/b", "", ".x", "-x", "A", "x.pem", "x.key"] {
            #expect(throws: CertificateError(.badRequest("'\(name)' cannot name a certificate's files"))) {
                _ = try directory.issue(name, request(), days: 10)
            }
        }
        for days in [0, -1, PKILifetimes.daysMax + 1] {
            #expect(throws: CertificateError.self) { _ = try directory.issue("bob", request(), days: days) }
        }
    }

    @Test("Certificates are revoked by name or serial number, once, and the list counts up")
    func revoke() throws {
        try make()
        var directory = try PKIDirectory(path)
        let first = try directory.issue("alice", request(), days: 10)
        _ = try directory.issue("alice", request(), days: 10, replacing: true)
        let viewer = try CertificateFile.certificates(at: path + "/viewer.pem")[0]
        let revoked = try directory.revoke(
            ["viewer", first.serial.description.uppercased(), "viewer"], reason: .keyCompromise, listDays: 30)
        #expect(revoked == [viewer, first])
        #expect(directory.revocationList.number == 2)
        #expect(try directory.revoke(["viewer"], listDays: 30) == [])
        let list = try CertificateFile.revocationLists(at: path + "/crl.pem")[0]
        #expect(list.number == 3 && list.entries.count == 2)
        #expect(list.entry(for: viewer.serial)?.reason == .keyCompromise)
        let trust = try TrustStore(authorityFiles: [path + "/ca.pem"], revocationListFiles: [path + "/crl.pem"])
        let time = CalendarTime.now()
        guard case .failure(.revoked(.peer, _)) = trust.verifyClient(chain: [viewer.der], at: time) else {
            Issue.record("a revoked certificate is believed")
            return
        }
        for name in ["operator", "alice"] {
            let der = try CertificateFile.certificates(at: path + "/\(name).pem")[0].der
            #expect(throws: Never.self) { try trust.verifyClient(chain: [der], at: time).get() }
        }
        #expect(throws: CertificateError.self) { _ = try directory.revoke(["operator", "nobody"], listDays: 30) }
        #expect(directory.revocationList.entries.count == 2, "all or nothing")
    }

    @Test("Only one process at a time has the folder open")
    func lock() throws {
        try make()
        let directory = try PKIDirectory(path)
        #expect(throws: CertificateError(.busy, file: path)) { _ = try PKIDirectory(path) }
        #expect(throws: CertificateError(.busy, file: path)) { try make(replacing: true) }
        _ = try directory.issue("alice", request(), days: 10)
    }

    @Test("A folder that others may enter, or whose parts are not of one CA, is not opened")
    func broken() throws {
        try make()
        try setMode(of: path, to: 0o750)
        #expect(throws: CertificateError(.tooOpen(mode: 0o750), file: path)) { _ = try PKIDirectory(path) }
        try setMode(of: path, to: 0o700)
        let aside = try #require(try make(replacing: true).movedAside)
        try run("cp", aside + "/crl.pem", path + "/crl.pem")
        #expect(
            throws: CertificateError(.invalid("it is not signed by the CA beside it"), file: path + "/crl.pem")
        ) { _ = try PKIDirectory(path) }
        try run("cp", aside + "/ca.key", path + "/ca.key")
        #expect(throws: CertificateError(.keyDoesNotMatch, file: path + "/ca.key")) { _ = try PKIDirectory(path) }
    }
}
