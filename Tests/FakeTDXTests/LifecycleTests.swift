import FakeTDX
import TDXCalls
import Testing

@Suite("A TD's whole life through the wrappers")
struct LifecycleTests {
    private let processors = [Processor(rawValue: 0), Processor(rawValue: 2)]

    /// Pages that were given to the module, in order.
    private final class Given {
        var pages: [PageAddress<AnyPage>] = []

        func take<Kind>(_ donation: consuming Donation<Kind>) throws -> PageAddress<Kind> {
            switch consume donation {
            case .accepted(let address):
                pages.append(address.any)
                return address
            case .refused(_, let error): throw error
            }
        }
    }

    @Test("two vCPUs on two packages: every page flushed before it was given, nothing left over")
    func wholeLife() throws {
        let fake = try FakeTDX()
        let module = TDXModule(calls: fake, host: fake)
        let before = fake.snapshot()
        let given = Given()
        let first = processors[0]
        func page() throws -> HostPage { HostPage(try fake.allocatePage()) }

        let creation = module.tdh_mng_create(try page(), HostKeyID(try fake.allocateKeyID()), on: first)
        guard case .accepted(var td) = creation else {
            Issue.record("CREATE was refused")
            return
        }
        for processor in processors { try module.tdh_mng_key_config(td, on: processor) }
        for _ in 0..<6 { td.tdcs.append(try given.take(module.tdh_mng_addcx(td, try page(), on: first))) }
        let memory = try fake.allocateMemory(bytes: TDParams.sizeBytes)
        fake.write(try TDParams(maxVCPUs: 2, tscFrequency: 100).encoded(), to: memory, at: 0)
        try module.tdh_mng_init(td, memory, on: first)
        fake.freeMemory(memory)

        var vcpus: [VP] = []
        for (number, processor) in processors.enumerated() {
            var vp = VP(tdvpr: try given.take(module.tdh_vp_create(td, try page(), on: processor)))
            for _ in 0..<5 { vp.tdcx.append(try given.take(module.tdh_vp_addcx(vp, try page(), on: processor))) }
            try module.tdh_vp_init(vp, initialRCX: UInt64(number), on: processor)
            vcpus.append(vp)
        }
        for page in given.pages { #expect(fake.isFlushed(PageAddress(rawValue: page.rawValue)) == true) }

        for (vp, processor) in zip(vcpus, processors) { try module.tdh_vp_flush(vp, on: processor) }
        try module.tdh_mng_vpflushdone(td, on: first)
        for processor in processors {
            #expect(try module.tdh_phymem_cache_wb(resume: false, on: processor) == .success)
        }
        try module.tdh_mng_key_freeid(td, on: first)
        for page in given.pages {
            #expect(try module.tdh_phymem_page_reclaim(page, on: first).owner == td.tdr)
        }
        #expect(try module.tdh_phymem_page_reclaim(td.tdr.any, on: first).type == .tdr)
        try module.tdh_phymem_page_wbinvd_tdr(td, on: first)
        #expect(fake.snapshot().keys == before.keys)
        #expect(fake.snapshot().ownedPages == 0)
    }
}
