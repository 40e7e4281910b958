internal import ControlSchema

// libFuzzer's way in: bodies of requests, decoded alone and by the API.
//
// An input's first byte chooses the body, the rest is JSON or not. What must hold:
// - every body is taken or refused, with as many violations as there may be at most, and each refusal can be encoded;
// - what is taken can be encoded, and then means the same;
// - a dry run of a creation with it is answered with 200 or a problem, never with our own bug.

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzDecoders(_ data: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    guard count > 0 else { return -1 }
    // SAFETY: libFuzzer says how many bytes lie there.
    let input = unsafe [UInt8](UnsafeBufferPointer(start: data, count: count))
    let body = Array(input.dropFirst())
    let kinds = Bodies.all
    kinds[Int(input[0]) % kinds.count](body)
    return 0
}

func finding(_ reason: String) -> Never {
    fatalError("FINDING: \(reason)")
}
