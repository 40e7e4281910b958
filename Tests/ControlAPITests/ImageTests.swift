import Digests
import GuestImages
import HTTPExchange
import HTTPTypes
import Testing
import Threading

@testable import ControlAPI

extension Service {
    /// Stores an image; gives what it is called.
    @discardableResult
    func upload(_ bytes: [UInt8]) throws -> String {
        let answer = try send(bytes, to: "/images")
        guard [200, 201].contains(answer.status), let digest = answer.json["digest"].string else { throw NoAnswer() }
        return digest
    }

    func send(_ bytes: [UInt8], to path: String, as role: Role = .admin, _ fields: HTTPFields = [:]) throws -> Answer {
        var fields = fields
        fields[.contentType] = "application/octet-stream"
        return try ask(.post, path, bytes: bytes, as: role, fields)
    }
}

func imageName(_ bytes: [UInt8]) -> String { "sha384:" + SHA384.digest(of: bytes).hex }

@Suite("Images")
struct ImageTests {
    private static let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }

    @Test("POST answers 201 with the digest, and 200 when the image is there already; GET and HEAD show it")
    func stored() throws {
        let service = try Service()
        let first = try service.send(Self.bytes, to: "/images", as: .operator)
        #expect(first.status == 201)
        let name = imageName(Self.bytes)
        #expect(first.json["digest"].string == name)
        #expect(first.json["sizeBytes"].int == 100_000)
        #expect(first.json["state"].string == "ready")
        #expect(first.fields[.location] == "/images/\(name)")
        #expect(try service.send(Self.bytes, to: "/v1/images").status == 200)
        let shown = try service.ask(.get, "/images/\(name)", as: .viewer)
        #expect(shown.status == 200 && shown.json["digest"].string == name)
        #expect(try service.ask(.get, "/images/\(name)", [.ifNoneMatch: shown.fields[.eTag] ?? ""]).status == 304)
        #expect(try service.ask(.head, "/images/\(name)").status == 200)
        let list = try service.ask(.get, "/images")
        #expect(list.json["items"].items.count == 1)
        #expect(list.json["usedBytes"].int == 100_000)
    }

    @Test("A list of images is cut and goes on at its cursor")
    func paged() throws {
        let service = try Service()
        let names = try (UInt8(0)..<5).map { try service.upload([$0]) }.sorted()
        var seen: [String] = []
        var path = "/images?limit=2"
        while true {
            let page = try service.ask(.get, path).json
            seen += page["items"].items.compactMap { $0["digest"].string }
            guard let cursor = page["nextCursor"].string else { break }
            path = "/images?limit=2&cursor=\(cursor)"
        }
        #expect(seen == names)
    }

    @Test("What the request says of the digest is held against what came, wherever it stands")
    func announced() throws {
        let service = try Service()
        let right = "sha-256=:A5BYxvLAy0ksUzsKTRTvd8wPeKvMztUofYShogEc+4E=:"
        let wrong = "sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:"
        for name in [HTTPField.Name.contentDigest, .reprDigest] {
            #expect(try service.send([1, 2, 3], to: "/images", [name: "md5=:AAAA:, " + right + ";a=1"]).status < 300)
            let refused = try service.send([1, 2, 3], to: "/images", [name: wrong])
            #expect(refused.status == 422 && refused.code == "digest-mismatch")
            for malformed in ["sha-256", "sha-256=abc", "sha-256=:A5BY", "sha-256=:A:", "sha-256=:AAAA:", "SHA=:AAAA:"]
            {
                let answer = try service.send([1, 2, 3], to: "/images", [name: malformed])
                #expect(answer.status == 400 && answer.code == "invalid-parameter", "\(malformed)")
            }
        }
        #expect(try service.send([1, 2, 3], to: "/images?digest=\(imageName([1, 2, 3]))").status == 200)
        #expect(try service.send([1, 2, 3], to: "/images?digest=\(imageName([1]))").code == "digest-mismatch")
        #expect(try service.send([1, 2, 3], to: "/images?digest=sha384:1").code == "invalid-parameter")
    }

    @Test("What can be refused is refused before a byte is sent")
    func refusedEarly() throws {
        let service = try Service()
        func refusal(_ path: String, as role: Role, _ fields: HTTPFields) throws -> Service.Answer {
            let answer = try service.ask(.post, path, bytes: [1], as: role, fields)
            #expect(service.images.usage.uploading == 0)
            return answer
        }
        let octets: HTTPFields = [.contentType: "application/octet-stream"]
        #expect(try refusal("/images", as: .viewer, octets).code == "role-too-small")
        #expect(try refusal("/images", as: .operator, [.contentType: "text/plain"]).status == 415)
        #expect(try refusal("/images?x=1", as: .operator, octets).status == 400)
        #expect(
            try refusal("/images", as: .operator, [.contentType: Route.octets, .accept: "text/html"]).status == 406)
        let coded: HTTPFields = [.contentType: Route.octets, .contentEncoding: "gzip"]
        #expect(try refusal("/images", as: .operator, coded).status == 415)
        let long: HTTPFields = [.contentType: Route.octets, .contentLength: "100000000000000"]
        #expect(try refusal("/images", as: .operator, long).status == 413)
        #expect(try service.send([], to: "/images").code == "empty-image")
        service.api.beginDraining()
        #expect(try refusal("/images", as: .operator, octets).code == "draining")
    }

    @Test("At the cap 507 says how much there is; it makes no difference whether the length is known")
    func full() throws {
        var limits = ImageLimits()
        limits.capacityBytes = 150_000
        let service = try Service(imageLimits: limits)
        let name = try service.upload(Self.bytes)
        let pins = Monitor<[ImagePin]?>(nil)
        service.images.take([try #require(ImageDigest(text: name))]) { result in
            pins.withLock { $0 = try? result.get() }
        }
        let other = Self.bytes.map { $0 ^ 1 }
        for fields: HTTPFields in [[:], [.contentLength: "100000"]] {
            let answer = try service.send(other, to: "/images", fields)
            #expect(answer.status == 507 && answer.code == "image-storage-full")
            #expect(answer.json["capacity"]["resource"].string == "imageBytes")
            #expect(answer.json["capacity"]["limit"].int == 150_000)
        }
        #expect(try service.ask(.delete, "/images/\(name)").code == "image-in-use")
        pins.withLock { $0 = nil }
        #expect(try service.send(other, to: "/images").status == 201)
        #expect(try service.ask(.get, "/images/\(name)").status == 404)
    }

    @Test("An image is deleted, and is not there then; its name must be one")
    func deleted() throws {
        let service = try Service()
        let name = try service.upload([1])
        let answer = try service.ask(.delete, "/images/\(name)", as: .operator)
        #expect(answer.status == 200 && answer.json["digest"].string == name)
        #expect(try service.ask(.get, "/images/\(name)").status == 404)
        #expect(try service.ask(.delete, "/images/\(name)").status == 404)
        #expect(try service.ask(.get, "/images/latest").status == 404)
    }

    @Test("A dry run says what the image would be called, and keeps nothing")
    func dryRun() throws {
        let service = try Service()
        let answer = try service.send(Self.bytes, to: "/images?dryRun=true")
        #expect(answer.status == 200 && answer.json["digest"].string == imageName(Self.bytes))
        #expect(try service.ask(.get, "/images").json["items"].items.isEmpty)
        #expect(service.images.usage.uploading == 0)
    }

    @Test("A client that goes away half way leaves nothing")
    func broken() throws {
        let service = try Service()
        let peer = Peer(listener: "unix", transport: .unix(user: 4, group: 77, process: 1))
        let head = RequestHead(
            peer: peer,
            request: HTTPRequest(
                method: .post, scheme: nil, authority: "h", path: "/images",
                headerFields: [.contentType: Route.octets, .contentLength: "1000"]))
        guard case .stream(let receiver) = service.api.plan(for: head) else {
            Issue.record("the body is not taken")
            return
        }
        _ = receiver.receive([1, 2, 3].span, wake: Wake {})
        #expect(service.images.usage.uploading == 1000)
        receiver.end(.broken)
        for _ in 0..<2000 where service.images.usage.uploading > 0 { sleepBlocking(.milliseconds(1)) }
        #expect(service.images.usage.uploading == 0)
    }

    @Test("Images are counted in the metrics")
    func metrics() throws {
        let service = try Service()
        try service.upload([1, 2, 3])
        let text = String(decoding: try service.ask(.get, "/metrics").body, as: UTF8.self)
        #expect(text.contains("\ntdxd_images 1\n"))
        #expect(text.contains("\ntdxd_image_bytes{state=\"stored\"} 3\n"))
    }
}
