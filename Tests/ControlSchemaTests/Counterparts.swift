import ControlSchema

/// The Swift type of a component schema, with its type erased.
struct Counterpart: Sendable {
    /// Decodes the bytes and gives the value back, and its bytes.
    let roundTrip: @Sendable ([UInt8]) throws -> (value: any Sendable, bytes: [UInt8])
    let isRequest: Bool

    static func request<Body: RequestBody>(_ type: Body.Type) -> Counterpart {
        Counterpart(
            roundTrip: { bytes in
                let value = try ControlJSON.decodeRequest(type, from: bytes)
                return (value, ControlJSON.encode(value))
            }, isRequest: true)
    }

    static func answer<Answer: Codable & Sendable>(_ type: Answer.Type) -> Counterpart {
        Counterpart(
            roundTrip: { bytes in
                let value = try ControlJSON.decodeAnswer(type, from: bytes)
                return (value, ControlJSON.encode(value))
            }, isRequest: false)
    }

    /// Schemas without one: documents that others describe.
    static let none: Set<String> = ["MetricsText", "OpenAPIDocument"]

    static let all: [String: Counterpart] = [
        "ArchCapabilitiesRequest": request(ArchCapabilities.self),
        "CPUIDSettingRequest": request(CPUIDSetting.self),
        "CancelRequest": request(CancelRequest.self),
        "ConfigureKeyRequest": request(ConfigureKeyRequest.self),
        "CreateTDRequest": request(CreateTDRequest.self),
        "CreateVCPUsRequest": request(CreateVCPUsRequest.self),
        "FinalizeTDRequest": request(FinalizeTDRequest.self),
        "ManifestRegion": request(ManifestRegion.self),
        "MeasurementManifest": request(MeasurementManifest.self),
        "MemoryRegionRequest": request(MemoryRegionRequest.self),
        "InitTDRequest": request(InitTDRequest.self),
        "InitVCPURequest": request(InitVCPURequest.self),
        "PatchTDRequest": request(PatchTDRequest.self),
        "ReclaimPageRequest": request(ReclaimPageRequest.self),
        "StepRequest": request(StepRequest.self),
        "TDParameters": request(TDParameters.self),
        "TDSpec": request(TDSpec.self),
        "WriteBackRequest": request(WriteBackRequest.self),
        "WriteFieldRequest": request(WriteFieldRequest.self),
        "ActionList": answer(ActionList.self),
        "ArchCapabilities": answer(ArchCapabilities.self),
        "Association": answer(Association.self),
        "Backend": answer(Backend.self),
        "CPUIDConfig": answer(CPUIDConfig.self),
        "CPUIDSetting": answer(CPUIDSetting.self),
        "CallArguments": answer(CallArguments.self),
        "CallFailure": answer(CallFailure.self),
        "CallOutputs": answer(CallOutputs.self),
        "CapacityReport": answer(CapacityReport.self),
        "CapacityShortage": answer(CapacityShortage.self),
        "CertificateStatus": answer(CertificateStatus.self),
        "Completion": answer(Completion.self),
        "CompletionFlags": answer(CompletionFlags.self),
        "Condition": answer(Condition.self),
        "CurrentState": answer(CurrentState.self),
        "EffectiveSpec": answer(EffectiveSpec.self),
        "ErrorEntry": answer(ErrorEntry.self),
        "ErrorList": answer(ErrorList.self),
        "ExtendedError": answer(ExtendedError.self),
        "FieldElement": answer(FieldElement.self),
        "FieldRead": answer(FieldRead.self),
        "FieldReadPlace": answer(FieldReadPlace.self),
        "FieldWriteResult": answer(FieldWriteResult.self),
        "ModuleProfile": answer(ModuleProfile.self),
        "Hazard": answer(Hazard.self),
        "HazardDeed": answer(HazardDeed.self),
        "HazardList": answer(HazardList.self),
        "InvariantCounterexample": answer(InvariantCounterexample.self),
        "InvariantFinding": answer(InvariantFinding.self),
        "InvariantReport": answer(InvariantReport.self),
        "Host": answer(Host.self),
        "MeasuredCall": answer(MeasuredCall.self),
        "Measurement": answer(Measurement.self),
        "MeasurementDifference": answer(MeasurementDifference.self),
        "MemoryRegion": answer(MemoryRegion.self),
        "MemoryRegionList": answer(MemoryRegionList.self),
        "MemoryRegionSpec": answer(MemoryRegionSpec.self),
        "TDMeasurementStatus": answer(TDMeasurementStatus.self),
        "Image": answer(Image.self),
        "ImageList": answer(ImageList.self),
        "KeyID": answer(KeyID.self),
        "KeyIDCapacity": answer(KeyIDCapacity.self),
        "KeyIDList": answer(KeyIDList.self),
        "KeyIDOwner": answer(KeyIDOwner.self),
        "KeyIDPackage": answer(KeyIDPackage.self),
        "LeafAvailability": answer(LeafAvailability.self),
        "LimitUse": answer(LimitUse.self),
        "Liveness": answer(Liveness.self),
        "ModuleInformation": answer(ModuleInformation.self),
        "Operation": answer(Operation.self),
        "OperationList": answer(OperationList.self),
        "OperationTarget": answer(OperationTarget.self),
        "Package": answer(Package.self),
        "PageCapacity": answer(PageCapacity.self),
        "PageList": answer(PageList.self),
        "PageRecord": answer(PageRecord.self),
        "PageReference": answer(PageReference.self),
        "Plan": answer(Plan.self),
        "PlannedLeaf": answer(PlannedLeaf.self),
        "PlannedPages": answer(PlannedPages.self),
        "PlannedRefusal": answer(PlannedRefusal.self),
        "Platform": answer(Platform.self),
        "Problem": answer(Problem.self),
        "Processor": answer(Processor.self),
        "ProcessorList": answer(ProcessorList.self),
        "Progress": answer(Progress.self),
        "Readiness": answer(Readiness.self),
        "ReadinessCheck": answer(ReadinessCheck.self),
        "RegisterSet": answer(RegisterSet.self),
        "ReloadReport": answer(ReloadReport.self),
        "Residue": answer(Residue.self),
        "RevocationListStatus": answer(RevocationListStatus.self),
        "SEAMCALLList": answer(SEAMCALLList.self),
        "SEAMCALLRecord": answer(SEAMCALLRecord.self),
        "ServiceIndex": answer(ServiceIndex.self),
        "ShimFailure": answer(ShimFailure.self),
        "Stuck": answer(Stuck.self),
        "TD": answer(TD.self),
        "TDAction": answer(TDAction.self),
        "TDList": answer(TDList.self),
        "TDPageCounts": answer(TDPageCounts.self),
        "TDStatus": answer(TDStatus.self),
        "TDVCPUCounts": answer(TDVCPUCounts.self),
        "TLSStatus": answer(TLSStatus.self),
        "VCPU": answer(VCPU.self),
        "VCPUCapacity": answer(VCPUCapacity.self),
        "VCPUList": answer(VCPUList.self),
        "VCPUPageCounts": answer(VCPUPageCounts.self),
        "VCPUReference": answer(VCPUReference.self),
        "VCPUSpec": answer(VCPUSpec.self),
        "VCPUStatus": answer(VCPUStatus.self),
        "Violation": answer(Violation.self),
    ]
}
