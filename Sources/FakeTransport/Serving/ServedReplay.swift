public import TDXCalls

/// A fresh module for one recording, with what surrounds it.
public protocol ServedReplay: Sendable {
    var calls: any SEAMCALLPort { get }
    /// Does what the recording arranges around its calls; order and answer are in words that only the two ends know.
    func arrange(_ order: [UInt8]) throws(PortError) -> [UInt8]
}

/// Makes a module of what a client says of its recording.
///
/// - Throws: ``PortError`` if there is no such module.
public typealias ReplayMaker = @Sendable (_ head: [UInt8]) throws(PortError) -> any ServedReplay

extension ServedReplay {
    func reply(to request: ModuleRequest) -> ModuleReply {
        var reply = ModuleReply(to: request)
        do throws(PortError) {
            switch request.kind {
            case .callAll: _ = try request.execute(on: calls, into: &reply)
            case .arrange:
                let answer = try arrange(Array(request.payload))
                guard answer.count <= MessageLimits.payloadBytesMax else {
                    throw PortError(.notExecuted, "the answer does not fit a message")
                }
                reply.payload = answer[...]
            default: throw PortError(.unsupported, "a replay has no request \(request.kind.rawValue)")
            }
        } catch {
            reply.fail(error)
        }
        return reply
    }
}
