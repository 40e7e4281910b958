internal import ControlSchema
internal import GuestImages
internal import HTTPExchange
internal import HTTPTypes
internal import TDLifecycle
internal import TDXCalls

extension ControlAPI {
    static let memoryRoutes: [Route] = [
        Route(.get, "/tds/{id}/memory", "listMemory", .viewer) { api, call throws(Refused) in
            let domain = try api.td(call)
            api.answer(call, revision: domain.revision) {
                EncodedBody(
                    ControlJSON.encode(
                        MemoryRegionList(
                            items: domain.memory.regions.map { ControlSchema.MemoryRegion($0) },
                            revision: domain.revision)))
            }
        },
        Route(
            .post, "/tds/{id}/memory", "addMemory", .operator,
            parameters: ["gpa", "measure", "pageSizeBytes", "sizeBytes", "dryRun"], bodies: .jsonOrOctets,
            receive: { api, upload throws(Refused) in try api.receiveMemory(upload) }
        ) { api, call throws(Refused) in try api.addMemory(call) },
        Route(
            .post, "/tds/{id}/actions/finalize", "finalizeTd", .operator, parameters: ["dryRun"]
        ) { api, call throws(Refused) in try api.finalizeTD(call) },
        Route(.get, "/tds/{id}/measurement", "getMeasurement", .viewer, parameters: ["refresh"]) {
            api, call throws(Refused) in try api.showMeasurement(call)
        },
        Route(.post, "/tds/{id}/measurement", "compareMeasurement", .viewer, parameters: ["dryRun"]) {
            api, call throws(Refused) in
            let manifest = try api.decode(ControlSchema.MeasurementManifest.self, call)
            try api.withMeasurement(call) { domain in
                api.answer(call, .ok, ControlSchema.Measurement(domain, manifest: manifest))
            }
        },
    ]

    // MARK: Contents

    /// The regions of a request with their contents: images that are there and whole. Goes on at once if nothing has to
    /// be read for it, else on another thread.
    ///
    /// - Parameter pointer: of the list in the body; of a single one, nil.
    func withContents(
        _ requests: [MemoryRegionRequest], pointer: String?, _ call: Call,
        then goOn: @escaping @Sendable ([TDLifecycle.MemoryRegion], [any MemoryContent]) throws(Refused) -> Void
    ) throws(Refused) {
        let digests = requests.compactMap { $0.imageDigest.flatMap { ImageDigest(text: $0) } }
        guard !digests.isEmpty else {
            let regions = requests.map { TDLifecycle.MemoryRegion($0, imageBytes: 0) }
            return try goOn(regions, regions.map { _ in NoContent() })
        }
        try imageStore().take(digests) { result in
            do throws(Refused) {
                let pins: [ImagePin]
                do throws(ImageError) { pins = try result.get() } catch {
                    throw self.refused(error, pointer: Self.pointer(error, requests, pointer))
                }
                var rest = pins[...]
                let contents = requests.map { request -> any MemoryContent in
                    request.imageDigest == nil ? NoContent() : rest.popFirst().map { ImageContent($0) } ?? NoContent()
                }
                let regions = zip(requests, contents).map {
                    TDLifecycle.MemoryRegion($0, imageBytes: $1.sizeBytes)
                }
                try goOn(regions, contents)
            } catch {
                self.answer(call, error)
            }
        }
    }

    /// The member that names the image an error is about.
    private static func pointer(
        _ error: ImageError, _ requests: [MemoryRegionRequest], _ list: String?
    ) -> String? {
        let digest: ImageDigest
        switch error {
        case .noSuchImage(let image), .damaged(let image, _): digest = image
        default: return nil
        }
        guard let list else { return "/imageDigest" }
        let place = requests.firstIndex { $0.imageDigest == digest.description } ?? 0
        return "\(list)/\(place)/imageDigest"
    }

    // MARK: Adding memory

    private func addMemory(_ call: Call) throws(Refused) {
        if let stream = call.request.receiver as? MemoryStream { return try finishStream(stream, call) }
        for name in ["gpa", "measure", "pageSizeBytes", "sizeBytes"] where call.query[name] != nil {
            var refused = Refused(.conflictingMembers, "\(name) goes with a body of octets; in JSON it is a member")
            refused.problem.violations = [Violation(parameter: name, reason: "is a member of a JSON body")]
            throw refused
        }
        let request = try decode(MemoryRegionRequest.self, call)
        // Refused at once, whatever there is to be read.
        let revision = try revisionWanted(call)
        _ = try td(call)
        try withContents([request], pointer: nil, call) { regions, contents throws(Refused) in
            try self.addMemory(regions[0], contents[0], ifRevision: revision, call)
        }
    }

