import HTTPTypes
import Testing

@testable import ControlAPI

@Suite("Every route is in the contract, and every entry of the contract is a route")
struct RouteTableTests {
    private struct Entry: Hashable, CustomStringConvertible {
        let method: String
        let path: String
        let operationID: String
        let role: String
        let parameters: Set<String>

        var description: String { "\(method) \(path) \(operationID) \(role) \(parameters.sorted())" }
    }

    @Test("Method, path, operation id, role and query parameters agree in both directions")
    func agree() throws {
        let document = try Service().ask(.get, "/openapi.json").json
        var written: Set<Entry> = []
        for (path, item) in document["paths"].members {
            for method in ["get", "post", "patch", "put", "delete"] where item[method] != .null {
                let operation = item[method]
                let parameters = (item["parameters"].items + operation["parameters"].items).map { parameter in
                    guard let name = parameter["$ref"].string?.split(separator: "/").last else { return parameter }
                    return document["components"]["parameters"][String(name)]
                }
                written.insert(
                    Entry(
                        method: method.uppercased(), path: path, operationID: operation["operationId"].string ?? "",
                        role: operation["x-role"].string ?? "",
                        parameters: Set(
                            parameters.filter { $0["in"].string == "query" }.compactMap { $0["name"].string })))
            }
        }
        let served = Set(
            ControlAPI.routes.map { route in
                Entry(
                    method: route.method.rawValue, path: route.path, operationID: route.operationID,
                    role: route.role?.rawValue ?? "none", parameters: Set(route.parameters))
            })
        #expect(served.subtracting(written) == [])
        #expect(written.subtracting(served) == [])
        #expect(served.count == ControlAPI.routes.count)
    }
}
