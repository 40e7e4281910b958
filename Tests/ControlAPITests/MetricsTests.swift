import HTTPExchange
import HTTPTypes
import Meters
import TDLifecycle
import TDXCalls
import Testing

@testable import ControlAPI

@Suite("GET /metrics")
struct MetricsTests {
    /// The value of one series.
    private func value(_ service: Service, _ series: String) throws -> String? {
        let text = String(decoding: try service.ask(.get, "/metrics", as: .admin).body, as: UTF8.self)
        return text.split(separator: "\n").first { $0.hasPrefix(series + " ") }.map {
            String($0.dropFirst(series.count + 1))
        }
    }

    @Test("It is for the roles metrics and admin, in the format's own media type, and is not kept")
    func access() throws {
        let service = try Service()
        for role in Role.allCases {
            let answer = try service.ask(.get, "/metrics", as: role)
            #expect((answer.status == 200) == [.admin, .metrics].contains(role), "\(role)")
        }
        let answer = try service.ask(.get, "/metrics", as: .metrics)
        #expect(answer.fields[.contentType] == "text/plain; version=0.0.4; charset=utf-8")
        #expect(answer.fields[.cacheControl] == "no-store")
        for (accept, status) in [
            ("text/plain", 200), ("text/*", 200), ("application/json", 406), ("text/plain;q=0", 406),
            ("application/openmetrics-text;version=1.0.0;q=0.9,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", 200),
        ] {
            #expect(try service.ask(.get, "/metrics", [.accept: accept]).status == status, "\(accept)")
        }
    }

