internal import ControlSchema
internal import HTTPExchange
internal import HTTPTypes
internal import TDXCalls

extension ControlAPI {
    static let errorRoutes: [Route] = [
        Route(.get, "/errors", "listErrors", .viewer) { api, call in
            let revision = api.startRevision
            api.answer(call, revision: revision) {
                api.bodies.body(.errors, revision: revision) { ControlJSON.encode(ErrorList(items: catalogue)) }
            }
        },
        Route(.get, "/errors/{code}", "getError", .viewer) { api, call throws(Refused) in
            guard let entry = entries[call.path("code")] else {
                throw Refused(.notFound, "the catalogue has no code \(call.path("code"))")
            }
            api.answer(call, revision: api.startRevision) { EncodedBody(ControlJSON.encode(entry)) }
        },
    ]

    /// Our own codes and every completion of the module's table, by code.
    static let catalogue: [ErrorEntry] =
        (OwnError.all.map { ErrorEntry($0) } + CompletionInfo.all.map { ErrorEntry($0) }).sorted { $0.code < $1.code }

    static let entries = Dictionary(catalogue.map { ($0.code, $0) }, uniquingKeysWith: { first, _ in first })
}

extension ErrorEntry {
    fileprivate init(_ info: CompletionInfo) {
        let completion = info.completion
        self.init(
            code: info.name.errorCode, title: info.title,
            origin: info.since == "Linux" ? .shim : .module,
            httpStatus: completion.isError || completion.isNonRecoverable ? completion.httpStatus : nil,
            description: info.explanation, remedy: completion.remedy,
            retryable: completion.outcome == .recoverable, completion: ControlSchema.Completion(completion),
            links: ["self": "/errors/\(info.name.errorCode)", "seamcalls": "/seamcalls?completion=\(info.name)"])
    }
}

extension TDXCalls.Completion {
    /// What to do about the codes a host meets most.
    fileprivate var remedy: String? {
        switch self {
        case .operandBusy, .sysBusy:
            "Another call holds the operand. tdxd repeats such calls; a lab step can be repeated."
        case .rndNoEntropy, .keyGenerationFailed: "Repeat the call; tdxd does."
        case .interruptedResumable: "Repeat the call with resume set, on the same package."
        case .flushVPNotDone: "Flush the vCPUs that are still associated; see their association."
        case .wbCacheNotComplete: "Write back the caches of every package after TDH.MNG.VPFLUSHDONE."
        case .vcpuAssociated: "Use the processor the vCPU is associated with, or flush it there first."
        case .vcpuNotAssociated: "Nothing is left to flush on this processor."
        case .tdKeysNotConfigured:
            "Configure the key on every package first; after VPFLUSHDONE nothing but teardown works."
        case .tdcsNotAllocated: "Add the TD's control-structure pages first."
        case .lifecycleStateIncorrect: "The leaf wants the TD in another lifecycle state; see /tds/{id}/actions."
        case .opStateIncorrect: "The leaf wants the TD in another operation state; see /tds/{id}/actions."
        case .maxVCPUsExceeded: "The TD was initialised for fewer vCPUs."
        case .tdAssociatedPagesExist: "Reclaim every other page of the TD first; the TDR goes last."
        case .pageMetadataIncorrect: "The page is not of the type the leaf wants; see /tds/{id}/pages."
        case .metadataFieldNotReadable: "A production TD does not show this field to the host."
        case .tdFatal: "The TD is lost: delete it."
        default: nil
        }
    }
}
