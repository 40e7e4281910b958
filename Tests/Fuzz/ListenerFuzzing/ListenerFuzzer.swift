internal import Glibc
internal import Threading

// libFuzzer's way in: raw bytes, sent to a listener with the whole API behind it.
//
// An input's first byte says how the rest is cut into writes: 0 sends it at once, another number begins with a few
// pieces of so many bytes, each after the one before has been read. Then the client stops sending and reads what comes.
// What must hold:
// - the listener closes the connection in the end, and soon;
// - what came is a run of answers, each complete but perhaps the last, and nothing after one that says it is the last;
// - a refusal that leaves open where the next request begins is the last;
// - a request beyond reproach is answered, and no more answers come than there were requests.

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzListener(_ data: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    guard count > 1 else { return -1 }
    // SAFETY: libFuzzer says how many bytes lie there.
    let input = unsafe [UInt8](UnsafeBufferPointer(start: data, count: count))
    let bytes = Array(input.dropFirst())
    let answer = converse(bytes, inPiecesOf: Int(input[0]))
    judge(answer, to: bytes)
    return 0
}

private let world = RenewedWorld()
/// More of them would take long and find no more.
private let pieces = 4

private func converse(_ bytes: [UInt8], inPiecesOf size: Int) -> [UInt8] {
    let client = StreamClient(path: world.path())
    defer { client.close() }
    var rest = bytes[...]
    for _ in 0..<(size == 0 ? 0 : pieces) where !rest.isEmpty {
        guard client.send(rest.prefix(size)) else { break }
        client.waitUntilTaken()
        rest = rest.dropFirst(size)
    }
    client.send(rest)
    // The library misses an end that comes with the last bytes until the listener's next look, a second later.
    client.waitUntilTaken()
    // And it may close without an answer when the end comes while a request sleeps.
    var requests = StrictRequests(bytes)
    if requests.next() != nil { client.waitForAnswer() }
    client.stopSending()
    guard let answer = client.receiveAll() else { finding("the listener did not close the connection in time") }
    return answer
}

/// Holds what came against the list above.
private func judge(_ answer: [UInt8], to bytes: [UInt8]) {
    var reader = AnswerReader(answer)
    var requests = StrictRequests(bytes)
    // Later requests may be lost: the library closes after the answer it is at once the client has stopped sending.
    if reader.isAtEnd, let request = requests.next() { finding("no answer to a proper request: \(request.line)") }
    while !reader.isAtEnd {
        let request = requests.next()
        switch reader.next(toHead: request?.isHead ?? requests.isHeadPerhaps) {
        case .malformed(let reason): finding(reason)
        case .cutShort: return
        case .interim: requests.putBack(request)
        case .answer(let answer):
            if answer.isLast, !reader.isAtEnd { finding("something follows an answer that closes the connection") }
            if !answer.isLast, answer.isRefusalOfFraming {
                finding("a refusal of the framing leaves the connection open")
            }
            if request == nil, requests.isExhausted { finding("more answers than requests") }
            if answer.isLast { return }
        }
    }
}

func finding(_ reason: String) -> Never {
    fatalError("FINDING: \(reason)")
}
