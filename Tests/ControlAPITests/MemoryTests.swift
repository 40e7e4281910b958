import GuestImages
import HTTPExchange
import HTTPTypes
import TDLifecycle
import Testing
import Threading

@testable import ControlAPI

@Suite("Guest memory over HTTP")
struct MemoryTests {
    private static let content = (0..<20_000).map { UInt8(truncatingIfNeeded: $0 &* 3) }

    @Test("A launch names its image, is foretold, and ends finalised with the measurement foretold")
    func launch() throws {
        let service = try Service()
        let image = try service.upload(Self.content)
        let spec = #"""
            {"spec":{"maxVcpus":1,"vcpuCount":1,"buildUntil":"finalized",
            "memory":[{"gpa":"0x1000","imageDigest":"\#(image)"},{"gpa":"0x200000","sizeBytes":8192,"measure":false}]}}
            """#
        let plan = try service.ask(.post, "/tds?dryRun=true", spec).json
        #expect(plan["pages"]["guest"].int == 7)
        // Two tables that link tables, and one for each of the two 2 MiB ranges.
        #expect(plan["pages"]["sept"].int == 4)
        let td = try service.ask(.post, "/tds", spec)
        #expect(td.status == 201)
        let id = try #require(td.json["id"].string)
        let status = td.json["status"]
        #expect(status["phase"].string == "finalized")
        #expect(status["measurement"]["mrtd"].string == plan["predictedMrtd"].string)
        #expect(status["pages"]["totalBytes"].int == (1 + 6 + 1 + 5 + 4 + 7) * 4096)
        #expect(td.json["spec"]["memory"].items.map { $0["sizeBytes"].int } == [20480, 8192])
        let regions = try service.ask(.get, "/tds/\(id)/memory", as: .viewer)
        #expect(regions.json["items"].items.map { $0["chunksExtended"].int } == [80, 0])
        #expect(try service.ask(.get, "/tds/\(id)/memory", [.ifNoneMatch: regions.fields[.eTag] ?? ""]).status == 304)
        let extends = try service.ask(.get, "/seamcalls?td=\(id)&leaf=TDH.MR.EXTEND").json["items"].items
        #expect(extends.reduce(0) { $0 + 1 + ($1["repeats"].int ?? 0) } == 80)
        #expect(extends.first?["arguments"]["gpa"].string == "0x1000")
        #expect(extends.last?["arguments"]["lastGpa"].string == "0x5f00")
        #expect(try service.ask(.delete, "/tds/\(id)").json["state"].string == "succeeded")
        #expect(try service.ask(.get, "/host/capacity").json["pages"]["held"].int == 0)
    }

    @Test("Pages of all kinds are listed part by part, each once, and guest pages say where they stand")
    func pages() throws {
        let service = try Service()
        let id = try service.createTD(#"{"maxVcpus":1,"memory":[{"gpa":"0x0","sizeBytes":81920,"measure":false}]}"#)
        var kinds: [String: Int] = [:]
        var addresses: [String] = []
        var path = "/tds/\(id)/pages?limit=7"
        while true {
            let page = try service.ask(.get, path).json
            for item in page["items"].items {
                kinds[item["kind"].string ?? "", default: 0] += 1
                if let gpa = item["gpa"].string { addresses.append(gpa) }
            }
            guard let cursor = page["nextCursor"].string else { break }
            path = "/tds/\(id)/pages?limit=7&cursor=\(cursor)"
        }
        #expect(kinds == ["tdr": 1, "tdcs": 6, "sept": 3, "guest": 20])
        #expect(addresses == (0..<20).map { "0x" + String($0 * 4096, radix: 16) })
        let one = try service.ask(.get, "/tds/\(id)/pages?limit=1000", as: .viewer).json["items"].items
        #expect(one.allSatisfy { $0["address"].string == nil && $0["redacted"].bool == true })
    }

    @Test("What is streamed is held against its length, and a client that stops half way fails the operation")
    func streamed() throws {
        let service = try Service()
        let id = try service.createTD(#"{"maxVcpus":1}"#)
        let added = try service.send(Self.content, to: "/tds/\(id)/memory?gpa=0x0", [.contentLength: "20000"])
        #expect(added.status == 201 && added.json["pagesAdded"].int == 5)
        #expect(try service.send(Self.content, to: "/tds/\(id)/memory?gpa=0x10000").code == "length-required")
        let longer = try service.send(
            Self.content, to: "/tds/\(id)/memory?gpa=0x10000&sizeBytes=8192&measure=false")
        #expect(longer.status == 409 && longer.code == "memory-content-failed")
        #expect(longer.json["residue"].items.allSatisfy { $0["tdId"].string == id })
        let peer = Peer(listener: "unix", transport: .unix(user: 4, group: 77, process: 1))
        let head = RequestHead(
            peer: peer,
            request: HTTPRequest(
                method: .post, scheme: nil, authority: "h", path: "/tds/\(id)/memory?gpa=0x100000",
                headerFields: [.contentType: Route.octets, .contentLength: "1000000"]))
        guard case .stream(let receiver) = service.api.plan(for: head) else {
            Issue.record("the body is not taken")
            return
        }
        _ = receiver.receive(Self.content.span, wake: Wake {})
        receiver.end(.broken)
        let operation = try #require((receiver as? MemoryStream)?.operation)
        let ended = try service.ask(.get, "/operations/\(operation)?waitSeconds=20").json
        #expect(ended["state"].string == "failed")
        #expect(ended["problem"]["detail"].string?.contains("went away after 20000 of 1000000 bytes") == true)
        #expect(try service.ask(.delete, "/tds/\(id)").json["state"].string == "succeeded")
        #expect(try service.ask(.get, "/host/capacity").json["pages"]["held"].int == 0)
    }

    @Test("A client that still sends when the operation has failed gets the failure as its answer")
    func refusedOnTheWay() throws {
        let service = try Service()
        let id = try service.createTD(#"{"maxVcpus":1}"#)
        let peer = Peer(listener: "unix", transport: .unix(user: 4, group: 77, process: 1))
        let head = RequestHead(
            peer: peer,
            request: HTTPRequest(
                method: .post, scheme: nil, authority: "h", path: "/tds/\(id)/memory?gpa=0x0",
                headerFields: [.contentType: Route.octets, .contentLength: "100000000"]))
        guard case .stream(let receiver) = service.api.plan(for: head), let stream = receiver as? MemoryStream else {
            Issue.record("the body is not taken")
            return
        }
        let operation = try #require(stream.operation)
        _ = try service.ask(.post, "/operations/\(operation)/actions/cancel", "{}")
        let refusal = try #require(
            Service.send([UInt8](repeating: 1, count: 90_000_000), to: receiver, pieceBytes: 65_536))
        #expect(refusal.head.status == .conflict)
        #expect(JSON(refusal.body.collected(atMost: 1 << 20, within: .seconds(1)) ?? [])["code"].string == "cancelled")
        #expect(refusal.requestID == stream.requestID)
    }

    @Test("Memory and finalisation need the role operator, a comparison only viewer")
    func roles() throws {
        let service = try Service()
        let id = try service.createTD(#"{"maxVcpus":1,"vcpuCount":1,"attributes":"0x10000001"}"#)
        let region = #"{"gpa":"0x0","sizeBytes":4096}"#
        #expect(try service.ask(.post, "/tds/\(id)/memory", region, as: .viewer).code == "role-too-small")
        #expect(try service.send([1], to: "/tds/\(id)/memory?gpa=0x0", as: .viewer).code == "role-too-small")
        #expect(try service.ask(.post, "/tds/\(id)/actions/finalize", "{}", as: .viewer).code == "role-too-small")
        #expect(try service.ask(.post, "/tds/\(id)/measurement", "{}", as: .viewer).json["agrees"].bool == true)
        #expect(try service.ask(.get, "/tds/\(id)/measurement?refresh=true", as: .viewer).code == "role-too-small")
        let read = try service.ask(.get, "/tds/\(id)/measurement?refresh=true", as: .operator)
        #expect(read.status == 200 && read.json["rtmrSource"].string == "read")
        #expect(read.json["rtmrs"].items.map(\.string) == Array(repeating: String(repeating: "0", count: 96), count: 4))
        #expect(try service.ask(.post, "/tds/\(id)/actions/finalize", as: .operator).status == 200)
    }

    @Test("Actions on memory are named with their paths and the reason why not")
    func actions() throws {
        let service = try Service()
        let id = try service.createTD(#"{"maxVcpus":1}"#)
        func action(_ name: String) throws -> JSON {
            let items = try service.ask(.get, "/tds/\(id)/actions").json["items"].items
            return try #require(items.first { $0["action"].string == name })
        }
        #expect(try action("add-memory")["allowed"].bool == true)
        #expect(try action("add-memory")["href"].string == "/tds/\(id)/memory")
        #expect(try action("finalize")["allowed"].bool == false)
        #expect(try action("finalize")["href"].string == "/tds/\(id)/actions/finalize")
        #expect(try service.ask(.post, "/tds/\(id)/actions/finalize").code == "wrong-state")
    }

    @Test(
        "The bytes of a stream come out as they went in, whatever the pieces are",
        arguments: [1, 4_095, 4_096, 100_000])
    func queue(pieceBytes: Int) {
        var queue = ByteQueue(capacity: 300_000)
        let bytes = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }
        var out: [UInt8] = []
        var start = 0
        var buffer = [UInt8](repeating: 0, count: 65_536)
        func take(_ most: Int) {
            let count = min(most, queue.count)
            var span = buffer.mutableSpan
            // SAFETY: bytes have no padding, and any bytes are a byte's value.
            var room = unsafe span.mutableBytes
            queue.remove(count, into: &room)
            out += buffer[..<count]
        }
        while start < bytes.count {
            let end = min(start + pieceBytes, bytes.count)
            while queue.count + (end - start) > 300_000 { take(61_440) }
            queue.append(bytes.span.extracting(start..<end))
            start = end
        }
        while queue.count > 0 { take(65_536) }
        #expect(out == bytes)
    }
}
