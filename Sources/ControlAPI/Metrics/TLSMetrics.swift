internal import ControlSchema
internal import Meters

/// When certificates and revocation lists end. Of several that serve one purpose the first to end counts: that is when
/// somebody must have acted.
struct TLSMetrics: MetricSource {
    /// Nil without TLS, and then there is nothing to write.
    let report: @Sendable () -> TLSReport?

    func write(to exposition: inout Exposition) {
        guard let status = report()?.status else { return }
        exposition.family(
            "tdxd_tls_expiry_timestamp_seconds", .gauge,
            "When the first certificate or revocation list of its kind ends, in seconds since 1970."
        ) {
            for (kind, times) in [
                ("server_certificate", status.certificates.prefix(1).map(\.notAfter)),
                ("chain_certificate", status.certificates.dropFirst().map(\.notAfter)),
                ("client_ca", status.trustAnchors.map(\.notAfter)),
                ("revocation_list", status.revocationLists.compactMap(\.nextUpdate)),
            ] {
                guard let first = times.min(), first.microseconds >= 0 else { continue }
                $0.add(["kind": kind], nanoseconds: UInt64(first.microseconds).multipliedClamping(by: 1_000))
            }
        }
        exposition.single(
            "tdxd_tls_last_reload_successful", .gauge,
            "0 if the last attempt to read certificates, trust and roles anew was refused, else 1.",
            status.lastReload?.outcome == .refused ? 0 : 1)
    }
}

extension UInt64 {
    fileprivate func multipliedClamping(by factor: UInt64) -> UInt64 {
        let (product, overflow) = multipliedReportingOverflow(by: factor)
        return overflow ? .max : product
    }
}
