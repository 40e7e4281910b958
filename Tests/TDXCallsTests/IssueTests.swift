import TDXCalls
import Testing

@Suite("Issuing a leaf")
struct IssueTests {
    let input = registers([
        .rcx: 1, .rdx: 2, .rbx: 3, .rbp: 4, .rsi: 5, .rdi: 6, .r8: 7, .r9: 8, .r10: 9, .r11: 10, .r12: 11, .r13: 12,
        .r14: 13, .r15: 14,
    ])

    @Test("Success hands over every register as the port left it")
    func successRegisters() throws {
        let port = ScriptedPort(.success, [.rcx: 0xc0, .r15: 0xf0])
        var file = input
        #expect(try port.tdx.issue(Leaf(99), &file, on: Sample.processor) == .success)
        var expected = input
        expected.rcx = 0xc0
        expected.r15 = 0xf0
        #expect(file == expected)
        #expect(port.events == [.call(Leaf(99), input, Sample.processor)])
    }

    @Test("Every code that is information is returned and not thrown")
    func informationReturns() throws {
        let codes = CompletionInfo.all.map(\.completion).filter { $0.outcome == .information }
        #expect(codes.count == 16)
        for code in codes {
            var file = input
            #expect(try ScriptedPort(code).tdx.issue(Leaf(99), &file, on: Sample.processor) == code)
        }
    }

    @Test("Every error, known or not, is thrown with its registers")
    func errorsThrow() {
        var codes = CompletionInfo.all.map(\.completion).filter(\.isError)
        codes.append(Completion(rawValue: 0x8000_7f7f_0000_0005))
        for code in codes where code != .rndNoEntropy {
            let error = issueRefusal(ScriptedPort(code, [.rdx: 0xdead]))
            #expect(error?.completion == code)
            #expect(error?.registers.rdx == 0xdead)
            #expect(error?.registers.r15 == 14)
        }
    }

    @Test("An exit that lost the vCPU or the TD is thrown, though its error bit is clear")
    func exitsThrow() {
        for code in [Completion.nonRecoverableVCPU, .nonRecoverableTD, .nonRecoverableTDNonAccessible] {
            // The low half is the VMX exit reason.
            let answer = Completion(rawValue: code.rawValue | 0x30)
            let error = issueRefusal(ScriptedPort(answer))
            #expect(error?.completion == answer)
            #expect(error?.completion?.outcome == .exit)
        }
    }

    @Test(
        "A failure of the port is never an answer of the module",
        arguments: [
            PortError.Reason.notExecuted, .outcomeUnknown, .exhausted, .unsupported,
        ])
    func portErrors(reason: PortError.Reason) {
        let failure = PortError(reason, "the device is gone")
        let port = ScriptedPort([.failure(failure)])
        let error = issueRefusal(port)
        #expect(error?.cause == .port(failure))
        #expect(error?.completion == nil)
        #expect(error?.registers == input)
        #expect(port.events.count == 1, "only missing entropy is repeated")
    }

    private func issueRefusal(_ port: ScriptedPort) -> SEAMCALLError? {
        var file = input
        return refusal { () throws(SEAMCALLError) in try port.tdx.issue(Leaf(99), &file, on: Sample.processor) }
    }
}

@Suite("Entropy")
struct EntropyTests {
    let input = registers([.rcx: 1, .rdx: 2, .r8: 3])
    let none = ScriptedPort.Answer.module(.rndNoEntropy, [.rcx: 0xbad, .rdx: 0xbad, .r12: 0xbad])

    @Test("A call without entropy is made ten times in all, each with the registers of the first")
    func tenInAll() {
        let port = ScriptedPort([none])
        let error = issueRefusal(port)
        #expect(error?.completion == .rndNoEntropy)
        #expect(port.events == Array(repeating: .call(Leaf(9), input, Sample.processor), count: 10))
    }

    @Test("It stops at the first answer that is another", arguments: 1...9)
    func stopsAtAnswer(refusals: Int) throws {
        let port = ScriptedPort(Array(repeating: none, count: refusals) + [.module(.success, [.r8: 9])])
        var file = input
        #expect(try port.tdx.issue(Leaf(9), &file, on: Sample.processor) == .success)
        #expect(file == registers([.rcx: 1, .rdx: 2, .r8: 9]), "nothing of a refused attempt remains")
        #expect(port.events.count == refusals + 1)
    }

    @Test("The tenth answer is passed on, whatever an eleventh would have been")
    func noEleventh() {
        let port = ScriptedPort(Array(repeating: none, count: 10) + [.module(.success, [:])])
        #expect(issueRefusal(port)?.completion == .rndNoEntropy)
        #expect(port.events.count == 10)
    }

    @Test("A port that repeats by itself is asked once")
    func portRetries() {
        let port = ScriptedPort([none], retriesEntropy: true)
        let error = issueRefusal(port)
        #expect(error?.completion == .rndNoEntropy)
        #expect(error?.registers.rcx == 0xbad)
        #expect(port.events.count == 1)
    }

    @Test("Other errors that a repeat can cure are not repeated here")
    func onlyEntropy() {
        for code in CompletionInfo.all.map(\.completion) where code.outcome == .recoverable && code != .rndNoEntropy {
            let port = ScriptedPort(code)
            #expect(issueRefusal(port)?.completion == code)
            #expect(port.events.count == 1)
        }
    }

    @Test("An error after a repeat is that error, with its own registers")
    func errorAfterRepeat() {
        let port = ScriptedPort([none, .module(.hkidNotFree, [.rcx: 5])])
        let error = issueRefusal(port)
        #expect(error?.completion == .hkidNotFree)
        #expect(error?.registers == registers([.rcx: 5, .rdx: 2, .r8: 3]))
        #expect(port.events.count == 2)
    }

    private func issueRefusal(_ port: ScriptedPort) -> SEAMCALLError? {
        var file = input
        return refusal { () throws(SEAMCALLError) in try port.tdx.issue(Leaf(9), &file, on: Sample.processor) }
    }
}
