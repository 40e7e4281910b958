import HTTPTypes
import Testing

@testable import ControlAPI

@Suite("Metadata fields")
struct FieldTests {
    @Test("A field is named by name, by element and by id; an array by its name is all of it")
    func names() throws {
        let service = try Service()
        let id = try service.createTD(#"{"maxVcpus":7,"vcpuCount":1}"#)
        let path = "/tds/\(id)/fields"
        let whole = try service.ask(.get, "\(path)/MRTD").json
        #expect(whole["elements"].items.map { $0["index"].int } == [0, 1, 2, 3, 4, 5])
        #expect(whole["name"].string == "MRTD" && whole["sizeBytes"].int == 8)
        let third = try service.ask(.get, "\(path)/MRTD%5B2%5D").json
        #expect(third["elements"].items.count == 1 && third["elements"][0]["index"].int == 2)
        #expect(third["elements"][0]["value"] == whole["elements"][2]["value"])
        let fieldID = try #require(third["fieldId"].string)
        let byID = try service.ask(.get, "\(path)/\(fieldID)").json
        #expect(byID["elements"] == third["elements"] && byID["name"].string == "MRTD")
        #expect(try service.ask(.get, "\(path)/MAX_VCPUS").json["elements"][0]["value"].string == "0x7")
        // Each element is a call of its own.
        #expect(try service.ask(.get, "/seamcalls?td=\(id)&leaf=TDH.MNG.RD").json["items"].items.count == 9)
    }

    @Test(
        "What names no field is 404 unknown-field",
        arguments: [
            "NO_SUCH", "mrtd", "MRTD[6]", "MRTD[-1]", "MRTD[+1]", "MRTD[01]", "MRTD[]", "MRTD[0", "MRTD]", "MRTD[0]x",
            "[0]", "0x", "0xg", "0X1", "0x1FF", "0x01", "0x11111111111111111", "PEND_NMI",
        ])
    func unknown(name: String) throws {
        let service = try Service.shared()
        let encoded = name.replacing("[", with: "%5B").replacing("]", with: "%5D")
        let answer = try service.ask(.get, "/tds/nobody/fields/\(encoded)")
        #expect(answer.status == 404 && answer.code == "unknown-field")
    }

    @Test("Elements that exist in the module's table only are not among a host field's elements")
    func skipped() throws {
        let service = try Service()
        let count = try #require(
            try service.ask(.get, "/host/fields/NUM_CPUID_CONFIG").json["elements"][0]["value"].string)
        let number = try #require(Int(count.dropFirst(2), radix: 16))
        let leaves = try service.ask(.get, "/host/fields/CPUID_CONFIG_LEAVES").json["elements"].items
        #expect(leaves.map { $0["index"].int } == (0..<number).map { $0 })
    }

    @Test("A read is not stored, has no tag, is recorded, and makes the TD's state one that was read")
    func read() throws {
        let service = try Service()
        let id = try service.createTD()
        #expect(try service.ask(.get, "/tds/\(id)").json["status"]["stateSource"].string == "inferred")
        let answer = try service.ask(.get, "/tds/\(id)/fields/FATAL", as: .operator)
        #expect(answer.fields[.cacheControl] == "no-store" && answer.fields[.eTag] == nil)
        #expect(answer.json["writableMask"] == .null && answer.json["readOn"]["associationChanged"] == .null)
        let record = try service.ask(.get, "/seamcalls?td=\(id)&leaf=TDH.MNG.RD").json["items"][0]
        #expect(record["sequence"] == answer.json["sequence"] && record["principal"].string == "uid:2")
        #expect(record["requestId"].string == answer.fields[.requestID])
        #expect(record["processor"] == answer.json["readOn"]["processor"])
        #expect(try service.ask(.get, "/tds/\(id)").json["status"]["stateSource"].string == "read")
        _ = try service.ask(.post, "/tds/\(id)/vcpus", "{}")
        #expect(try service.ask(.get, "/tds/\(id)").json["status"]["stateSource"].string == "inferred")
    }

