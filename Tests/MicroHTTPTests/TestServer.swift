import HTTPExchange
import HTTPTypes
import Logging
import MicroHTTP
import Threading

/// A responder made of closures.
struct ClosureResponder: Responder {
    var planner: @Sendable (RequestHead) -> BodyPlan = { _ in .collect(maximumBytes: 1024) }
    var answerer: @Sendable (Request, Exchange) -> Void = { _, exchange in exchange.answer(.text("ok")) }

    func plan(for head: RequestHead) -> BodyPlan { planner(head) }

    func respond(to request: Request, through exchange: Exchange) { answerer(request, exchange) }
}

extension Response {
    static func text(_ text: String, status: HTTPResponse.Status = .ok) -> Response {
        Response(status: status, fields: [.contentType: "text/plain"], body: .bytes([UInt8](text.utf8)))
    }
}

/// Echoes what was understood of a request.
let echo = ClosureResponder { request, exchange in
    exchange.answer(
        .text("\(request.head.method) \(request.head.target.raw) \(String(decoding: request.body, as: UTF8.self))"))
}

extension ClosureResponder {
    init(_ answerer: @escaping @Sendable (Request, Exchange) -> Void) { self.answerer = answerer }
}

/// A listener on a loopback port of the system's choice.
func serve(
    _ responder: any Responder, limits: Limits = Limits(), workers: Int = Listener.defaultWorkers
) throws -> (listener: Listener, port: UInt16) {
    let listener = try Listener(
        name: "test", at: .plainTCP(address: "127.0.0.1", port: 0), limits: limits, workers: workers,
        responder: responder, logger: quietLogger)
    guard let port = listener.port else { throw RawClient.Failure(description: "no port") }
    return (listener, port)
}

let quietLogger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// Waits until `condition` holds; false after ten seconds.
func eventually(_ condition: () -> Bool) -> Bool {
    let end = MonotonicTime.now.advanced(by: .seconds(10))
    while !condition() {
        if MonotonicTime.now > end { return false }
        sleepBlocking(.milliseconds(2))
    }
    return true
}

/// A thread that calls what it is given, a moment later and in order.
final class LateCaller: Sendable {
    private struct Queue {
        var calls: [@Sendable () -> Void] = []
        var isOver = false
    }

    private let queue: Monitor<Queue>
    private let thread: Threading.Thread

    init() {
        let queue = Monitor(Queue())
        self.queue = queue
        thread = Threading.Thread {
            while let calls = Self.next(queue) {
                sleepBlocking(.microseconds(100))
                for call in calls { call() }
            }
        }
    }

    deinit {
        queue.withLock { $0.isOver = true }
        thread.join()
    }

    func call(_ body: @escaping @Sendable () -> Void) { queue.withLock { $0.calls.append(body) } }

    private static func next(_ queue: Monitor<Queue>) -> [@Sendable () -> Void]? {
        queue.wait { queue -> [@Sendable () -> Void]?? in
            if !queue.calls.isEmpty {
                defer { queue.calls = [] }
                return queue.calls
            }
            return queue.isOver ? .some(nil) : nil
        } ?? nil
    }
}
