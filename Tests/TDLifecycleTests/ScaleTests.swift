import TDXCalls
import Testing

@testable import TDLifecycle

@Suite("Large TDs")
struct ScaleTests {
    @Test("A TD with 2,000 vCPUs is built and deleted in steps, and its plan stays short")
    func manyVCPUs() throws {
        let world = try World()
        let before = world.capacity
        let spec = world.spec(maxVCPUs: 4_000, vcpus: 2_000)
        let plan = try world.engine.planTD(world.request(spec), by: world.lab)
        #expect(plan.callCount == 10 + 2_000 * 7 && plan.pageCount == 7 + 2_000 * 6)
        #expect(plan.entries.count == 4 + 3 * Plan.vcpusInDetail + 3)
        let (td, creation) = try world.create(spec)
        #expect(creation.state == .succeeded && creation.progress.done == plan.callCount)
        #expect(try world.domain(td).vcpus.compactMap(\.index) == Array(0..<2_000))
        #expect(world.engine.capacity.vcpusHeld == 2_000)
        #expect(world.engine.processors.map(\.vcpus.count).reduce(0, +) == 2_000)
        let more = try world.engine.planVCPUs(.id(td), Array(repeating: VCPUSpec(), count: 100))
        #expect(more.callCount == 700 && more.pages == [.tdvpr: 100, .tdcx: 500])
        let teardown = try #require(try world.plannedDeletion(td))
        #expect(teardown.callCount == 2_000 + 1 + 2 + 1 + 12_007 + 1)
        #expect(teardown.entries.count == 6)
        let deletion = try world.delete(td)
        #expect(deletion.state == .succeeded && deletion.progress.done == teardown.callCount)
        #expect(world.capacity == before)
        world.expectInvariants("2,000 vCPUs")
    }
}
