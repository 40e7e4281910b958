public import ControlSchema
internal import FoundationEssentials
public import Hummingbird
internal import Logging
internal import NIOPosix

/// Serves one TD as Hummingbird's users would: the route returns the value, and the framework encodes it with a
/// JSONEncoder for each request.
///
/// usage: HummingbirdPeer PORT TD_FILE
@main
enum HummingbirdPeer {
    /// As many as tdxd and nginx have in the comparison.
    static let eventLoopThreads = 1

    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 3, let port = Int(arguments[1]) else { throw UsageError() }
        let td = try ControlJSON.decodeAnswer(TD.self, from: [UInt8](Data(contentsOf: URL(filePath: arguments[2]))))

        let router = Router()
        router.get("tds/:id") { _, context throws(HTTPError) -> TD in
            // As the daemon looks it up by id or name.
            guard context.parameters.get("id") == td.id else { throw HTTPError(.notFound) }
            return td
        }
        var logger = Logger(label: "hummingbird-peer")
        logger.logLevel = .error
        let application = Application(
            router: router,
            configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: port)),
            eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup(numberOfThreads: eventLoopThreads)),
            logger: logger)
        try await application.runService()
    }
}

/// Public, since the type and the protocol are; the two public imports are for this line.
extension TD: ResponseEncodable {}

struct UsageError: Error, CustomStringConvertible {
    let description = "usage: HummingbirdPeer PORT TD_FILE"
}
