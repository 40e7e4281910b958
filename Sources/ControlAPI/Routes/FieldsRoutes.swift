internal import ControlSchema
internal import HTTPExchange
internal import HTTPTypes
internal import TDLifecycle
internal import TDXCalls

extension ControlAPI {
    static let fieldRoutes: [Route] = [
        Route(.get, "/host/fields/{field}", "readHostField", .operator) { api, call throws(Refused) in
            try api.readHostField(call)
        },
        Route(.get, "/tds/{id}/fields/{field}", "readTdField", .operator) {
            api, call throws(Refused) in try api.read(.td, .td, call)
        },
        Route(.patch, "/tds/{id}/fields/{field}", "writeTdField", .lab, parameters: ["dryRun"]) {
            api, call throws(Refused) in try api.write(.td, .td, call)
        },
        Route(.get, "/tds/{id}/vcpus/{n}/fields/{field}", "readVcpuField", .operator) {
            api, call throws(Refused) in try api.read(.vcpu(try call.pathNumber("n")), .vp, call)
        },
        Route(
            .patch, "/tds/{id}/vcpus/{n}/fields/{field}", "writeVcpuField", .lab, parameters: ["dryRun"]
        ) { api, call throws(Refused) in try api.write(.vcpu(try call.pathNumber("n")), .vp, call) },
    ]

    private static let fields: HTTPFields = [.cacheControl: "no-store"]

    private func readHostField(_ call: Call) throws(Refused) {
        let field = try FieldName(call.path("field"), in: .sys)
        try check(.sysRD)
        engine.readHostField(field.elements, by: requester(call)) { result in
            self.answer(call, field, result, isHost: true)
        }
    }

    private func read(_ target: FieldAccess.Target, _ context: FieldID.Context, _ call: Call) throws(Refused) {
        let field = try FieldName(call.path("field"), in: context)
        try check(context == .td ? .mngRD : .vpRD)
        let access = FieldAccess(
            target: target, elements: field.elements, requester: requester(call)
        ) { result in self.answer(call, field, result) }
        try engine(call) { () throws(LifecycleError) in try engine.access(reference(call), access) }
    }

    private func check(_ leaf: Leaf) throws(Refused) {
        guard platform.module.leaves.contains(leaf.number) else {
            throw Refused(.backendLacksLeaf, "\(leaf.name) cannot be issued here")
        }
    }

    private func answer(
        _ call: Call, _ field: FieldName, _ result: Result<FieldAnswer, LifecycleError>, isHost: Bool = false
    ) {
        switch result {
        case .failure(let error):
            answer(call, refused(error, role: call.role))
        case .success(let answer):
            let isShown = isHost || call.role.seesRegisters || !field.isSensitive(isDebugTD: answer.isDebugTD)
            let access = answer.isDebugTD ? field.info?.debug : field.info?.production
            self.answer(
                call, .ok,
                FieldRead(
                    name: field.info?.name, fieldId: HexValue(field.elements[0].rawValue),
                    elements: zip(field.indices, answer.values).compactMap { index, value in
                        value.map { FieldElement(index: index, value: isShown ? HexValue($0) : nil) }
                    },
                    sizeBytes: field.info?.elementSizeBytes ?? field.elements[0].elementSizeBytes,
                    writableMask: isHost ? nil : access.flatMap { $0.writeMask == 0 ? nil : HexValue($0.writeMask) },
                    readOn: FieldReadPlace(
                        processor: Int(answer.processor.rawValue),
                        associationChanged: field.context == .vp ? answer.associationChanged : nil),
                    redacted: isShown ? nil : true, sequence: answer.sequence),
                Self.fields)
        }
    }

