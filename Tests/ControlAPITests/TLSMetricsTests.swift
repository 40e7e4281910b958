import ControlSchema
import Meters
import Testing

@testable import ControlAPI

@Suite("Metrics of certificates")
struct TLSMetricsTests {
    private func certificate(_ seconds: Int64) -> CertificateStatus {
        CertificateStatus(
            subject: "CN=a", names: [], sha256: "00", notBefore: .earliest,
            notAfter: Timestamp(microseconds: seconds * 1_000_000), daysLeft: 0)
    }

    private func text(_ status: TLSStatus?) -> String {
        var exposition = Exposition()
        TLSMetrics(report: { status.map { TLSReport(revision: 1, status: $0) } }).write(to: &exposition)
        return exposition.text
    }

    @Test("Of each kind the first to end counts, a far future does not overflow, and what is not there has no series")
    func expiry() {
        var status = TLSStatus(
            certificates: [certificate(2_000_000_000)], trustAnchors: [certificate(200), certificate(100)],
            revocationLists: [
                RevocationListStatus(issuer: "CN=a", revokedCount: 0, thisUpdate: .earliest),
                RevocationListStatus(issuer: "CN=b", revokedCount: 0, thisUpdate: .earliest, nextUpdate: .latest),
            ],
            identityCount: 1, loadedAt: .earliest)
        #expect(
            text(status) == """
                # HELP tdxd_tls_expiry_timestamp_seconds \
                When the first certificate or revocation list of its kind ends, in seconds since 1970.
                # TYPE tdxd_tls_expiry_timestamp_seconds gauge
                tdxd_tls_expiry_timestamp_seconds{kind="server_certificate"} 2000000000
                tdxd_tls_expiry_timestamp_seconds{kind="client_ca"} 100
                tdxd_tls_expiry_timestamp_seconds{kind="revocation_list"} 18446744073.709551615
                # HELP tdxd_tls_last_reload_successful \
                0 if the last attempt to read certificates, trust and roles anew was refused, else 1.
                # TYPE tdxd_tls_last_reload_successful gauge
                tdxd_tls_last_reload_successful 1

                """)
        status.lastReload = ReloadReport(at: .earliest, trigger: .signal, outcome: .refused, reason: "r")
        #expect(text(status).hasSuffix("tdxd_tls_last_reload_successful 0\n"))
    }

    @Test("Without TLS there is nothing to say")
    func none() {
        #expect(text(nil).isEmpty)
    }
}
