internal import TDXCalls

extension LedgerSnapshot {
    func operationsHaveOneTarget() -> InvariantFinding {
        var finding = InvariantFinding(.operationsHaveOneTarget)
        for operation in operations.values.sorted(by: { $0.id < $1.id }) {
            let fault: String? =
                if operation.state.isTerminal {
                    "it has ended, and its TD still has it"
                } else if let domain = domains[operation.td] {
                    domain.activeOperation != operation.id || lanes[operation.td]?.operation != operation.id
                        ? "it has not ended, and its TD does not have it" : nil
                } else {
                    "there is no such TD"
                }
            finding.expect(
                fault == nil, Counterexample(fault ?? "", td: operation.td, operation: operation.id))
        }
        for domain in ordered {
            guard let active = domain.activeOperation, operations[active]?.td != domain.id else { continue }
            finding.breaks(
                Counterexample("the TD's operation has ended or is another's", td: domain.id, operation: active))
        }
        for (td, lane) in lanes where domains[td] == nil && lane.operation != nil {
            finding.breaks(
                Counterexample("work is queued for a TD that is not there", td: td, operation: lane.operation))
        }
        return finding
    }

    func namesAreUnique() -> InvariantFinding {
        var finding = InvariantFinding(.namesAreUnique)
        for domain in ordered {
            guard let name = domain.name else { continue }
            let meant = names[name]
            finding.expect(
                meant == domain.id,
                Counterexample("its name means \(meant?.description ?? "nobody")", td: domain.id))
        }
        for (name, td) in names.sorted(by: { $0.value < $1.value }) where domains[td]?.name != name {
            finding.breaks(Counterexample("a name means it that it does not have", td: td))
        }
        return finding
    }

    func associationsAddUp() -> InvariantFinding {
        var finding = InvariantFinding(.associationsAddUp)
        var found: [Processor: Int] = [:]
        for domain in ordered {
            found[domain.home, default: 0] += 1
            let associated = Set(domain.associated)
            for vcpu in domain.vcpus {
                finding.examined += 1
                func breaks(_ detail: String) {
                    finding.breaks(Counterexample(detail, td: domain.id, vcpu: vcpu.number))
                }
                guard let association = vcpu.association else {
                    if associated.contains(vcpu.number) { breaks("it is counted as associated, and is not") }
                    continue
                }
                found[association.processor, default: 0] += 1
                if !associated.contains(vcpu.number) { breaks("it is associated, and not counted so") }
                if platform.package(of: association.processor) != association.package {
                    breaks("there is no processor \(association.processor.rawValue) in its package")
                }
            }
        }
        for processor in Set(found.keys).union(load.keys).sorted()
        where found[processor, default: 0] != load[processor, default: 0] {
            finding.breaks(
                Counterexample(
                    "processor \(processor.rawValue) has \(found[processor, default: 0]) TDs and vCPUs, and "
                        + "\(load[processor, default: 0]) are counted"))
        }
        return finding
    }

    func allowancesAddUp() -> InvariantFinding {
        var finding = InvariantFinding(.allowancesAddUp)
        finding.examined = domains.count + operations.count
        func expect(_ counted: [String: Int], _ found: [String: Int], _ what: String) {
            for principal in Set(counted.keys).union(found.keys).sorted()
            where counted[principal, default: 0] != found[principal, default: 0] {
                finding.breaks(
                    Counterexample(
                        "\(counted[principal, default: 0]) \(what) are counted for an identity that has "
                            + "\(found[principal, default: 0])"))
            }
        }
        let claims = domains.values.filter(\.claimsKeyID).map { ($0.createdBy, 1) }
        let unfinished = operations.values.map { ($0.requester.principal, 1) }
        expect(keyIDClaims, Dictionary(claims, uniquingKeysWith: +), "KeyIDs")
        expect(operationCounts, Dictionary(unfinished, uniquingKeysWith: +), "operations")
        return finding
    }
}
