import Certificates
import Glibc
import TestFolders
import Testing

@Suite("What expires when")
struct InventoryTests {
    let scratch: TemporaryFolder
    /// 2026-01-01T00:00:00Z
    let made = CalendarTime(seconds: 1_767_225_600)
    var path: String { scratch.file("pki") }

    init() throws {
        scratch = try TemporaryFolder()
        let plan = PKIPlan(
            serverNames: ["localhost"], clients: [("viewer", PKILayout.roleURI("viewer"))],
            lifetimes: PKILifetimes(authorityDays: 1000, certificateDays: 100, revocationListDays: 90))
        _ = try PKICreation.make(plan, at: path, now: made)
    }

    func states(at time: CalendarTime) throws -> [String] {
        try PKIInventory(of: path, now: time).entries.map { "\($0.file) \($0.state)" }
    }

    @Test("Every certificate and list is listed once, with its end and the days left")
    func entries() throws {
        let entries = try PKIInventory(of: path, now: made.adding(days: 1)).entries
        #expect(entries.map(\.file) == ["ca.pem", "crl.pem", "server.pem", "viewer.pem"])
        #expect(entries.map(\.kind) == [.authority, .revocationList, .server, .client])
        #expect(entries.map(\.identity) == ["CN=tdxd CA", "0 revoked", "localhost", "spiffe://tdxd/role/viewer"])
        #expect(entries.map(\.daysLeft) == [999, 89, 99, 99])
        #expect(entries.map(\.state) == [.good, .good, .good, .good])
        #expect(entries.allSatisfy { $0.keyFault == nil })
        #expect(entries[1].number == "#1")
    }

    @Test("States follow the time")
    func time() throws {
        #expect(
            try states(at: made.adding(days: 69)) == [
                "ca.pem good", "crl.pem renew soon", "server.pem good", "viewer.pem good",
            ])
        #expect(
            try states(at: made.adding(days: 71)) == [
                "ca.pem good", "crl.pem renew soon", "server.pem renew soon", "viewer.pem renew soon",
            ])
        #expect(
            try states(at: made.adding(days: 100)) == [
                "ca.pem good", "crl.pem outdated", "server.pem expired", "viewer.pem expired",
            ])
        #expect(
            try states(at: made.adding(days: -1)) == [
                "ca.pem not yet valid", "crl.pem not yet valid", "server.pem not yet valid",
                "viewer.pem not yet valid",
            ])
    }

    @Test("Replaced and revoked certificates are listed as what they are")
    func revoked() throws {
        var directory = try PKIDirectory(path, now: made)
        let old = try CertificateFile.certificates(at: path + "/viewer.pem")[0]
        _ = try directory.issue(
            "viewer", .client(name: "viewer", uri: PKILayout.roleURI("viewer")), days: 50, replacing: true)
        #expect(try states(at: made).contains("issued/\(old.serial).pem good"))
        _ = try directory.revoke([old.serial.description], reason: .superseded, listDays: 90)
        #expect(
            try states(at: made) == [
                "ca.pem good", "crl.pem good", "server.pem good", "viewer.pem good",
                "issued/\(old.serial).pem revoked 2026-01-01T00:00:00Z (superseded)",
            ])
    }

    @Test("Only what is in use needs attention")
    func attention() throws {
        let directory = try PKIDirectory(path, now: made)
        _ = try directory.issue("server", .server(names: ["localhost"]), days: 900, replacing: true)
        let entries = try PKIInventory(of: path, now: made.adding(days: 200)).entries
        let expected = [("ca.pem", false), ("crl.pem", true), ("server.pem", false), ("viewer.pem", true)]
        for (file, needs) in expected { #expect(entries.first { $0.file == file }?.needsAttention == needs) }
        let copies = entries.filter { $0.file.hasPrefix("issued/") }
        #expect(copies.map(\.state) == [.expired] && copies.map(\.needsAttention) == [false])
    }

    @Test("Keys in disorder and files that cannot be read are said")
    func faults() throws {
        try setMode(of: path + "/viewer.key", to: 0o644)
        try run("cp", path + "/ca.key", path + "/server.key")
        try scratch.write("nonsense", to: "pki/odd.pem")
        let entries = try PKIInventory(of: path, now: made).entries
        #expect(entries.map(\.file) == ["ca.pem", "crl.pem", "odd.pem", "server.pem", "viewer.pem"])
        #expect(entries[2].state == .unreadable(.notPEM("there is no BEGIN line")))
        #expect(entries[3].keyFault == .keyDoesNotMatch)
        #expect(entries[4].keyFault == .tooOpen(mode: 0o644))
        #expect(entries.map(\.needsAttention) == [false, false, true, true, true])
    }

    @Test("The table lines up")
    func table() throws {
        try setMode(of: path + "/viewer.key", to: 0o644)
        let inventory = try PKIInventory(of: path + "/", now: made.adding(days: 80))
        let numbers = inventory.entries.map(\.number)
        #expect(numbers[0].count == 32 && numbers[2].count == 32 && numbers[3].count == 32, "128 bits; see below")
        #expect(
            inventory.table == """
                FILE        KIND         IDENTITY                   NUMBER                            ENDS                  DAYS  STATE
                ca.pem      CA           CN=tdxd CA                 \(numbers[0])  2028-09-27T00:00:00Z  920   good
                crl.pem     revocations  0 revoked                  #1                                2026-04-01T00:00:00Z  10    renew soon
                server.pem  server       localhost                  \(numbers[2])  2026-04-11T00:00:00Z  20    renew soon
                viewer.pem  client       spiffe://tdxd/role/viewer  \(numbers[3])  2026-04-11T00:00:00Z  20    renew soon; the key may be read or changed by others (mode 0644)

                """)
    }

    @Test("Any other folder can be shown too; one that is missing cannot")
    func other() throws {
        let other = try TemporaryFolder()
        let root = try CommandAuthority()
        try other.write(try root.certificate.pem + Certificate(der: try root.issue()).pem, to: "chain.pem")
        try other.write("not looked at", to: "notes.txt")
        let entries = try PKIInventory(of: other.path).entries
        #expect(entries.map(\.file) == ["chain.pem", "chain.pem"])
        #expect(entries.map(\.kind) == [.authority, .client])
        let missing = other.file("missing")
        #expect(throws: CertificateError(.system("open the folder", errno: ENOENT), file: missing)) {
            try PKIInventory(of: missing)
        }
    }
}
