import ControlSchema
import HTTPExchange
import HTTPTypes

@testable import ControlAPI

/// The contract as served, held against what the API answers: an answer whose status, header or member the
/// document does not have is a finding.
struct Contract: Sendable {
    let document: JSON
    private let schema: SchemaCheck

    init(_ document: JSON) {
        self.document = document
        schema = SchemaCheck(document["components"]["schemas"])
    }

    /// What is wrong with an answer; empty when nothing is.
    func findings(_ method: HTTPRequest.Method, _ path: String, _ answer: Service.Answer) -> [String] {
        guard let operation = operation(method, path) else {
            // Not in the contract, hence refused.
            guard [400, 403, 404, 405].contains(answer.status) else { return ["is answered with \(answer.status)"] }
            return schema.findings(answer.json, "#/components/schemas/Problem")
        }
        guard let response = response(operation, answer.status) else {
            return ["answers \(answer.status) \(answer.code ?? ""), which is not in the contract"]
        }
        let isDryRun = path.contains("dryRun=true")
        return headers(response, answer, isDryRun: isDryRun) + body(response, answer)
    }

    /// The contract's entry for a request, `/v1` or not.
    func operation(_ method: HTTPRequest.Method, _ path: String) -> JSON? {
        guard var given = try? Target(path).segments() else { return nil }
        if given.first == "v1" { given.removeFirst() }
        for (pattern, item) in document["paths"].members {
            guard let segments = try? Target(pattern).segments(), segments.count == given.count,
                zip(segments, given).allSatisfy({ $0.first == "{" ? !$1.isEmpty : $0 == $1 })
            else { continue }
            let name = method == .head ? "get" : method.rawValue.lowercased()
            if item[name] != .null { return item[name] }
        }
        return nil
    }

    private func response(_ operation: JSON, _ status: Int) -> JSON? {
        let found = operation["responses"]["\(status)"]
        guard found != .null else { return nil }
        guard let name = found["$ref"].string?.split(separator: "/").last else { return found }
        return document["components"]["responses"][String(name)]
    }

    /// Fields that the transport or caching rules decide are no part of the contract.
    private static let unlisted: Set<String> = ["content-type", "cache-control"]
    /// Whatever the first answer was, its repeat has this one more.
    private static let ofRepeats = "idempotency-replayed"
    /// Those that are there always where the contract lists them.
    private static let constant: Set<String> = ["x-request-id", "etag", "location", "allow"]

    private func headers(_ response: JSON, _ answer: Service.Answer, isDryRun: Bool) -> [String] {
        let listed = Set(response["headers"].members.keys.map { $0.lowercased() })
        let given = Set(answer.fields.map { $0.name.canonicalName })
        let undocumented = given.subtracting(listed).subtracting(Self.unlisted).subtracting(
            answer.status < 400 ? [] : [Self.ofRepeats])
        // What does not exist has no tag.
        let missing = isDryRun ? [] : listed.intersection(Self.constant).subtracting(given)
        return undocumented.sorted().map { "\(answer.status) has the undocumented field \($0)" }
            + missing.sorted().map { "\(answer.status) lacks the field \($0)" }
    }

    private func body(_ response: JSON, _ answer: Service.Answer) -> [String] {
        let content = response["content"].members
        let type = answer.fields[.contentType].map { String($0.prefix { $0 != ";" }) }
        guard let type, let media = content[type] else {
            // A 304 has no content; what it is given says how long the 200 would have been.
            return answer.status == 304 ? [] : ["\(answer.status) is \(answer.fields[.contentType] ?? "untyped")"]
        }
        if type == "text/plain" { return [] }
        var findings = schema.findings(answer.json, media["schema"])
        if type == "application/problem+json" { findings += problem(answer) }
        return findings
    }

    private func problem(_ answer: Service.Answer) -> [String] {
        let problem = answer.json
        var findings: [String] = []
        if problem["status"].int != answer.status { findings.append("the problem's status is not the answer's") }
        let isRepeat = answer.fields[.idempotencyReplayed] != nil
        if problem["requestId"].string != answer.fields[.requestID], !isRepeat {
            findings.append("the problem's requestId is not the answer's")
        }
        if problem["type"].string != "/errors/\(answer.code ?? "")" { findings.append("the problem's type") }
        if !ControlAPI.entries.keys.contains(answer.code ?? "") {
            findings.append("the catalogue has no \(answer.code ?? "code")")
        }
        return findings
    }
}
