internal import FoundationEssentials

/// The one place where bodies become values and values become bodies.
public enum ControlJSON {
    /// Decodes the body of a request strictly: unknown members, duplicates, nulls, wrong types and values out of
    /// range are refused, each with its JSON Pointer.
    /// - Throws: `RequestError` with every violation that could be found.
    public static func decodeRequest<Body: RequestBody>(
        _ type: Body.Type, from bytes: [UInt8]
    ) throws(RequestError) -> Body {
        if bytes.isEmpty, let body = Body.whenAbsent { return body }
        try JSONText.check(bytes)
        do {
            let decoder = JSONDecoder()
            if let key = RequestObject.strictness { decoder.userInfo[key] = true }
            return try decoder.decode(type, from: Data(bytes))
        } catch let error as RequestError {
            throw error
        } catch let error as DecodingError {
            throw RequestError(error)
        } catch {
            throw .malformed("the body is not valid JSON")
        }
    }

    /// Checks that `bytes` are JSON, in UTF-8 and not too large, and that no object has two members of one name.
    /// - Throws: `RequestError` with each name that comes twice, or with the place where it stops being JSON.
    public static func check(_ bytes: [UInt8]) throws(RequestError) { try JSONText.check(bytes) }

    /// Decodes an answer leniently: unknown members are ignored, since a newer server may send them.
    public static func decodeAnswer<Answer: Decodable>(
        _ type: Answer.Type, from bytes: [UInt8]
    ) throws(DecodingError) -> Answer {
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch let error as DecodingError {
            throw error
        } catch {
            throw .dataCorrupted(.init(codingPath: [], debugDescription: "not an answer", underlyingError: error))
        }
    }

    /// The bytes of `value`. Everything in this room can be encoded: there are no floating-point numbers in it.
    public static func encode(_ value: some Encodable) -> [UInt8] {
        let encoder = JSONEncoder()
        // Sorted, since the encoder's own order differs from run to run: one revision is one text.
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            return try [UInt8](encoder.encode(value))
        } catch {
            preconditionFailure("a value of the contract cannot be encoded: \(error)")
        }
    }
}