    private func addMemory(
        _ region: TDLifecycle.MemoryRegion, _ content: any MemoryContent, ifRevision revision: UInt64?, _ call: Call
    ) throws(Refused) {
        if call.isDryRun {
            return try engine(call) { () throws(LifecycleError) in
                try engine.planMemory(reference(call), region, content, ifRevision: revision) { result in
                    self.answer(call, result.map(\.plan), .addMemory)
                }
            }
        }
        let requester = requester(call)
        let (_, operation) = try engine(call) { () throws(LifecycleError) in
            try engine.addMemory(reference(call), region, content, ifRevision: revision, by: requester)
        }
        try follow(operation, call) { api, call, ended in api.answerAdded(ended, call) }
    }

    /// The region that an operation has added.
    private func answerAdded(_ ended: TDLifecycle.Operation, _ call: Call) {
        guard let domain = try? engine.td(.id(ended.td)),
            let region = domain.memory.regions.first(where: { $0.operation == ended.id })
        else { return answer(call, Refused(.notFound, "the TD has been deleted since")) }
        answer(
            call, .created, ControlSchema.MemoryRegion(region),
            [.location: "/tds/\(ended.td)/memory", .eTag: Self.tag(domain.revision)])
    }

    /// A plan with what had to be read for it.
    func answer(
        _ call: Call, _ result: Result<TDLifecycle.Plan, LifecycleError>, _ kind: TDLifecycle.Operation.Kind,
        spec: TDLifecycle.TDSpec? = nil
    ) {
        switch result {
        case .failure(let error): answer(call, refused(error, role: call.role, spec: spec))
        case .success(let plan):
            let foreseen = spec.map { self.foreseen($0, plan) } ?? []
            answer(call, .ok, ControlSchema.Plan(plan, kind: kind, foreseen: foreseen))
        }
    }

    // MARK: Streaming it

    private func receiveMemory(_ upload: UploadHead) throws(Refused) -> any BodyReceiver {
        if upload.head.field(.idempotencyKey) != nil {
            throw .parameter(
                "Idempotency-Key", "a body of octets cannot be compared with another; store an image and name it")
        }
        let region = try upload.region()
        let reference = upload.asked.td
        let role = upload.visit.role ?? .viewer
        let stream = MemoryStream(
            sizeBytes: upload.lengthBytes ?? region.sizeBytes, requestID: upload.visit.requestID,
            operationEnd: { [engine] id, body in
                // It has ended or is about to: a moment suffices, and an operation that is gone tells nobody.
                try? engine.awaitEnd(of: id, timeout: Self.endOfFailed, body)
            },
            refusal: { operation in self.early(upload.head, upload.visit, self.failure(of: operation, role)) })
        let revision = try upload.head.ifMatch { () throws(Refused) in
            try self.engine(role) { () throws(LifecycleError) in try engine.td(reference).revision }
        }
        if upload.asked.isDryRun {
            try self.engine(role) { () throws(LifecycleError) in
                try engine.planMemory(reference, region, stream, ifRevision: revision) { result in
                    stream.finish(result.map(\.plan))
                }
            }
            return stream
        }
        let requester = Requester(
            principal: upload.visit.principal,
            requestID: ResourceID(upload.visit.requestID) ?? engine.makeRequestID())
        let (_, operation) = try self.engine(role) { () throws(LifecycleError) in
            try engine.addMemory(reference, region, stream, ifRevision: revision, by: requester)
        }
        stream.begun(operation)
        return stream
    }

    private static let endOfFailed = Duration.seconds(60)

    private func finishStream(_ stream: MemoryStream, _ call: Call) throws(Refused) {
        guard let operation = stream.operation else {
            return stream.whenPlanned { result in self.answer(call, result, .addMemory) }
        }
        try follow(operation, call) { api, call, ended in api.answerAdded(ended, call) }
    }

    /// As `engine`, for a request whose body has not come yet.
    private func engine<Result>(
        _ role: Role, _ body: () throws(LifecycleError) -> Result
    ) throws(Refused) -> Result {
        do throws(LifecycleError) { return try body() } catch {
            var refused = refused(error, role: role)
            // There is no body that could be pointed into.
            refused.problem.violations = refused.problem.violations?.map { violation in
                Violation(parameter: violation.pointer.map { String($0.dropFirst()) }, reason: violation.reason)
            }
            throw refused
        }
    }

    // MARK: Finalising

