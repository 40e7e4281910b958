import ControlSchema
import Testing

@Suite("The contract and its Swift types")
struct ContractTests {
    let document: ContractDocument

    init() throws { document = try ContractDocument.shared.get() }

    @Test("Every example decodes into its type and is written again unchanged")
    func examples() throws {
        var count = 0
        for example in document.examples where !Counterpart.none.contains(example.schema) {
            let counterpart = try #require(Counterpart.all[example.schema], "\(example.place): \(example.schema)")
            #expect(counterpart.isRequest == example.isRequest, "\(example.place)")
            do {
                let (_, bytes) = try counterpart.roundTrip(example.value.bytes)
                #expect(try JSON(bytes: bytes) == example.value, "\(example.place)")
            } catch {
                Issue.record("\(example.place): \(error)")
            }
            count += 1
        }
        #expect(count > 200, "the examples were not found")
    }

    @Test("Every component schema has a Swift type, and every one of those a schema")
    func counterparts() {
        #expect(Set(Counterpart.all.keys).union(Counterpart.none) == Set(document.schemas.keys))
    }

    @Test("A schema and its type have the same members", arguments: Counterpart.all.keys.sorted())
    func members(_ name: String) throws {
        let (schema, full, counterpart) = try parts(name)
        let (value, bytes) = try counterpart.roundTrip(full.bytes)
        #expect(try JSON(bytes: bytes) == full)
        #expect(Set(Self.properties(of: value).keys) == Set(schema["properties"]?.members.keys ?? [:].keys))
    }

    @Test("What a schema requires is what its type cannot do without", arguments: Counterpart.all.keys.sorted())
    func required(_ name: String) throws {
        let (schema, full, counterpart) = try parts(name)
        let required = Set(schema["required"]?.elements.compactMap(\.text) ?? [])
        for member in full.members.keys {
            // The cross-check of two members is not what is tested here.
            let rest = member == "count" ? full.without("x2apicIds").without("processors") : full
            let decodes = (try? counterpart.roundTrip(rest.without(member).bytes)) != nil
            #expect(decodes == !required.contains(member), "\(name) without \(member)")
        }
    }

    @Test("A request type lets no unknown member in, an answer type does", arguments: Counterpart.all.keys.sorted())
    func unknownMembers(_ name: String) throws {
        let (schema, full, counterpart) = try parts(name)
        var members = full.members
        members["unheardOf"] = .integer(1)
        let decodes = (try? counterpart.roundTrip(JSON.object(members).bytes)) != nil
        #expect(decodes == !counterpart.isRequest)
        #expect((schema["additionalProperties"] == .bool(false)) == counterpart.isRequest)
    }

    @Test("A word has the same values in a schema and in its type", arguments: Counterpart.all.keys.sorted())
    func words(_ name: String) throws {
        let (schema, full, counterpart) = try parts(name)
        let (value, _) = try counterpart.roundTrip(full.bytes)
        let properties = Self.properties(of: value)
        for (member, node) in schema["properties"]?.members ?? [:] {
            let node = node["items"] ?? node
            let documented = (node["x-known-values"] ?? (node["type"]?.text == "string" ? node["enum"] : nil))
            let known = properties[member].flatMap { Self.known($0) }
            #expect(
                documented.map { Set($0.elements.compactMap(\.text)) } == known.map { Set($0) }, "\(name).\(member)")
        }
    }

    @Test("A problem in the contract says what our catalogue says")
    func problems() throws {
        var codes: Set<String> = []
        for example in document.examples where example.schema == "Problem" {
            let problem = try ControlJSON.decodeAnswer(Problem.self, from: example.value.bytes)
            #expect(problem.type == "/errors/\(problem.code)", "\(example.place)")
            guard !problem.code.hasPrefix("tdx-") else { continue }
            let own = try #require(OwnError.named(problem.code), "\(problem.code)")
            #expect(problem.title == own.title, "\(example.place)")
            #expect(problem.status == own.status, "\(example.place)")
            #expect(problem.retryable == own.retryable, "\(example.place)")
            codes.insert(problem.code)
        }
        #expect(codes.count > 15, "the problems were not found")
    }

    @Test("The bounds in the contract are those of the code")
    func bounds() throws {
        let spec = try #require(document.schemas["TDSpec"]?["properties"])
        func range(_ member: JSON?) -> ClosedRange<Int>? {
            guard let low = member?["minimum"]?.number, let high = member?["maximum"]?.number else { return nil }
            return low...high
        }
        #expect(range(spec["maxVcpus"]) == TDParameters.vcpuRange)
        #expect(range(spec["numL2Vms"]) == TDParameters.l2VmRange)
        #expect(range(spec["tscFrequencyKhz"]) == TDParameters.tscRangeKhz)
        #expect(spec["tscFrequencyKhz"]?["multipleOf"]?.number == TDParameters.tscUnitKhz)
        #expect(range(spec["vcpuCount"]) == TDSpec.vcpuCountRange)
        #expect(spec["cpuid"]?["maxItems"]?.number == RequestLimits.maximumCPUIDSettings)
        let creation = try #require(document.schemas["CreateTDRequest"]?["properties"])
        #expect(creation["labels"]?["maxProperties"]?.number == LabelSyntax.maximumCount)
        #expect(creation["name"]?["maxLength"]?.number == NameSyntax.maximumLength)
        let vcpus = try #require(document.schemas["CreateVCPUsRequest"]?["properties"])
        #expect(range(vcpus["count"]) == CreateVCPUsRequest.countRange)
        #expect(range(vcpus["x2apicIds"]?["items"]) == CreateVCPUsRequest.x2apicRange)
        #expect(range(vcpus["processors"]?["items"]) == 0...RequestLimits.maximumProcessor)
        #expect(vcpus["processors"]?["maxItems"]?.number == RequestLimits.maximumVCPUs)
        let step = try #require(document.schemas["ConfigureKeyRequest"]?["properties"])
        #expect(range(step["package"]) == 0...RequestLimits.maximumPackage)
    }

    // MARK: - Parts

    private func parts(_ name: String) throws -> (schema: JSON, full: JSON, counterpart: Counterpart) {
        let schema = try #require(document.schemas[name])
        return (schema, document.fullest(schema), try #require(Counterpart.all[name]))
    }

    /// The stored properties of `value` by name; those of a part that is written into the same object among them.
    private static func properties(of value: Any) -> [String: Any] {
        var properties: [String: Any] = [:]
        for case (let label?, let child) in Mirror(reflecting: value).children {
            if child is TDParameters || child is StepChoices, label == "parameters" || label == "choices" {
                properties.merge(Self.properties(of: child)) { first, _ in first }
            } else {
                properties[label] = child
            }
        }
        return properties
    }

    /// The documented words of the type of `value`, if it is a word or an array of them.
    private static func known(_ value: Any) -> [String]? {
        if let word = value as? any OpenEnum { return words(of: word) }
        if let words = value as? [any OpenEnum] { return words.first.flatMap { known($0) } }
        return nil
    }

    private static func words<Word: OpenEnum>(of word: Word) -> [String] { Word.known.map(\.rawValue) }
}
