internal import ControlSchema
internal import HTTPExchange
internal import HTTPTypes
internal import TDLifecycle
internal import TDXCalls

extension ControlAPI {
    static let invariantRoutes: [Route] = [
        Route(.get, "/invariants", "getInvariants", .viewer) { api, call in api.showInvariants(call) }
    ]

    /// While nothing has happened since they were looked at, that is what is shown.
    private func showInvariants(_ call: Call) {
        let sequence = engine.sequence
        let key = BodyCache.Key.invariants(isFull: call.role.seesRegisters)
        if let known = bodies.known(key, revision: sequence) { return answer(call, revision: sequence, known) }
        engine.inspect { report in
            self.answer(call, revision: report.revision) {
                self.bodies.body(key, revision: report.revision) {
                    ControlJSON.encode(
                        ControlSchema.InvariantReport(report, showAddresses: call.role.seesRegisters))
                }
            }
        }
    }
}

extension ControlSchema.InvariantReport {
    fileprivate init(_ report: TDLifecycle.InvariantReport, showAddresses: Bool) {
        func count(_ verdict: TDLifecycle.InvariantFinding.Verdict) -> Int {
            report.findings.count { $0.verdict == verdict }
        }
        self.init(
            holding: count(.holds), broken: count(.broken), notChecked: count(.notChecked),
            items: report.findings.map { ControlSchema.InvariantFinding($0, showAddresses: showAddresses) },
            revision: report.revision)
    }
}

extension ControlSchema.InvariantFinding {
    fileprivate init(_ finding: TDLifecycle.InvariantFinding, showAddresses: Bool) {
        self.init(
            name: InvariantName(rawValue: finding.invariant.rawValue), statement: finding.invariant.statement,
            state: InvariantState(rawValue: finding.verdict.rawValue), reason: finding.reason,
            examined: finding.examined, skipped: finding.skipped, brokenCount: finding.brokenCount,
            counterexamples: finding.counterexamples.map {
                InvariantCounterexample($0, showAddress: showAddresses)
            })
    }
}

extension InvariantCounterexample {
    fileprivate init(_ found: Counterexample, showAddress: Bool) {
        self.init(
            detail: found.detail, tdId: found.td?.description, vcpuNumber: found.vcpu,
            pageId: found.page?.description,
            address: showAddress ? found.address.map { HexValue($0.rawValue) } : nil,
            redacted: found.address != nil && !showAddress ? true : nil,
            keyId: found.keyID.map { Int($0.rawValue) }, operationId: found.operation?.description)
    }
}
