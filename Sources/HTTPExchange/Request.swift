/// A request whose body has arrived as its plan said.
public struct Request: Sendable {
    public let head: RequestHead
    /// The body, when the plan was `.collect`; empty otherwise.
    public let body: [UInt8]
    /// The receiver that took the body to its end, when the plan was `.stream`.
    public let receiver: (any BodyReceiver)?

    public init(head: RequestHead, body: [UInt8] = [], receiver: (any BodyReceiver)? = nil) {
        self.head = head
        self.body = body
        self.receiver = receiver
    }
}
