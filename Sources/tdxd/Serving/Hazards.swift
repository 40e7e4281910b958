internal import ControlSchema
internal import FakeTDX
internal import Logging
internal import Meters
internal import TDXCalls

extension Logger {
    /// Says what the host owed and did not do; once the fake keeps no more of them, neither does the log.
    func warn(of hazard: FakeHazard) {
        guard hazard.number <= UInt64(FakeTDX.hazardsKept) else { return }
        warning(
            "A real machine would punish this",
            metadata: [
                "rule": "\(hazard.rule.rawValue)", "page": "\(hazard.page.map { HexValue($0).description } ?? "none")",
                "keyId": "\(hazard.keyID.map { String($0.rawValue) } ?? "none")",
                "earlier": "\(hazard.earlier?.name ?? "none")", "later": "\(hazard.later.name)",
                "explanation": "\(hazard.explanation)",
            ])
    }
}

extension Backend {
    /// What `/fake/hazards` answers; nil where there is no fake.
    var hazards: (@Sendable () -> HazardList)? {
        guard let fake else { return nil }
        return { fake.hazardList }
    }
}

extension FakeTDX {
    /// As `/fake/hazards` shows them.
    var hazardList: HazardList {
        let total = hazardCount()
        return HazardList(items: hazards.map { ControlSchema.Hazard($0) }, total: total, revision: total)
    }
}

/// How many hazards there were, by rule.
struct HazardMetrics: MetricSource {
    let fake: FakeTDX

    func write(to exposition: inout Exposition) {
        exposition.family(
            "tdxd_fake_hazards_total", .counter,
            "What the host owed and did not do, as the fake module saw it, by rule."
        ) {
            for rule in HazardRule.allCases { $0.add(["rule": rule.rawValue], fake.hazardCount(rule)) }
        }
    }
}

extension ControlSchema.Hazard {
    fileprivate init(_ hazard: FakeHazard) {
        self.init(
            number: hazard.number, rule: hazard.rule.rawValue, page: hazard.page.map { HexValue($0) },
            keyId: hazard.keyID.map { Int($0.rawValue) }, earlier: hazard.earlier.map { ControlSchema.HazardDeed($0) },
            later: ControlSchema.HazardDeed(hazard.later), explanation: hazard.explanation, source: hazard.source)
    }
}

extension ControlSchema.HazardDeed {
    fileprivate init(_ deed: FakeHazardDeed) {
        self.init(
            name: deed.name, processor: deed.processor.map { Int($0.rawValue) }, sequence: deed.sequence)
    }
}
