import FakeTDX
import HTTPTypes
import TDXCalls
import Testing

@testable import ControlAPI

@Suite("Guest memory in pages of 2 MiB over HTTP")
struct LargePagesTests {
    private static let octets: HTTPFields = [.contentType: Route.octets, .contentLength: "5"]

    @Test("A large page is one row of 2 MiB, and its region says how many were made")
    func rows() throws {
        let service = try Service()
        let region = #"{"gpa":"0x200000","sizeBytes":4194304,"pageSizeBytes":2097152,"measure":false}"#
        let id = try service.createTD(#"{"maxVcpus":1,"memory":[\#(region),{"gpa":"0x0","sizeBytes":8192}]}"#)
        let rows = try service.ask(.get, "/tds/\(id)/pages?limit=1000").json["items"].items
        let guest = rows.filter { $0["kind"].string == "guest" }
        #expect(guest.map { $0["sizeBytes"].int } == [2_097_152, 2_097_152, 4096, 4096])
        #expect(guest.map { $0["gpa"].string } == ["0x200000", "0x400000", "0x0", "0x1000"])
        #expect(guest.allSatisfy { $0["pamtType"].string == "REG" })
        // Counts are of 4,096 bytes each.
        let pages = try service.ask(.get, "/tds/\(id)").json["status"]["pages"]
        #expect(pages["guest"].int == 1026)
        #expect(pages["totalBytes"].int == rows.reduce(0) { $0 + ($1["sizeBytes"].int ?? 0) })
        let regions = try service.ask(.get, "/tds/\(id)/memory").json["items"].items
        #expect(regions.map { $0["largePagesMade"].int } == [2, nil])
        #expect(regions.allSatisfy { $0["complete"].bool == true })
        let writeBacks = try service.ask(.get, "/seamcalls?td=\(id)&leaf=TDH.PHYMEM.PAGE.WBINVD").json["items"].items
        #expect(writeBacks.map { $0["wrapper"].string } == Array(repeating: "tdh_phymem_page_wbinvd_hkid", count: 2))
        #expect(writeBacks.allSatisfy { $0["arguments"]["page"]["kind"].string == "sept" })
        let promotions = try service.ask(.get, "/seamcalls?td=\(id)&leaf=TDH.MEM.PAGE.PROMOTE").json["items"].items
        #expect(promotions.map { $0["arguments"]["gpa"].string } == ["0x200000", "0x400000"])
        let streamed = try service.send(
            [1, 2, 3, 4, 5], to: "/tds/\(id)/memory?gpa=0x40000000&pageSizeBytes=2097152", [.contentLength: "5"])
        #expect(streamed.status == 201 && streamed.json["sizeBytes"].int == 2_097_152)
        #expect(streamed.json["largePagesMade"].int == 1)
    }

    @Test("A row is another one as soon as its pages are a large one")
    func rowsChange() throws {
        let service = try Service()
        let id = try service.createTD(#"{"maxVcpus":1}"#)
        service.port.arm(.eptInvalidPromoteConditions, on: .memPagePromote)
        let region = #"{"gpa":"0x0","sizeBytes":2097152,"pageSizeBytes":2097152,"measure":false}"#
        let failed = try service.ask(.post, "/tds/\(id)/memory", region)
        #expect(failed.status == 409)
        #expect(failed.json["seamcall"]["arguments"]["level"].int == 1)
        #expect(failed.json["seamcall"]["leaf"].string == "TDH.MEM.PAGE.PROMOTE")
        let residue = failed.json["residue"].items
        #expect(residue.map { $0["kind"].string } == ["memory", "sept"])
        #expect(
            residue.first?["description"].string?.hasPrefix(
                "512 of 512 pages from 0x0 on are added, 0 of 1 pages of 2 MiB made of them") == true)
        let rows = try service.ask(.get, "/tds/\(id)/pages?limit=1000").json["items"].items
        #expect(rows.count { $0["kind"].string == "guest" } == 512)
        let kept = try service.ask(.get, "/tds/\(id)/memory").json["items"][0]
        #expect(kept["complete"].bool == false && kept["largePagesMade"].int == 0 && kept["pagesAdded"].int == 512)
        #expect(try service.ask(.get, "/tds/\(id)").json["status"]["measurement"]["diverged"].bool == false)
        #expect(try service.ask(.delete, "/tds/\(id)").json["state"].string == "succeeded")
        #expect(try service.ask(.get, "/host/capacity").json["pages"]["held"].int == 0)
    }

    @Test("A back end without them says why: in a spec, in a region, in a query, and in their dry runs")
    func refused() throws {
        let service = try Service(host: { SinglePages(host: $0) })
        let id = try service.createTD(#"{"maxVcpus":1}"#)
        let region = #"{"gpa":"0x0","sizeBytes":2097152,"pageSizeBytes":2097152}"#
        let regions = #"{"gpa":"0x200000","sizeBytes":4096},\#(region)"#
        let spec = #"{"spec":{"maxVcpus":1,"memory":[\#(regions)]}}"#
        for suffix in ["", "?dryRun=true"] {
            for (path, body, pointer) in [
                ("/tds", spec, "/spec/memory/1/pageSizeBytes"), ("/tds/\(id)/memory", region, "/pageSizeBytes"),
            ] {
                let answer = try service.ask(.post, path + suffix, body)
                #expect(answer.status == 422 && answer.code == "invalid-memory")
                let violation = answer.json["violations"][0]
                #expect(violation["pointer"].string == pointer)
                #expect(violation["reason"].string == SinglePages.reason)
            }
        }
        for suffix in ["", "&dryRun=true"] {
            let path = "/tds/\(id)/memory?gpa=0x0&pageSizeBytes=2097152" + suffix
            let answer = try service.ask(.post, path, bytes: [1, 2, 3, 4, 5], as: .operator, Self.octets)
            #expect(answer.status == 422 && answer.code == "invalid-memory")
            #expect(answer.json["violations"][0]["parameter"].string == "pageSizeBytes")
            #expect(answer.json["violations"][0]["reason"].string == SinglePages.reason)
        }
        #expect(try service.ask(.get, "/tds/\(id)/memory").json["items"].items.isEmpty)
    }

    @Test("Too few places of 2 MiB in the host's memory: 507, with how many of how many, also for a dry run")
    func scattered() throws {
        let service = try Service()
        let total = service.fake.largePages.total
        while service.fake.largePages.free > 1 {
            let first = try service.fake.allocateLargePage().rawValue
            for page: UInt64 in 1..<512 { service.fake.free(PageAddress(rawValue: first + page * 4096)) }
        }
        let spec = #"""
            {"spec":{"maxVcpus":1,"memory":[{"gpa":"0x0","sizeBytes":4194304,"pageSizeBytes":2097152}]}}
            """#
        for path in ["/tds?dryRun=true", "/tds"] {
            let answer = try service.ask(.post, path, spec)
            #expect(answer.status == 507 && answer.code == "capacity-exhausted")
            let capacity = answer.json["capacity"]
            #expect(capacity["resource"].string == "largePages" && capacity["limit"].int == total)
            #expect(capacity["used"].int == total - 1)
            #expect(
                answer.json["detail"].string
                    == "2 pages of 2 MiB are needed, each of 512 free ones in a row; such places that are free: "
                    + "1 of \(total)")
        }
        #expect(try service.ask(.get, "/tds").json["items"].items.isEmpty)
    }
}

/// A host that hands out pages one by one.
private struct SinglePages: HostPort {
    static let reason = "pages come one by one here"

    let host: FakeTDX

    var largePagesRefusal: String? { Self.reason }

    var processors: [ProcessorInfo] { host.processors }
    var module: ModuleInformation { host.module }
    var capacity: HostCapacity { host.capacity }

    func allocatePage() throws(PortError) -> PageAddress<HostOwned> { try host.allocatePage() }
    func flush(_ page: PageAddress<HostOwned>) { host.flush(page) }
    func clear(_ page: PageAddress<HostOwned>) { host.clear(page) }
    func free(_ page: PageAddress<HostOwned>) { host.free(page) }
    func allocateKeyID() throws(PortError) -> KeyID { try host.allocateKeyID() }
    func freeKeyID(_ keyID: KeyID) { host.freeKeyID(keyID) }
    func allocateMemory(bytes: Int) throws(PortError) -> HostMemory { try host.allocateMemory(bytes: bytes) }
    func write(_ bytes: [UInt8], to memory: HostMemory, at offset: Int) { host.write(bytes, to: memory, at: offset) }
    func read(_ memory: HostMemory, at offset: Int, count: Int) -> [UInt8] {
        host.read(memory, at: offset, count: count)
    }
    func freeMemory(_ memory: HostMemory) { host.freeMemory(memory) }
}
