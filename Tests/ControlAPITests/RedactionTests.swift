import HTTPTypes
import TDXCalls
import Testing

@testable import ControlAPI

@Suite("What a viewer and an operator are not shown")
struct RedactionTests {
    /// Every text in an answer that reads as a host-physical address of the platform's memory, however deep it lies.
    private func addresses(_ json: JSON) -> [String] {
        switch json {
        case .text(let text):
            guard text.hasPrefix("0x"), text.utf8.count < 18, let value = UInt64(text.dropFirst(2), radix: 16),
                (0x1_0000_0000..<0x10_0000_0000).contains(value)
            else { return [] }
            return [text]
        case .list(let items): return items.flatMap(addresses)
        case .object(let members): return members.values.flatMap(addresses)
        default: return []
        }
    }

    @Test("No read shows them an address or a register: not lists, records, operations, nor the problems in them")
    func everyRead() throws {
        let service = try Service()
        let id = try service.createTD(#"{"maxVcpus":2,"vcpuCount":1}"#)
        _ = try service.ask(.post, "/tds/\(id)/actions/free-key", "{}", as: .lab, [.prefer: "handling=strict"])
        _ = try service.ask(.get, "/tds/\(id)/fields/MRTD")
        service.port.arm(Completion(.pageMetadataIncorrect, operand: .rcx), on: .phymemPageReclaim)
        let deleted = try service.ask(.delete, "/tds/\(id)", nil, as: .operator, [:])
        #expect(deleted.status == 500 && deleted.code == "quarantined" && addresses(deleted.json).isEmpty)
        let operations = try service.ask(.get, "/operations").json["items"].items.compactMap { $0["id"].string }
        let paths =
            [
                "/tds", "/tds/\(id)", "/tds/\(id)/vcpus", "/tds/\(id)/vcpus/0", "/tds/\(id)/pages",
                "/tds/\(id)/actions",
                "/tds/\(id)/seamcalls?limit=1000", "/seamcalls?limit=1000", "/operations", "/host/keyids",
                "/host/keyids/33",
                "/host/processors", "/host/capacity", "/host", "/invariants",
            ] + operations.map { "/operations/\($0)" }
        var shown = 0
        for path in paths {
            for role in [Role.viewer, .operator] {
                let answer = try service.ask(.get, path, as: role)
                #expect(answer.status == 200)
                #expect(addresses(answer.json) == [], "\(role) \(path)")
                let text = String(decoding: answer.body, as: UTF8.self)
                #expect(!text.contains(#""in":"#) && !text.contains(#""out":"#), "\(role) \(path)")
            }
            let full = try service.ask(.get, path, as: .lab)
            #expect(try service.ask(.get, path, as: .admin).body == full.body)
            shown += addresses(full.json).count
        }
        // Pages twice (as such and in records), registers, owners, problems: the test would see them.
        #expect(shown > 100)
    }

    @Test("A refusal's record in a problem is without registers for an operator, with them for a lab")
    func problems() throws {
        let service = try Service()
        let bad = #"{"spec":{"maxVcpus":1,"attributes":"0x80000000"}}"#
        let hidden = try service.ask(.post, "/tds", bad, as: .operator).json["seamcall"]
        #expect(hidden["redacted"].bool == true && hidden["in"] == .null && hidden["out"] == .null)
        #expect(hidden["completion"]["operand"].string == "ATTRIBUTES")
        let shown = try service.ask(.post, "/tds", bad, as: .lab).json["seamcall"]
        #expect(shown["redacted"] == .null && addresses(shown["in"]).count == 2 && shown["out"]["rcx"].string == "0x0")
    }

    @Test("A call that is turned away before the leaf leaves its input in RCX, which is no answer to be shown")
    func turnedAway() throws {
        let service = try Service()
        service.port.arm(.sysNotReady, on: .mngInit)
        let refused = try service.ask(.post, "/tds", #"{"spec":{"maxVcpus":1}}"#, as: .operator)
        #expect(refused.json["seamcall"]["outputs"] == .null && refused.json["seamcall"]["completion"] != .null)
        let td = try #require(
            try service.ask(.get, refused.json["instance"].string ?? "").json["target"]["tdId"].string)
        let reclaims = "/seamcalls?td=\(td)&leaf=TDH.PHYMEM.PAGE.RECLAIM"
        #expect(try service.ask(.get, reclaims).json["items"][0]["outputs"]["pageType"].string == "TDCX")
    }

    @Test("Fields that hold host addresses are empty for an operator, by name and by id")
    func addressFields() throws {
        let service = try Service()
        let id = try service.createTD(#"{"maxVcpus":1,"vcpuCount":1}"#)
        for (context, path) in [
            (FieldID.Context.td, "/tds/\(id)/fields"), (.vp, "/tds/\(id)/vcpus/0/fields"),
        ] {
            let sensitive = FieldInfo.all.filter { info in
                info.context == context && info.production.readMask != 0
                    && ["_PA", "_HPA", "EPTP", "ADDR"].contains { info.name.contains($0) }
            }
            #expect(!sensitive.isEmpty)
            for info in sensitive where !info.name.hasPrefix("L2_") {
                for name in [
                    info.name + (info.elementCount > 1 ? "[0]" : ""), "0x" + String(info.id.rawValue, radix: 16),
                ] {
                    let hidden = try service.ask(.get, "\(path)/\(name)", as: .operator)
                    guard hidden.status == 200 else { continue }
                    #expect(hidden.json["redacted"].bool == true, "\(name)")
                    #expect(hidden.json["elements"].items.allSatisfy { $0["value"] == .null })
                    let shown = try service.ask(.get, "\(path)/\(name)", as: .lab).json
                    #expect(shown["redacted"] == .null && shown["elements"][0]["value"].string != nil)
                }
            }
        }
        #expect(try service.ask(.get, "/tds/\(id)/fields/TDCX_PA", as: .operator).json["redacted"].bool == true)
        #expect(try service.ask(.get, "/tds/\(id)/fields/MRTD", as: .operator).json["redacted"] == .null)
    }

    @Test("A debug TD's guest registers are shown to a lab alone, in the answer and in the record")
    func debugGuest() throws {
        let service = try Service()
        let id = try service.createTD(#"{"maxVcpus":1,"vcpuCount":1,"attributes":"0x10000001"}"#)
        #expect(
            try service.ask(.get, "/tds/\(id)").json["status"]["attributeNames"]
                == .list([.text("DEBUG"), .text("SEPT_VE_DISABLE")]))
        let path = "/tds/\(id)/vcpus/0/fields/RBX"
        let hidden = try service.ask(.get, path, as: .operator)
        #expect(hidden.status == 200 && hidden.json["redacted"].bool == true)
        #expect(hidden.json["elements"][0]["value"] == .null)
        #expect(try service.ask(.get, path, as: .lab).json["elements"][0]["value"].string == "0x30")
        let list = "/seamcalls?leaf=TDH.VP.RD&td=\(id)"
        for record in try service.ask(.get, list, as: .operator).json["items"].items {
            #expect(record["outputs"] == .null && record["out"] == .null)
            #expect(record["arguments"]["fieldName"].string == "RBX")
        }
        #expect(try service.ask(.get, list, as: .lab).json["items"][0]["outputs"]["value"].string == "0x30")
    }
}