    @Test("Requests are counted by route, method and status; no path and no id is a label")
    func requests() throws {
        let service = try Service()
        let td = try service.createTD(name: "a-name")
        for _ in 0..<3 { _ = try service.ask(.get, "/tds/\(td)") }
        _ = try service.ask(.head, "/v1/tds/a-name")
        _ = try service.ask(.get, "/tds/nobody")
        _ = try service.ask(.get, "/no/such/path")
        _ = try service.ask(HTTPRequest.Method("BREW") ?? .get, "/tds")
        _ = try service.ask(.delete, "/tds/\(td)", as: nil)
        _ = try service.ask(.delete, "/tds/\(td)", as: .viewer)
        func count(_ route: String, _ method: String, _ status: Int) throws -> String? {
            try value(
                service, #"tdxd_http_requests_total{route="\#(route)",method="\#(method)",status="\#(status)"}"#)
        }
        #expect(try count("/tds/{id}", "GET", 200) == "3")
        #expect(try count("/tds/{id}", "HEAD", 200) == "1")
        #expect(try count("/tds/{id}", "GET", 404) == "1")
        #expect(try count("none", "GET", 404) == "1")
        #expect(try count("none", "other", 405) == "1")
        // Refused before the body: nobody looks for a route.
        #expect(try count("none", "DELETE", 403) == "1")
        #expect(try count("/tds/{id}", "DELETE", 403) == "1")
        let durations = #"tdxd_http_request_duration_seconds_count{route="/tds/{id}",method="GET"}"#
        #expect(try value(service, durations) == "4")
        // The one that asks is not answered yet.
        #expect(try value(service, "tdxd_http_requests_in_flight") == "1")
        let text = service.api.metrics
        #expect(!text.contains(td) && !text.contains("a-name") && !text.contains("BREW"))
    }

    @Test("What the server refuses by itself is counted, too")
    func refusedByTheServer() throws {
        let service = try Service()
        let refusal = Refusal(status: .badRequest, code: "bad-head", detail: "d")
        _ = service.api.response(to: refusal, of: nil)
        let peer = Peer(listener: "unix", transport: .unix(user: 4, group: 4, process: 1))
        let head = RequestHead(peer: peer, request: HTTPRequest(method: .post, scheme: nil, authority: "h", path: "/"))
        let large = Refusal(status: .contentTooLarge, code: "body-too-large", detail: "d")
        _ = service.api.response(to: large, of: head)
        let series = "tdxd_http_requests_total"
        #expect(try value(service, #"\#(series){route="none",method="other",status="400"}"#) == "1")
        #expect(try value(service, #"\#(series){route="none",method="POST",status="413"}"#) == "1")
        #expect(try value(service, "tdxd_http_requests_in_flight") == "1")
    }

    @Test("A request that waits is in flight until it is answered")
    func inFlight() throws {
        let service = try Service()
        service.port.hold(.mngKeyConfig)
        let waiting = try service.begin(.post, "/tds", #"{"spec":{"maxVcpus":1}}"#, [.prefer: "wait=20"])
        #expect(try value(service, "tdxd_http_requests_in_flight") == "2")
        #expect(try value(service, #"tdxd_operations_running{kind="td.create"}"#) == "1")
        service.port.release()
        #expect(waiting.response(within: .seconds(20))?.head.status == .created)
        #expect(try value(service, "tdxd_http_requests_in_flight") == "1")
        #expect(try value(service, #"tdxd_operations_running{kind="td.create"}"#) == "0")
    }

    @Test("TDs, KeyIDs, pages and operations are counted by state")
    func engine() throws {
        let service = try Service()
        let td = try service.createTD(#"{"maxVcpus":2,"vcpuCount":2}"#)
        _ = try service.createTD(#"{"maxVcpus":2,"buildUntil":"tdrCreated"}"#)
        for (series, expected) in [
            (#"tdxd_tds{phase="initialized"}"#, "1"), (#"tdxd_tds{phase="building"}"#, "1"),
            (#"tdxd_tds{phase="deleted"}"#, "0"), ("tdxd_vcpus", "2"),
            (#"tdxd_keyids{state="assigned"}"#, "2"), (#"tdxd_keyids{state="free"}"#, "29"),
            (#"tdxd_td_pages{kind="tdr"}"#, "2"), (#"tdxd_td_pages{kind="tdcs"}"#, "6"),
            (#"tdxd_td_pages{kind="tdvpr"}"#, "2"), (#"tdxd_td_pages{kind="tdcx"}"#, "10"),
            (#"tdxd_pages{state="held"}"#, "20"), (#"tdxd_pages{state="quarantined"}"#, "0"),
            (#"tdxd_operations_total{kind="td.create",outcome="succeeded"}"#, "2"),
        ] {
            #expect(try value(service, series) == expected, "\(series)")
        }
        #expect(try service.ask(.delete, "/tds/\(td)").status == 200)
        #expect(try value(service, #"tdxd_tds{phase="deleted"}"#) == "1")
        #expect(try value(service, #"tdxd_td_pages{kind="tdr"}"#) == "1")
        #expect(try value(service, #"tdxd_operations_total{kind="td.delete",outcome="succeeded"}"#) == "1")
        service.port.arm(.operandInvalid, on: .mngInit)
        _ = try service.ask(.post, "/tds", #"{"spec":{"maxVcpus":1}}"#)
        #expect(try value(service, #"tdxd_operations_total{kind="td.create",outcome="failed"}"#) == "1")
    }

    @Test("Refusals for a client's own limits are counted by limit")
    func limits() throws {
        var limits = EngineLimits()
        limits.keyIDsPerPrincipal = 1
        let service = try Service(limits: limits, rate: RequestRate(perSecond: 1, burst: 1))
        #expect(try service.ask(.get, "/tds", as: .viewer).status == 200)
        for _ in 0..<2 { #expect(try service.ask(.get, "/tds", as: .viewer).status == 429) }
        #expect(try value(service, #"tdxd_limit_refusals_total{limit="request_rate"}"#) == "2")
        let text = service.api.metrics
        #expect(text.contains("tdxd_limit_refusals_total{limit=\"keyids\"} 0\n"))
    }

    @Test("Sources that are added come after the rest, and no name comes twice")
    func sources() throws {
        struct Source: MetricSource {
            func write(to exposition: inout Exposition) { exposition.single("tdxd_extra", .gauge, "Extra.", 7) }
        }
        let service = try Service()
        service.api.addMetrics([Source()])
        #expect(service.api.metrics.hasSuffix("# HELP tdxd_extra Extra.\n# TYPE tdxd_extra gauge\ntdxd_extra 7\n"))
        let names = service.api.metrics.split(separator: "\n").filter { $0.hasPrefix("# TYPE") }
        #expect(Set(names).count == names.count && names.count > 8)
    }
}
