import ArgumentParser
import ControlAPI
import FakeTDX
import TDXCalls
import Testing

@testable import tdxd

@Suite("Listeners and roles")
struct ListenAndRoleTests {
    @Test("A role on the socket names a user or a group by number")
    func socketRoles() throws {
        let user = try SocketRole("uid:1000=operator")
        #expect((user.who, user.role) == (.user(1000), .operator))
        let group = try SocketRole("gid:50=viewer")
        #expect((group.who, group.role) == (.group(50), .viewer))
    }

    @Test(
        "What is no role on the socket is refused with the reason",
        arguments: [
            ("", "must read uid:NUMBER=ROLE or gid:NUMBER=ROLE"),
            ("uid:x=lab", "must read uid:NUMBER=ROLE or gid:NUMBER=ROLE"),
            ("uid:-1=lab", "must read uid:NUMBER=ROLE or gid:NUMBER=ROLE"),
            ("uid:1=lab=x", "must read uid:NUMBER=ROLE or gid:NUMBER=ROLE"),
            ("pid:1=lab", "must begin with uid: or gid:"),
            ("uid:1=root", "the role must be one of viewer, operator, lab, admin, metrics"),
        ])
    func badSocketRoles(_ text: String, _ reason: String) {
        #expect(throws: ItemFault(reason)) { try SocketRole(text) }
    }

    @Test("A plain listener has an address, a port and a role")
    func plainListeners() throws {
        let four = try PlainListener("127.0.0.1:8080,role=viewer")
        #expect((four.address, four.port, four.role) == ("127.0.0.1", 8080, .viewer))
        let six = try PlainListener("[::1]:0,role=admin")
        #expect((six.address, six.port, six.role) == ("::1", 0, .admin))
    }

    @Test(
        "What is no plain listener is refused with the reason",
        arguments: [
            ("127.0.0.1:8080", "must read ADDRESS:PORT,role=ROLE"),
            ("127.0.0.1:8080,rolle=lab", "must read ADDRESS:PORT,role=ROLE"),
            ("127.0.0.1,role=lab", "must have a port between 0 and 65535"),
            ("127.0.0.1:65536,role=lab", "must have a port between 0 and 65535"),
            ("::1:80,role=lab", "an IPv6 address stands in brackets"),
            (":80,role=lab", "must have an address"),
            ("127.0.0.1:80,role=king", "the role must be one of viewer, operator, lab, admin, metrics"),
        ])
    func badPlainListeners(_ text: String, _ reason: String) {
        #expect(throws: ItemFault(reason)) { try PlainListener(text) }
    }

    @Test("Root and the daemon's own user are administrators, whatever the configuration says")
    func accessPolicy() throws {
        let flags: [String] = [
            "--socket-role", "uid:0=viewer", "--socket-role", "uid:7=viewer", "--socket-role", "uid:8=lab",
            "--socket-role", "gid:9=operator", "--listen-plain", "127.0.0.1:80,role=viewer",
        ]
        let sources = ConfigurationSources(
            flags: try ServeOptions.parse(flags).values, environment: [:], file: nil,
            standards: Standards(userID: 0, environment: [:]).values)
        let policy = try Settings(sources.effective()).accessPolicy(ownUserID: 7)
        #expect(policy.users == [0: .admin, 7: .admin, 8: .lab])
        #expect(policy.groups == [9: .operator])
        #expect(policy.listeners == ["plain-127.0.0.1:80": .viewer])
    }

    @Test(
        "The fake's platform holds for the fewest and the most KeyIDs and processors", arguments: [1, 31, 32, 32_735])
    func fakePlatform(_ keyIDs: Int) throws {
        let flags = ["--fake-keyids", "\(keyIDs)", "--fake-packages", "8", "--fake-processors", "1024"]
        let sources = ConfigurationSources(
            flags: try ServeOptions.parse(flags).values, environment: [:], file: nil,
            standards: Standards(userID: 0, environment: [:]).values)
        let fake = try Settings(sources.effective()).fake
        try fake.platform.validate()
        #expect(fake.platform.processors.count == 1024)
        #expect(fake.platform.packageCount == 8)
        #expect(fake.platform.privateKeyIDs.lowerBound == fake.platform.globalKeyID)
        let (first, last) = (fake.platform.privateKeyIDs.lowerBound, fake.platform.privateKeyIDs.upperBound)
        #expect(Int(last.rawValue - first.rawValue) == keyIDs)
    }
}