    private func write(_ target: FieldAccess.Target, _ context: FieldID.Context, _ call: Call) throws(Refused) {
        let body = try decode(WriteFieldRequest.self, call)
        let field = try FieldName(call.path("field"), in: context)
        guard field.elements.count == 1 else {
            throw .parameter("field", "a write takes one element: name it, as in \(call.path("field"))[0]")
        }
        try check(context == .td ? .mngWR : .vpWR)
        let domain = try td(call)
        if case .vcpu(let number) = target, !domain.vcpus.indices.contains(number) {
            throw refused(.noSuchVCPU(td: domain.id, number: number), role: call.role)
        }
        // A field has no tag of its own; what a client has read before it writes is the TD or the vCPU.
        let revision = try revisionWanted(call)
        // Absent, the mask is all the bits the field has.
        let size = field.info?.elementSizeBytes ?? field.elements[0].elementSizeBytes
        let full = size >= 8 ? UInt64.max : 1 << UInt64(size * 8) - 1
        let (value, mask) = (body.value.rawValue, body.mask?.rawValue ?? full)
        let planned = FieldWriteResult(
            name: field.info?.name, fieldId: HexValue(field.elements[0].rawValue), value: HexValue(value),
            mask: HexValue(mask), handledAs: .planned)
        if call.isDryRun {
            // All that is checked before the module is asked.
            if let revision, revision != domain.revision {
                throw refused(.preconditionFailed(revision: domain.revision), role: call.role)
            }
            guard domain.td != nil, !domain.isDeleted else {
                throw wrongState(domain, domain.obstacle(to: .writeField, on: platform) ?? domain.stateText)
            }
            answer(call, .ok, planned, Self.fields)
            return
        }
        let access = FieldAccess(
            target: target, elements: field.elements, write: FieldAccess.Write(value: value, mask: mask),
            requester: requester(call)
        ) { outcome in
            switch outcome {
            case .failure(let error): self.answer(call, self.refused(error, role: call.role))
            case .success(let answer):
                var written = planned
                written.previous = answer.values.first?.map { HexValue($0) }
                written.handledAs = .accepted
                written.sequence = answer.sequence
                self.answer(call, .ok, written, Self.fields)
            }
        }
        try engine(call) { () throws(LifecycleError) in
            try engine.access(reference(call), access, ifRevision: revision)
        }
    }
}

/// What stands after `fields/`: a name, `name[index]`, or an id in hexadecimal.
struct FieldName: Sendable {
    let context: FieldID.Context
    /// Nil for an id the table does not have: the module is asked all the same.
    let info: FieldInfo?
    let indices: [Int]
    let elements: [FieldID]

    /// A read of more elements than this is refused.
    static let elementsMax = 512

    init(_ text: String, in context: FieldID.Context) throws(Refused) {
        self.context = context
        if text.hasPrefix("0x") {
            guard let value = HexValue(text: text) else {
                throw Refused(.unknownField, "'\(text)' is not a field id: 0x and 1 to 16 lower-case digits")
            }
            let id = FieldID(rawValue: value.rawValue)
            let found = FieldInfo.find(id, in: context)
            (info, indices, elements) = (found?.info, [found?.element ?? 0], [id])
            return
        }
        let (name, index) = try Self.split(text)
        guard let found = FieldInfo.named(name, in: context) else {
            throw Refused(.unknownField, "there is no field \(name) of a \(Self.scope(context))")
        }
        info = found
        if let index {
            guard let id = found.id(element: index) else {
                throw Refused(.unknownField, "\(name) has \(found.elementCount) elements")
            }
            (indices, elements) = ([index], [id])
        } else {
            guard found.elementCount <= Self.elementsMax else {
                throw Refused(.unknownField, "\(name) has \(found.elementCount) elements; name one as \(name)[0]")
            }
            indices = Array(0..<found.elementCount)
            elements = indices.compactMap { found.id(element: $0) }
        }
    }

    private static func split(_ text: String) throws(Refused) -> (String, Int?) {
        guard let open = text.firstIndex(of: "[") else { return (text, nil) }
        let digits = text[text.index(after: open)...].dropLast()
        guard text.last == "]", let index = Int(digits), index >= 0, String(index) == digits else {
            throw Refused(.unknownField, "'\(text)' is not a name, name[index] or field id")
        }
        return (String(text[..<open]), index)
    }

    private static func scope(_ context: FieldID.Context) -> String {
        switch context {
        case .sys: "module"
        case .td: "TD"
        case .vp: "vCPU"
        }
    }

    /// What the names of fields that hold host-physical addresses have in them.
    private static let addressMarks = ["_PA", "_HPA", "EPTP", "ADDR"]

    /// Host addresses, and what a debug TD's guest holds in its registers: for the roles that see registers.
    func isSensitive(isDebugTD: Bool) -> Bool {
        if context == .vp, isDebugTD { return true }
        guard let info else { return true }
        return Self.addressMarks.contains { info.name.contains($0) }
    }
}
