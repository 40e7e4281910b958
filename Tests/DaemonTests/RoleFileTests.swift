import Certificates
import ControlAPI
import Testing

@testable import tdxd

@Suite("The file of roles")
struct RoleFileTests {
    private static let digest = String(repeating: "0a", count: 32)

    @Test("A name is a URI or a certificate's SHA-256, and each has one role")
    func names() throws {
        let text = #"{"identities": {"spiffe://tdxd/user/alice": "operator", "sha256:\#(Self.digest)": "metrics"}}"#
        let file = try RoleFile(json: Array(text.utf8))
        #expect(file.roles == [.uri("spiffe://tdxd/user/alice"): .operator, .sha256(Self.digest): .metrics])
    }

    @Test("Nobody may have a role")
    func nobody() throws {
        #expect(try RoleFile(json: Array(#"{"identities":{}}"#.utf8)).roles.isEmpty)
    }

    @Test("What is written is read again, in an order of its own")
    func roundTrip() throws {
        let file = RoleFile(roles: [.uri("b:1"): .lab, .uri("a:1"): .viewer, .sha256(Self.digest): .admin])
        #expect(try RoleFile(json: file.json) == file)
        let expected = """
            {
              "identities" : {
                "a:1" : "viewer",
                "b:1" : "lab",
                "sha256:\(Self.digest)" : "admin"
              }
            }

            """
        #expect(String(decoding: file.json, as: UTF8.self) == expected)
    }

    @Test("A new folder of certificates gives each role's URI that role")
    func ofRoleNames() {
        #expect(RoleFile.ofRoleNames.roles.count == PKILayout.roleNames.count)
        for name in PKILayout.roleNames {
            #expect(RoleFile.ofRoleNames.roles[.uri(PKILayout.roleURI(name))]?.rawValue == name)
        }
    }

    @Test(
        "What does not hold is refused with its place and the reason",
        arguments: [
            ("", "the file is not valid JSON: byte 0"),
            ("[]", "must be a JSON object"),
            ("{", "the file is not valid JSON: byte 1"),
            ("{}", "/identities: is required"),
            (#"{"identities":[]}"#, "/identities: must be an object"),
            (#"{"identities":{},"version":1}"#, "/version: is not a member of this object"),
            (
                #"{"identities":{"a:b":"king"}}"#,
                "/identities/a:b: the role must be one of viewer, operator, lab, admin, metrics"
            ),
            (#"{"identities":{"a:b":7}}"#, "/identities/a:b: must be a role's name"),
            (#"{"identities":{"a:b":null}}"#, "/identities/a:b: must be a role's name"),
            (#"{"identities":{"alice":"lab"}}"#, "/identities/alice: is neither a URI nor sha256:<digits>"),
            (#"{"identities":{"x://a b":"lab"}}"#, "/identities/x:~1~1a b: is neither a URI nor sha256:<digits>"),
            (
                #"{"identities":{"sha256:0a":"lab"}}"#,
                "/identities/sha256:0a: must have 64 lower-case hexadecimal digits, without colons, after sha256:"
            ),
            (#"{"identities":{"a:b":"lab","a:b":"admin"}}"#, "/identities/a:b: is given more than once"),
            (#"{"identities":{},"identities":{}}"#, "/identities: is given more than once"),
        ])
    func refusals(_ text: String, _ reason: String) {
        #expect(throws: ItemFault(reason)) { try RoleFile(json: Array(text.utf8)) }
    }

    @Test("Digits in capitals or with colons would be a second name of one certificate")
    func digits() {
        let shout = Self.digest.uppercased()
        #expect(throws: ItemFault.self) { try CertificateName("sha256:\(shout)") }
        let pairs = [String](repeating: "0a", count: 32).joined(separator: ":")
        #expect(throws: ItemFault.self) { try CertificateName("sha256:\(pairs)") }
    }

    @Test("A file larger than the limit is refused")
    func size() {
        let text = #"{"identities":{}}"# + String(repeating: " ", count: RoleFile.sizeMax)
        #expect(throws: ItemFault("the file is longer than \(RoleFile.sizeMax) bytes")) {
            try RoleFile(json: Array(text.utf8))
        }
    }
}
