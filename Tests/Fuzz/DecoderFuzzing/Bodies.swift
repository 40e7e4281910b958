internal import ControlSchema

/// Every body the contract has, in the order of the seeds.
enum Bodies {
    static let all: [@Sendable ([UInt8]) -> Void] = [
        { check(CreateTDRequest.self, $0, planned: "/tds?dryRun=true", isPatch: false) },
        { check(PatchTDRequest.self, $0, planned: "/tds/fuzz", isPatch: true) },
        { check(CreateVCPUsRequest.self, $0, planned: "/tds/fuzz/vcpus?dryRun=true", isPatch: false) },
        { check(WriteFieldRequest.self, $0, planned: "/tds/fuzz/fields/HP_LOCK_TIMEOUT?dryRun=true", isPatch: true) },
        { check(ConfigureKeyRequest.self, $0) },
        { check(StepRequest.self, $0) },
        { check(InitTDRequest.self, $0) },
        { check(WriteBackRequest.self, $0) },
        { check(ReclaimPageRequest.self, $0) },
        { check(InitVCPURequest.self, $0) },
        { check(CancelRequest.self, $0) },
    ]

    private static func check<Body: RequestBody>(
        _ type: Body.Type, _ bytes: [UInt8], planned target: String? = nil, isPatch: Bool = false
    ) {
        do throws(RequestError) {
            let body = try ControlJSON.decodeRequest(type, from: bytes)
            roundTrip(body)
        } catch {
            if error.violations.count > RequestLimits.maximumViolations { finding("too many violations") }
            _ = ControlJSON.encode(error.violations)
        }
        if let target { Planner.shared.ask(target, bytes, isPatch: isPatch) }
    }

    private static func roundTrip<Body: RequestBody>(_ body: Body) {
        let text = ControlJSON.encode(body)
        do throws(RequestError) {
            let again = try ControlJSON.decodeRequest(Body.self, from: text)
            if again != body { finding("\(Body.self) changes: \(String(decoding: text, as: UTF8.self))") }
        } catch {
            finding("\(Body.self) cannot be read back: \(error): \(String(decoding: text, as: UTF8.self))")
        }
    }
}
