import SEAMCALLTrace

/// The recordings beside the tests, read once.
enum Recordings {
    static func path(_ name: String) -> String {
        let folders = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(2)
        return (folders + ["Recordings", name[...]]).joined(separator: "/")
    }

    static let traces = Result<[Trace], TraceError> { () throws(TraceError) in
        try TraceFile(path: path("traces.json")).traces
    }
    static let random = Result<[Trace], TraceError> { () throws(TraceError) in
        try TraceFile(path: path("random.json")).traces
    }
}
