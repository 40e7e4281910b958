public import TDXCalls

/// A module that is served to other processes, and how it is told of.
public struct ServedModule: Sendable {
    let calls: any SEAMCALLPort
    let host: any HostPort
    let description: [UInt8]

    /// - Parameter platform: what clients are told of the machine, in whichever words; at most 32 KiB.
    /// - Throws: ``TransportError`` if it does not fit a message.
    public init(calls: any SEAMCALLPort, host: any HostPort, platform: [UInt8]) throws(TransportError) {
        self.calls = calls
        self.host = host
        description =
            ServedDescription(
                module: host.module, retriesEntropy: calls.retriesEntropy, processors: host.processors,
                capacity: host.capacity, platform: platform
            ).bytes
        guard description.count <= MessageLimits.payloadBytesMax else {
            throw TransportError("the platform's description does not fit a message")
        }
    }
}
