import TDLifecycle
import TDXCalls
import Testing

@Suite("A TD's whole life")
struct WholeLifeTests {
    @Test("A TD with two vCPUs on two packages takes 50 SEAMCALLs: 10 to create, 14 for its vCPUs, 26 to delete")
    func fiftyCalls() throws {
        let world = try World()
        let before = world.capacity
        let (td, creation) = try world.create(world.spec(vcpus: 2))
        #expect(creation.state == .succeeded)
        #expect(creation.progress.done == 24 && creation.progress.total == 24)
        #expect(try world.domain(td).phase == .initialized)
        #expect(world.records(td).count == 24)

        let deletion = try world.delete(td)
        #expect(deletion.state == .succeeded)
        #expect(try world.domain(td).phase == .deleted)
        let records = world.records(td)
        #expect(records.count == 50)
        #expect(records.allSatisfy { $0.completion == .success && $0.handledAs == .accepted })
        #expect(world.capacity == before)
        #expect(
            runs(records.map(\.leaf.name)) == [
                "TDH.MNG.CREATE", "TDH.MNG.KEY.CONFIG x2", "TDH.MNG.ADDCX x6", "TDH.MNG.INIT", "TDH.VP.CREATE",
                "TDH.VP.ADDCX x5", "TDH.VP.INIT", "TDH.VP.CREATE", "TDH.VP.ADDCX x5", "TDH.VP.INIT",
                "TDH.VP.FLUSH x2", "TDH.MNG.VPFLUSHDONE", "TDH.PHYMEM.CACHE.WB x2", "TDH.MNG.KEY.FREEID",
                "TDH.PHYMEM.PAGE.RECLAIM x19", "TDH.PHYMEM.PAGE.WBINVD",
            ])
    }

    @Test("The TDR is the last page reclaimed, and is written back under the module's KeyID")
    func tdrLast() throws {
        let world = try World()
        let (td, _) = try world.create(world.spec(vcpus: 1))
        let tdr = try #require(try world.domain(td).td?.tdr.rawValue)
        _ = try world.delete(td)
        let records = world.records(td)
        #expect(records.last?.leaf == .phymemPageWBINVD)
        #expect(records.last?.input.rcx == tdr | 32 << 46)
        #expect(records.dropLast().last?.input.rcx == tdr)
        #expect(records.dropLast().last?.page?.kind == .tdr)
    }

    @Test("Each key is configured and each cache written back on a processor of its package")
    func onEveryPackage() throws {
        let world = try World()
        let (td, _) = try world.create(world.spec())
        _ = try world.delete(td)
        for leaf in [Leaf.mngKeyConfig, .phymemCacheWB] {
            let packages = world.records(td).filter { $0.leaf == leaf }.compactMap { $0.package?.rawValue }
            #expect(packages.sorted() == [0, 1])
        }
    }

    @Test("vCPUs are spread over processors, and flushed where they are")
    func spreadAndFlushed() throws {
        let world = try World()
        let (td, _) = try world.create(world.spec(vcpus: 4))
        let domain = try world.domain(td)
        let places = domain.vcpus.compactMap { $0.association?.processor.rawValue }
        #expect(Set(places) == [0, 1, 2, 3])
        _ = try world.delete(td)
        let flushes = world.records(td).filter { $0.leaf == .vpFlush }
        #expect(Set(flushes.map(\.processor.rawValue)) == [0, 1, 2, 3])
    }

    @Test("Placement can be asked for")
    func placementAsked() throws {
        let world = try World()
        let (td, _) = try world.create(world.spec())
        let specs = [3, 3].map { VCPUSpec(processor: Processor(rawValue: $0)) }
        _ = try world.end(try world.engine.createVCPUs(.id(td), specs, by: world.lab).operation)
        #expect(try world.domain(td).vcpus.map { $0.association?.processor.rawValue } == [3, 3])
    }

    @Test("A vCPU that was flushed and then read is flushed again before the TD is taken down")
    func readReassociates() throws {
        let world = try World()
        let before = world.capacity
        let (td, _) = try world.create(world.spec(vcpus: 2))
        #expect(try world.step(td, .flushVCPU(0)).stepRecord?.completion == .success)
        #expect(try world.domain(td).vcpus[0].association == nil)
        let answer = try world.read(td, .vcpu(0), "PEND_NMI").get()
        #expect(answer.associationChanged)
        #expect(try world.domain(td).vcpus[0].association?.by == .vpRD)
        #expect(try world.delete(td).state == .succeeded)
        #expect(world.capacity == before)
    }

    @Test("A read that the module refuses for the field has associated the vCPU all the same")
    func refusedReadAssociates() throws {
        let world = try World()
        let (td, _) = try world.create(world.spec(vcpus: 1))
        _ = try world.step(td, .flushVCPU(0))
        guard case .failure(.refused(let record)) = try world.read(td, .vcpu(0), "RAX") else {
            Issue.record("a production TD's RAX was read")
            return
        }
        #expect(record.completion?.code == Completion.metadataFieldNotReadable.code)
        #expect(try world.domain(td).vcpus[0].association != nil)
        #expect(try world.delete(td).state == .succeeded)
    }

    @Test("A TD field can be read, which confirms the state until it changes")
    func fieldRead() throws {
        let world = try World()
        let (td, _) = try world.create(world.spec(vcpus: 1))
        #expect(try world.domain(td).stateSource == .inferred)
        #expect(try world.read(td, .td, "NUM_VCPUS").get().values == [1])
        #expect(try world.domain(td).stateSource == .read)
        _ = try world.step(td, .flushVCPU(0))
        #expect(try world.domain(td).stateSource == .inferred)
    }

    @Test("A creation can stop at each stage, and each is taken down again", arguments: BuildStage.allCases)
    func stages(_ stage: BuildStage) throws {
        let world = try World()
        let before = world.capacity
        let (td, creation) = try world.create(world.spec(vcpus: stage == .finalized ? 1 : 0, until: stage))
        #expect(creation.state == .succeeded)
        let domain = try world.domain(td)
        let expected: (Lifecycle, OpState?) =
            switch stage {
            case .tdrCreated: (.hkidAssigned, nil)
            case .keysConfigured: (.keysConfigured, nil)
            case .tdcsAdded: (.keysConfigured, .uninitialized)
            case .initialized: (.keysConfigured, .initialized)
            case .finalized: (.keysConfigured, .runnable)
            }
        #expect(domain.lifecycle == expected.0 && domain.opState == expected.1)
        #expect(try world.delete(td).state == .succeeded)
        #expect(world.capacity == before)
    }

    @Test("A plan names exactly the leaves and pages that the operation then takes")
    func planHolds() throws {
        let world = try World()
        let plan = try world.engine.planTD(world.request(world.spec(vcpus: 3)), by: world.lab)
        #expect(plan.pages == [.tdr: 1, .tdcs: 6, .tdvpr: 3, .tdcx: 15])
        #expect(plan.keyIDs == 1)
        let (td, _) = try world.create(world.spec(vcpus: 3))
        #expect(runs(world.records(td).map(\.leaf.name)) == plan.entries.map(text))
        let teardown = try #require(try world.plannedDeletion(td))
        let made = world.records(td).count
        _ = try world.delete(td)
        #expect(runs(world.records(td).dropFirst(made).map(\.leaf.name)) == teardown.entries.map(text))
    }

    private func text(_ entry: Plan.Entry) -> String {
        entry.times == 1 ? entry.leaf.name : "\(entry.leaf.name) x\(entry.times)"
    }

    /// Runs of one name as `name xN`.
    private func runs(_ names: some Sequence<String>) -> [String] {
        var result: [(String, Int)] = []
        for name in names {
            if result.last?.0 == name { result[result.count - 1].1 += 1 } else { result.append((name, 1)) }
        }
        return result.map { $0.1 == 1 ? $0.0 : "\($0.0) x\($0.1)" }
    }
}
