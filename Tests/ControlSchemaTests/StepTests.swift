import ControlSchema
import Testing

@Suite("The bodies of steps and field writes")
struct StepTests {
    @Test("A step without arguments may have no body")
    func absentBodies() throws {
        #expect(try ControlJSON.decodeRequest(StepRequest.self, from: []) == StepRequest())
        #expect(try ControlJSON.decodeRequest(InitTDRequest.self, from: []) == InitTDRequest())
        #expect(try ControlJSON.decodeRequest(InitVCPURequest.self, from: []) == InitVCPURequest())
        #expect(try ControlJSON.decodeRequest(CancelRequest.self, from: []) == CancelRequest())
        #expect(refusal(of: "", as: ConfigureKeyRequest.self)?.error == .malformedJSON)
        #expect(refusal(of: "", as: CreateVCPUsRequest.self)?.error == .malformedJSON)
    }

    @Test("Every step takes processor and recover")
    func choices() throws {
        let json = #"{"processor":2,"recover":false"#
        let choices = StepChoices(processor: 2, recover: false)
        #expect(try decoded(json + "}", as: StepRequest.self).choices == choices)
        #expect(try decoded(json + "}", as: InitTDRequest.self).choices == choices)
        #expect(try decoded(json + "}", as: InitVCPURequest.self).choices == choices)
        #expect(
            try decoded(json + #","package":1}"#, as: ConfigureKeyRequest.self)
                == ConfigureKeyRequest(package: 1, choices: choices))
        #expect(
            try decoded(json + #","package":0,"resume":true}"#, as: WriteBackRequest.self)
                == WriteBackRequest(package: 0, resume: true, choices: choices))
        let page = IDKind.page.nilID
        #expect(
            try decoded(json + #","page":"\#(page)"}"#, as: ReclaimPageRequest.self)
                == ReclaimPageRequest(page: page, choices: choices))
    }

    @Test("A bad argument is refused with its pointer")
    func badArguments() {
        func violation<Body: RequestBody>(_ json: String, _ type: Body.Type) -> [Violation] {
            refusal(of: json, as: type)?.violations ?? []
        }
        let id = "must be an id: pg- and 26 characters"
        #expect(violation("{}", ConfigureKeyRequest.self) == [Violation(pointer: "/package", reason: "is required")])
        #expect(violation("{}", WriteBackRequest.self) == [Violation(pointer: "/package", reason: "is required")])
        #expect(violation("{}", ReclaimPageRequest.self) == [Violation(pointer: "/page", reason: "is required")])
        #expect(violation("{}", WriteFieldRequest.self) == [Violation(pointer: "/value", reason: "is required")])
        #expect(violation(#"{"page":"0x1000"}"#, ReclaimPageRequest.self) == [Violation(pointer: "/page", reason: id)])
        #expect(
            violation(#"{"package":256}"#, ConfigureKeyRequest.self)
                == [Violation(pointer: "/package", reason: "must be an integer from 0 to 255")])
        #expect(
            violation(#"{"processor":"0"}"#, StepRequest.self)
                == [Violation(pointer: "/processor", reason: "must be an integer from 0 to 65535")])
        #expect(
            violation(#"{"recover":0}"#, StepRequest.self)
                == [Violation(pointer: "/recover", reason: "must be true or false")])
        #expect(
            violation(#"{"spec":{"maxVcpus":1,"vcpuCount":1}}"#, InitTDRequest.self)
                == [Violation(pointer: "/spec/vcpuCount", reason: unknown)])
        #expect(
            violation(#"{"x2apicId":4294967296}"#, InitVCPURequest.self)
                == [Violation(pointer: "/x2apicId", reason: "must be an integer from 0 to 4294967295")])
        #expect(
            violation(#"{"value":"0x1","mask":1}"#, WriteFieldRequest.self)
                == [Violation(pointer: "/mask", reason: hex64)])
        #expect(violation(#"{"force":true}"#, CancelRequest.self) == [Violation(pointer: "/force", reason: unknown)])
    }

    @Test("The arrays of a vCPU creation are as long as its count")
    func creationOfVCPUs() throws {
        let json = #"{"count":2,"initialRcx":"0x0","x2apicIds":[0,1],"processors":[0,2]}"#
        #expect(
            try decoded(json, as: CreateVCPUsRequest.self)
                == CreateVCPUsRequest(count: 2, initialRcx: 0, x2apicIds: [0, 1], processors: [0, 2]))
        #expect(try decoded("{}", as: CreateVCPUsRequest.self) == CreateVCPUsRequest())
        let short = refusal(of: #"{"count":3,"x2apicIds":[0],"processors":[]}"#, as: CreateVCPUsRequest.self)
        #expect(short?.error == .conflictingMembers)
        #expect(
            short?.violations == [
                Violation(pointer: "/x2apicIds", reason: "must have as many elements as count says, 3"),
                Violation(pointer: "/processors", reason: "must have as many elements as count says, 3"),
            ])
        let wrong = refusal(of: #"{"processors":[-1]}"#, as: CreateVCPUsRequest.self)
        #expect(
            wrong?.violations == [
                Violation(
                    pointer: "/processors", reason: "must be an array of at most 65535 integers from 0 to 65535")
            ])
        #expect(
            refusal(of: #"{"count":0}"#, as: CreateVCPUsRequest.self)?.violations == [
                Violation(pointer: "/count", reason: "must be an integer from 1 to 65535")
            ])
    }
}