    private func finalizeTD(_ call: Call) throws(Refused) {
        let body = try decode(FinalizeTDRequest.self, call)
        let request = FinalizeRequest(
            force: body.force ?? false, manifest: body.manifest.map { TDLifecycle.MeasurementManifest($0) })
        let revision = try revisionWanted(call)
        if call.isDryRun {
            let now = engine.environment.wallClock.now
            return try engine(call) { () throws(LifecycleError) in
                try engine.planFinalizing(reference(call), request, ifRevision: revision) { result in
                    switch result {
                    case .failure(let error): self.answer(call, self.refused(error, role: call.role))
                    case .success(let (td, plan)):
                        self.answer(
                            call, .ok,
                            ControlSchema.Operation.planned(plan, kind: .finalizeTD, td: td, call: call, now: now))
                    }
                }
            }
        }
        let requester = requester(call)
        try engine(call) { () throws(LifecycleError) in
            try engine.finalizeTD(reference(call), request, ifRevision: revision, by: requester) { result in
                do throws(Refused) {
                    let begun = try self.engine(call) { () throws(LifecycleError) in try result.get() }
                    try self.follow(begun.operation, call) { api, call, ended in
                        api.answer(call, .ok, .shared(api.body(ended, call.role)))
                    }
                } catch {
                    self.answer(call, error)
                }
            }
        }
    }

    // MARK: Measurement

    /// Goes on with the TD when its expected MRTD is known: at once, or from another thread.
    private func withMeasurement(
        _ call: Call, then goOn: @escaping @Sendable (Domain) throws(Refused) -> Void
    ) throws(Refused) {
        try engine(call) { () throws(LifecycleError) in
            try engine.measuredTD(reference(call)) { result in
                do throws(Refused) {
                    try goOn(try self.engine(call) { () throws(LifecycleError) in try result.get() })
                } catch {
                    self.answer(call, error)
                }
            }
        }
    }

    private func showMeasurement(_ call: Call) throws(Refused) {
        let isRefreshed = try call.flag("refresh")
        if isRefreshed {
            _ = try td(call)
            try checkRole(call.role, needs: .operator)
        }
        try withMeasurement(call) { domain throws(Refused) in
            try self.showMeasurement(of: domain, isRefreshed, call)
        }
    }

    private func showMeasurement(of domain: Domain, _ isRefreshed: Bool, _ call: Call) throws(Refused) {
        // Those of other TDs are the guest's alone: the answer says that they are inferred.
        guard isRefreshed, domain.spec.attributes.contains(.debug) else {
            return answer(call, revision: domain.revision) {
                EncodedBody(ControlJSON.encode(ControlSchema.Measurement(domain)))
            }
        }
        let elements = try FieldName("RTMR", in: .td).elements
        let access = FieldAccess(target: .td, elements: elements, requester: requester(call)) { result in
            switch result {
            case .failure(let error): self.answer(call, self.refused(error, role: call.role))
            case .success(let read):
                let bytes = read.values.flatMap { value in
                    (0..<8).map { UInt8(truncatingIfNeeded: (value ?? 0) >> (8 * $0)) }
                }
                let rtmrs = stride(from: 0, to: bytes.count, by: Hex384.byteCount).compactMap {
                    Hex384(bytes: Array(bytes[$0..<min($0 + Hex384.byteCount, bytes.count)]))
                }
                self.answer(
                    call, .ok, ControlSchema.Measurement(domain, rtmrs: rtmrs),
                    [.cacheControl: "no-store", .eTag: Self.tag(domain.revision)])
            }
        }
        try engine(call) { () throws(LifecycleError) in try engine.access(reference(call), access) }
    }
}

extension UploadHead {
    /// The region that the query describes.
    fileprivate func region() throws(Refused) -> TDLifecycle.MemoryRegion {
        guard let text = query["gpa"] else { throw .parameter("gpa", "is required with a body of octets") }
        guard let gpa = HexValue(text: text) else {
            throw .parameter("gpa", "must be 0x and 1 to 16 lower-case hexadecimal digits without leading zeros")
        }
        let measure: Bool
        switch query["measure"] {
        case nil, "true": measure = true
        case "false": measure = false
        default: throw .parameter("measure", "must be true or false")
        }
        let pageBytes = UInt64(try integer("pageSizeBytes", 1...MemoryRegionRequest.pageSizes[1]) ?? pageSizeBytes)
        guard MemoryRegionRequest.pageSizes.contains(Int(pageBytes)) else {
            throw .parameter("pageSizeBytes", "must be 4096 or 2097152")
        }
        let given = try integer("sizeBytes", MemoryRegionRequest.sizeRange).map { UInt64($0) }
        guard let content = lengthBytes ?? given, content <= MemoryRegionRequest.sizeRange.upperBound else {
            throw Refused(.lengthRequired)
        }
        let size = given ?? (content + pageBytes - 1) / pageBytes * pageBytes
        return TDLifecycle.MemoryRegion(
            gpa: GPA(rawValue: gpa.rawValue), sizeBytes: size, measure: measure, pageSizeBytes: Int(pageBytes))
    }

    private func integer(_ name: String, _ range: ClosedRange<Int>) throws(Refused) -> Int? {
        try Call.integer(name, in: range, of: query)
    }
}
