import FakeTDX
import TDXCalls
import Testing

@testable import TDLifecycle

@Suite("Guest memory in pages of 2 MiB")
struct LargePagesTests {
    private static func large(_ gpa: UInt64, _ count: Int, measure: Bool = true) -> MemoryRegion {
        MemoryRegion(
            gpa: GPA(rawValue: gpa), sizeBytes: UInt64(count * largePageSizeBytes), measure: measure,
            pageSizeBytes: largePageSizeBytes)
    }

    @Test("A launch foretells its leaves, has the MRTD of small pages, and each large page comes back by one reclaim")
    func launch() throws {
        let world = try World()
        let before = world.capacity
        var spec = world.spec(vcpus: 1, until: .finalized)
        spec.memory = [Self.large(0x4000_0000, 2), region(0x4040_0000, pages: 3)]
        func request() -> TDRequest {
            let contents = [Pattern(UInt64(largePageSizeBytes + 5000), seed: 3), Pattern(3 * 4096, seed: 4)]
            return TDRequest(name: nil, labels: [:], spec: spec, contents: contents)
        }
        let plan = try world.plan(request())
        let (td, id) = try world.engine.createTD(request(), by: world.lab)
        let operation = try world.end(id)
        #expect(operation.state == .succeeded, "\(String(describing: operation.failure))")
        let leaves = world.leaves(td)
        #expect(leaves == plan.entries.reduce(into: [:]) { $0[$1.leaf.name, default: 0] += $1.times })
        #expect(leaves[Leaf.memPagePromote.name] == 2 && leaves[Leaf.memRangeBlock.name] == 2)
        #expect(leaves[Leaf.memTrack.name] == 2 && leaves[Leaf.phymemPageWBINVD.name] == 2)

        let domain = try world.domain(td)
        #expect(domain.pageCount(.guest) == 1027)
        // Two that link tables, and the one of the small pages.
        #expect(domain.pageCount(.sept) == 3 && plan.pages[.sept] == 5)
        #expect(domain.memory.regions.map(\.largePagesMade) == [2, 0])
        #expect(domain.memory.regions.allSatisfy { $0.isComplete })
        var book = BookMRTD()
        book.add(spec.memory[0], Pattern(UInt64(largePageSizeBytes + 5000), seed: 3))
        book.add(spec.memory[1], Pattern(3 * 4096, seed: 4))
        #expect(plan.predictedMRTD == book.value && domain.memory.measurement.actual == book.value)
        world.expectInvariants("the launch")

        let deletion = try #require(try world.plannedDeletion(td))
        let foretold = deletion.entries.filter { $0.leaf == .phymemPageReclaim }.reduce(0) { $0 + $1.times }
        #expect(foretold == domain.pages.count + 2 + 3)
        #expect(try world.delete(td).state == .succeeded)
        #expect(world.leaves(td)[Leaf.phymemPageReclaim.name] == foretold)
        #expect(world.capacity == before)
        world.expectInvariants("the deletion")
    }

    @Test(
        "A promotion refused half way leaves small pages and a large one, and all come back",
        arguments: [Leaf.memRangeBlock, .memTrack, .memPagePromote, .phymemPageWBINVD])
    func refused(_ leaf: Leaf) throws {
        let world = try World()
        let before = world.capacity
        let (td, _) = try world.create(world.spec(vcpus: 1))
        world.port.arm(.answer(.operandInvalid), onceAt: 2, of: leaf)
        let content = Pattern(UInt64(2 * largePageSizeBytes))
        let operation = try world.add(td, Self.large(0, 2, measure: false), content)
        #expect(operation.state == .failed && operation.residue?.measurementDiverged == true)
        let row = try #require(try world.domain(td).memory.regions.first)
        #expect(row.largePagesMade == 1 && !row.isComplete && row.isFilled)
        world.port.disarm()
        #expect(try world.delete(td).state == .succeeded)
        #expect(world.capacity == before)
        world.expectInvariants("the deletion")
    }

    @Test("A large page that cannot be reclaimed is quarantined with all its 512")
    func quarantined() throws {
        let world = try World()
        let (td, _) = try world.create(world.spec(vcpus: 1))
        let region = Self.large(0, 1, measure: false)
        #expect(try world.add(td, region, Pattern(UInt64(largePageSizeBytes))).state == .succeeded)
        world.port.arm(.answer(.operandInvalid), onceAt: 1, of: .phymemPageReclaim)
        #expect(try world.delete(td).state == .quarantined)
        let domain = try world.domain(td)
        // The page's, and the TDR, whose count of children it keeps up, with nothing else left.
        #expect(domain.pages.filter { $0.kind == .guest }.count == 512)
        #expect(domain.quarantine.count == 513)
        world.expectInvariants("the deletion")
    }
}