    @Test("A read that associates the vCPU says so, the vCPU says where, and teardown flushes it")
    func association() throws {
        let service = try Service()
        let before = try service.ask(.get, "/host/capacity").json["pages"]
        let id = try service.createTD(#"{"maxVcpus":1,"vcpuCount":1}"#)
        _ = try service.ask(.post, "/tds/\(id)/vcpus/0/actions/flush", "{}")
        let path = "/tds/\(id)/vcpus/0/fields/PEND_NMI"
        let first = try service.ask(.get, path).json["readOn"]
        #expect(first["associationChanged"].bool == true)
        #expect(try service.ask(.get, path).json["readOn"]["associationChanged"].bool == false)
        let association = try service.ask(.get, "/tds/\(id)/vcpus/0").json["status"]["association"]
        #expect(association["processor"] == first["processor"] && association["by"].string == "TDH.VP.RD")
        let vcpus = try service.ask(.get, "/host/processors").json["items"][first["processor"].int ?? -1]["vcpus"]
        #expect(vcpus == .list([.object(["tdId": .text(id), "number": .number(0)])]))
        #expect(try service.ask(.delete, "/tds/\(id)").status == 200)
        #expect(try service.ask(.get, "/host/capacity").json["pages"] == before)
    }

    @Test("A write gives the value before it, takes a mask, and is refused as a whole array")
    func write() throws {
        let service = try Service()
        let id = try service.createTD(#"{"maxVcpus":1,"vcpuCount":1}"#)
        let path = "/tds/\(id)/vcpus/0/fields/PEND_NMI"
        let set = try service.ask(.patch, path, #"{"value":"0x1","mask":"0x1"}"#)
        #expect(set.status == 200 && set.fields[.cacheControl] == "no-store")
        #expect(set.json["previous"].string == "0x0" && set.json["handledAs"].string == "accepted")
        #expect(set.json["sequence"].int != nil)
        let whole = try service.ask(.patch, path, #"{"value":"0x0"}"#).json
        #expect(whole["previous"].string == "0x1" && whole["mask"].string == "0xff")
        let array = try service.ask(.patch, "/tds/\(id)/fields/MRTD", #"{"value":"0x0"}"#)
        #expect(array.status == 400 && array.json["violations"][0]["parameter"].string == "field")
        let refused = try service.ask(.patch, "/tds/\(id)/fields/MRTD%5B0%5D", #"{"value":"0x1"}"#)
        #expect(refused.status == 422 && refused.json["seamcall"]["leaf"].string == "TDH.MNG.WR")
        #expect(try service.ask(.patch, path, #"{"value":1}"#).json["violations"][0]["pointer"].string == "/value")
        #expect(try service.ask(.patch, path, #"{"mask":"0x1"}"#).json["violations"][0]["pointer"].string == "/value")
    }

    @Test("The module's own fields are read; that it skips one is information, not an error")
    func host() throws {
        let service = try Service()
        let answer = try service.ask(.get, "/host/fields/NUM_CPUID_CONFIG", as: .operator)
        #expect(answer.json["elements"][0]["value"].string == "0xc" && answer.fields[.cacheControl] == "no-store")
        #expect(answer.json["writableMask"] == .null)
        let skipped = try service.ask(.get, "/host/fields/CPUID_CONFIG_LEAVES%5B12%5D")
        #expect(skipped.status == 200)
        let record = try service.ask(.get, "/seamcalls?leaf=TDH.SYS.RD").json["items"].items.last
        #expect(record?["sequence"] == skipped.json["sequence"])
        #expect(record?["completion"]["name"].string == "TDX_METADATA_FIELD_SKIP")
        #expect(record?["completion"]["outcome"].string == "information")
        #expect(try service.ask(.get, "/host/fields/MRTD").code == "unknown-field")
    }
}
