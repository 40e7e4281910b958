import ArgumentParser
import Configuration
import Testing

@testable import tdxd

@Suite("Settings of TLS")
struct TLSSettingTests {
    private func settings(_ flags: [String], _ environment: [String: String] = [:]) throws -> Settings {
        let sources = ConfigurationSources(
            flags: try ServeOptions.parse(flags).values, environment: environment, file: nil,
            standards: Standards(userID: 0, environment: [:]).values)
        return try Settings(sources.effective())
    }

    @Test("Without any of them there is no TLS")
    func none() throws {
        #expect(try settings([]).tlsFiles == nil)
        #expect(try settings([]).tlsListeners.isEmpty)
    }

    @Test("A folder stands for all files, and a file's own flag counts before it")
    func folder() throws {
        let flags = ["--listen-tls", "[::]:8443", "--pki", "/pki", "--client-ca", "/a.pem", "--client-ca", "/b.pem"]
        let settings = try settings(flags, ["TDXD_ROLES": "/r.json"])
        let place = try #require(settings.tlsListeners.first)
        #expect((place.address, place.port) == ("::", 8443))
        let files = try #require(settings.tlsFiles)
        #expect(files.certificate == TLSFiles.File(path: "/pki/server.pem", setting: "--pki"))
        #expect(files.key == TLSFiles.File(path: "/pki/server.key", setting: "--pki"))
        #expect(files.clientAuthorities.map(\.path) == ["/a.pem", "/b.pem"])
        #expect(files.clientAuthorities.map(\.setting) == ["--client-ca", "--client-ca"])
        #expect(files.revocationLists == [TLSFiles.File(path: "/pki/crl.pem", setting: "--pki")])
        #expect(files.roles == TLSFiles.File(path: "/r.json", setting: "TDXD_ROLES"))
    }

    @Test("Each file by itself will do too, and revocation lists may be left out")
    func files() throws {
        let flags = [
            "--tls-certificate", "/c", "--tls-key", "/k", "--client-ca", "/a", "--roles", "/r", "--listen-tls",
            "1.2.3.4:5",
        ]
        let files = try #require(try settings(flags).tlsFiles)
        #expect(files.all.map(\.path) == ["/c", "/k", "/a", "/r"])
        #expect(files.revocationLists.isEmpty)
    }

    @Test(
        "What is missing is named",
        arguments: [
            (
                ["--listen-tls", "1.2.3.4:5"],
                "--listen-tls: TLS needs --tls-certificate as well, or --pki with a folder"
            ),
            (["--tls-certificate", "/c"], "--tls-certificate: TLS needs --tls-key as well, or --pki with a folder"),
            (
                ["--listen-tls", "1.2.3.4:5", "--tls-certificate", "/c", "--tls-key", "/k"],
                "--listen-tls: TLS needs --client-ca as well, or --pki with a folder"
            ),
            (
                ["--listen-tls", "1.2.3.4", "--pki", "p"],
                "--listen-tls: '1.2.3.4': must have a port between 0 and 65535"
            ),
            (["--listen-tls", "::1:4", "--pki", "p"], "--listen-tls: '::1:4': an IPv6 address stands in brackets"),
            (
                ["--listen-tls", "[::1]:4", "--listen-tls", "[::1]:4", "--pki", "p"],
                "--listen-tls: names the same place twice"
            ),
        ])
    func missing(_ flags: [String], _ complaint: String) throws {
        let error = #expect(throws: ConfigurationError.self) { try settings(flags) }
        #expect(error?.description == complaint)
    }
}
