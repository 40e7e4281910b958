import ControlSchema
import HTTPExchange
import HTTPTypes
import Testing

@testable import ControlAPI

@Suite("Who may do what")
struct RoleTests {
    /// A path on which a route is reached and finds nothing.
    private func path(_ route: Route) -> String {
        let id = route.path.hasPrefix("/operations") ? IDKind.operation.nilID : IDKind.td.nilID
        return route.path.replacing("{id}", with: id).replacing("{n}", with: "0")
            .replacing("{field}", with: "FATAL").replacing("{code}", with: "no-such-code")
            .replacing("{digest}", with: "sha384:" + String(repeating: "0", count: 96))
    }

    @Test("Every route takes the role it names and those above it, and refuses the others with its name")
    func table() throws {
        let service = try Service()
        for route in ControlAPI.routes {
            let body: String? = route.mediaTypes == nil ? nil : "{}"
            for role in Role.allCases {
                let answer = try service.ask(route.method, path(route), body, as: role)
                let what: Comment = "\(route.method) \(route.path) as \(role)"
                if let needed = route.role, !role.includes(needed) {
                    #expect(answer.status == 403 && answer.code == "role-too-small", what)
                    #expect(answer.json["requiredRole"].string == needed.rawValue, what)
                } else {
                    #expect(answer.status != 403, what)
                }
            }
            let nobody = try service.ask(route.method, path(route), body, as: nil)
            #expect(route.role == nil ? nobody.status == 200 : nobody.code == "peer-not-authorized")
        }
        #expect(ControlAPI.routes.count { $0.role == nil } == 2)
    }

    @Test("Each role includes those before it; metrics includes only itself, and only admin includes it")
    func order() {
        let ladder: [Role] = [.viewer, .operator, .lab, .admin]
        for (index, role) in ladder.enumerated() {
            for (other, needed) in ladder.enumerated() {
                #expect(role.includes(needed) == (index >= other), "\(role) \(needed)")
            }
            #expect(!Role.metrics.includes(role))
        }
        #expect(Role.allCases.filter { $0.includes(.metrics) } == [.admin, .metrics])
        #expect(Role.allCases.filter(\.seesRegisters) == [.lab, .admin])
    }

    @Test("Nobody learns what there is: paths that do not exist and wrong methods are refused like the others")
    func nobody() throws {
        let service = try Service()
        for (method, path) in [(HTTPRequest.Method.get, "/nothing"), (.put, "/tds"), (.post, "/livez")] {
            #expect(try service.ask(method, path, as: nil).code == "peer-not-authorized")
        }
    }

    @Test("A uid's role counts before its group's, and a plain listener's clients have the listener's")
    func identities() throws {
        let service = try Service()
        func status(_ listener: String, _ transport: Peer.Transport) throws -> Int {
            let peer = Peer(listener: listener, transport: transport)
            return try service.ask(.post, "/tds", "{}", peer: peer).status
        }
        #expect(try status("unix", .unix(user: 4, group: 9, process: 1)) == 400)
        #expect(try status("unix", .unix(user: 50, group: 9, process: 1)) == 403)
        #expect(try status("open", .tcp(address: "127.0.0.1", port: 1)) == 403)
        #expect(try status("bench", .tcp(address: "127.0.0.1", port: 1)) == 400)
        #expect(try status("other", .tcp(address: "127.0.0.1", port: 1)) == 403)
    }
}
