import FakeTDX
import TDXCalls
import Testing

@testable import TDLifecycle

@Suite("vCPUs made in part")
struct PartialVCPUTests {
    /// A TD whose creation of four vCPUs failed at the third one's second page.
    private func interrupted(_ world: World) throws -> ResourceID {
        let (td, _) = try world.create(world.spec(maxVCPUs: 8))
        world.port.arm(.answer(Completion(.pageMetadataIncorrect, operand: .rcx)), atCall: 7 + 7 + 3)
        let (_, id) = try world.engine.createVCPUs(.id(td), specs(4), by: world.lab)
        let operation = try world.end(id)
        #expect(operation.state == .failed)
        #expect(operation.residue?.vcpusCreated == [0, 1, 2] && operation.residue?.vcpusInitialized == [0, 1])
        #expect(operation.residue?.pages == 6 + 6 + 2)
        world.expectInvariants("a creation that failed at the third vCPU")
        return td
    }

    private func specs(_ count: Int) -> [VCPUSpec] { Array(repeating: VCPUSpec(), count: count) }

    @Test("The same request goes on where it stopped")
    func sameRequest() throws {
        let world = try World()
        let td = try interrupted(world)
        let calls = world.port.calls
        let operation = try world.end(try world.engine.createVCPUs(.id(td), specs(4), by: world.lab).operation)
        #expect(operation.state == .succeeded && operation.vcpus == 0..<4)
        #expect(world.port.calls - calls == 5 + 7)
        let domain = try world.domain(td)
        #expect(domain.vcpus.compactMap(\.index) == [0, 1, 2, 3])
        #expect(domain.pageCount(.tdvpr) == 4 && domain.pageCount(.tdcx) == 20)
        // Once it is through, the same request asks for four more.
        let more = try world.end(try world.engine.createVCPUs(.id(td), specs(4), by: world.lab).operation)
        #expect(more.state == .succeeded && more.vcpus == 4..<8)
        try world.expectDeletable(td, "eight vCPUs")
    }

    @Test("Another count begins with the one that is unfinished")
    func anotherCount() throws {
        let world = try World()
        let td = try interrupted(world)
        let operation = try world.end(try world.engine.createVCPUs(.id(td), specs(1), by: world.lab).operation)
        #expect(operation.state == .succeeded && operation.vcpus == 2..<3)
        #expect(try world.domain(td).vcpusInitialized == 3)
        world.expectInvariants("the third vCPU")
        try world.expectDeletable(td, "three vCPUs")
    }

    @Test("What a lab has finished by hand is not asked for again")
    func finishedByHand() throws {
        let world = try World()
        let td = try interrupted(world)
        for _ in 0..<4 { try world.raw(td, .addTDCXPage(vcpu: 2)) }
        #expect(try world.raw(td, .initializeVCPU(2)) == .success)
        #expect(try world.raw(td, .createVCPU(VCPUSpec())) == .success)
        for _ in 0..<5 { try world.raw(td, .addTDCXPage(vcpu: 3)) }
        #expect(try world.raw(td, .initializeVCPU(3)) == .success)
        let operation = try world.end(try world.engine.createVCPUs(.id(td), specs(4), by: world.lab).operation)
        #expect(operation.state == .succeeded && operation.vcpus == 4..<8)
        #expect(try world.domain(td).vcpusInitialized == 8)
        try world.expectDeletable(td, "eight vCPUs")
    }

    @Test("vCPUs initialised out of order keep their numbers, get the module's indices, and none is forgotten")
    func outOfOrder() throws {
        let world = try World()
        let (td, _) = try world.create(world.spec(maxVCPUs: 8))
        for number in 0..<3 {
            try world.raw(td, .createVCPU(VCPUSpec()))
            for _ in 0..<5 { try world.raw(td, .addTDCXPage(vcpu: number)) }
        }
        #expect(try world.raw(td, .initializeVCPU(1)) == .success)
        #expect(try world.domain(td).vcpus.map(\.index) == [nil, 0, nil])
        // The last one is unfinished and comes first; the hole before it is the lab's.
        let operation = try world.end(try world.engine.createVCPUs(.id(td), specs(2), by: world.lab).operation)
        #expect(operation.state == .succeeded && operation.vcpus == 2..<4)
        #expect(try world.domain(td).vcpus.map(\.index) == [nil, 0, 1, 2])
        world.expectInvariants("vCPUs out of order")
        try world.expectDeletable(td, "vCPUs out of order")
    }

    @Test("A vCPU number that the module loses with INCONSISTENT_MSR is not given to the next one")
    func lostIndex() throws {
        let world = try World()
        let (td, _) = try world.create(world.spec(maxVCPUs: 4))
        world.fake.setTSCAdjustDiffers(true)
        let failed = try world.end(try world.engine.createVCPUs(.id(td), specs(1), by: world.lab).operation)
        #expect(failed.failure?.record?.completion?.code == Completion.inconsistentMSR.code)
        world.fake.setTSCAdjustDiffers(false)
        #expect(
            try world.end(try world.engine.createVCPUs(.id(td), specs(2), by: world.lab).operation).state == .succeeded)
        #expect(try world.domain(td).vcpus.map(\.index) == [1, 2])
        world.expectInvariants("a lost number")
        try world.expectDeletable(td, "a lost number")
    }

    @Test("More than maxVcpus is refused before a page is spent, unfinished ones counted")
    func tooMany() throws {
        let world = try World()
        let (td, _) = try world.create(world.spec(maxVCPUs: 4, vcpus: 3))
        let calls = world.port.calls
        #expect {
            try world.engine.createVCPUs(.id(td), specs(2), by: world.lab)
        } throws: { error in
            guard case LifecycleError.maxVCPUsExceeded(let requested, let existing, let max) = error else {
                return false
            }
            return requested == 2 && existing == 3 && max == 4
        }
        #expect(world.port.calls == calls)
        #expect(
            try world.end(try world.engine.createVCPUs(.id(td), specs(1), by: world.lab).operation).state == .succeeded)
        #expect(throws: LifecycleError.self) { try world.engine.createVCPUs(.id(td), specs(1), by: world.lab) }
        world.expectInvariants("refusals")
    }
}
