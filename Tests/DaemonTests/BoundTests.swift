import Configuration
import ControlAPI
import Testing

@testable import tdxd

@Suite("Audit and limits, as configured")
struct BoundTests {
    private func settings(_ environment: [String: String]) throws(ConfigurationError) -> Settings {
        try Settings(
            ConfigurationSources(
                flags: [:], environment: environment, file: nil,
                standards: Standards(userID: 0, environment: [:]).values
            ).effective())
    }

    @Test("Unless told otherwise: the trail of changes beside the log, and generous limits")
    func standards() throws {
        let settings = try settings([:])
        #expect(settings.audit.place == .standardError && settings.audit.scope == .changes)
        #expect(settings.requestRate == RequestRate(perSecond: 10_000, burst: 20_000))
        #expect(settings.operationsPerPrincipal == 256)
        #expect(settings.keyIDsPerPrincipal == 1_024)
    }

    @Test("0 is no limit")
    func none() throws {
        let settings = try settings([
            "TDXD_LIMIT_REQUESTS_PER_SECOND": "0", "TDXD_LIMIT_OPERATIONS": "0", "TDXD_LIMIT_KEYIDS": "0",
        ])
        #expect(settings.requestRate == nil)
        #expect(settings.operationsPerPrincipal == nil)
        #expect(settings.keyIDsPerPrincipal == nil)
    }

    @Test("The trail goes where it is told, or nowhere")
    func places() throws {
        #expect(try settings(["TDXD_AUDIT": "off"]).audit.place == .off)
        #expect(try settings(["TDXD_AUDIT": "stderr"]).audit.place == .standardError)
        let file = try settings(["TDXD_AUDIT": "/var/log/tdxd/audit", "TDXD_AUDIT_REQUESTS": "all"]).audit
        #expect(file.place == .file(path: "/var/log/tdxd/audit") && file.scope == .all)
        #expect(throws: ConfigurationError.self) { try self.settings(["TDXD_AUDIT_REQUESTS": "some"]) }
        #expect(throws: ConfigurationError.self) { try self.settings(["TDXD_LIMIT_REQUEST_BURST": "0"]) }
    }
}
