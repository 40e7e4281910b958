internal import CMicroHTTPD
internal import Glibc
internal import HTTPExchange

/// Copies a request's head out of the library's memory.
enum HeadReader {
    /// A head as it was understood.
    enum Reading {
        case new(ReceivedHead)
        /// The same bytes as in the request before.
        case same(RequestHead.Contents)
    }

    /// - Parameters:
    ///   - target: the target as the request line had it, up to its first NUL; nil when it is the remembered one.
    ///   - url, method, version: what the library passes to the handler; they lie in one buffer, in this order:
    ///     method, url, version.
    static func read(
        _ handle: OpaquePointer, of connection: Connection, target: ReceivedTarget?, url: UnsafePointer<CChar>?,
        method: UnsafePointer<CChar>?, version: UnsafePointer<CChar>?
    ) -> Reading {
        let limits = connection.server.limits
        // SAFETY: all three are C strings the library holds for the whole request, or nil.
        let isHTTP10 = unsafe version.map { unsafe strcmp($0, "HTTP/1.0") == 0 } ?? false
        let hasNUL = unsafe hasNUL(target?.count ?? connection.memory.targetCount, url: url, version: version)
        let headBytes = unsafe Int(microhttpd_head_bytes(handle))
        if target == nil, !hasNUL, headBytes <= limits.headBytes, let method = unsafe method,
            var comparison = unsafe connection.memory.comparison(
                method: method, isHTTP10: isHTTP10, generation: connection.generation),
            let contents = unsafe compare(handle, &comparison)
        {
            return .same(contents)
        }
        var fields = ReceivedFields(limit: limits.fields)
        // SAFETY: the library calls back before it returns, with pointers that are good for the call.
        unsafe withUnsafeMutablePointer(to: &fields) { fields in
            _ = unsafe MHD_get_connection_values_n(handle, .HEADER_KIND, takeField, fields)
        }
        let methodText = unsafe method.map { unsafe String(cString: $0) } ?? ""
        return .new(
            ReceivedHead(
                method: methodText, target: target ?? connection.memory.receivedTarget(), targetHasNUL: hasNUL,
                isHTTP10: isHTTP10, fields: fields, headBytes: headBytes))
    }

    private static func compare(
        _ handle: OpaquePointer, _ comparison: inout HeadMemory.Comparison
    ) -> RequestHead.Contents? {
        // SAFETY: as above.
        unsafe withUnsafeMutablePointer(to: &comparison) { comparison in
            _ = unsafe MHD_get_connection_values_n(handle, .HEADER_KIND, compareField, comparison)
        }
        return comparison.contents
    }

    /// The library's strings end at a NUL, so a target with one inside looks shorter than it was: the version stands
    /// further behind it than it should.
    private static func hasNUL(
        _ targetCount: Int, url: UnsafePointer<CChar>?, version: UnsafePointer<CChar>?
    ) -> Bool {
        // SAFETY: the pointers are compared, not followed.
        guard let url = unsafe url, let version = unsafe version else { return false }
        return UInt(bitPattern: version) &- UInt(bitPattern: url) != UInt(targetCount) + 1
    }
}

private func takeField(
    _ context: UnsafeMutableRawPointer?, _ kind: MHD_ValueKind, _ name: UnsafePointer<CChar>?, _ nameCount: Int,
    _ value: UnsafePointer<CChar>?, _ valueCount: Int
) -> MHD_Result {
    guard let context = unsafe context else { return .NO }
    // SAFETY: `read` passes a pointer to such a value; name and value are as long as the library says.
    let fields = unsafe context.assumingMemoryBound(to: ReceivedFields.self)
    return unsafe fields.pointee.take(name: bytes(name, nameCount), value: bytes(value, valueCount)) ? .YES : .NO
}

private func compareField(
    _ context: UnsafeMutableRawPointer?, _ kind: MHD_ValueKind, _ name: UnsafePointer<CChar>?, _ nameCount: Int,
    _ value: UnsafePointer<CChar>?, _ valueCount: Int
) -> MHD_Result {
    guard let context = unsafe context else { return .NO }
    // SAFETY: `compare` passes a pointer to such a value; name and value are as long as the library says.
    let comparison = unsafe context.assumingMemoryBound(to: HeadMemory.Comparison.self)
    let isSame = unsafe comparison.pointee.take(name: bytes(name, nameCount), value: bytes(value, valueCount))
    return isSame ? .YES : .NO
}

private func bytes(_ start: UnsafePointer<CChar>?, _ count: Int) -> UnsafeRawBufferPointer {
    // SAFETY: `count` bytes are readable at `start`.
    unsafe UnsafeRawBufferPointer(start: start, count: unsafe start == nil ? 0 : count)
}
