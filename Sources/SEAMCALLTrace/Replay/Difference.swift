/// Where a replay did not go as recorded.
public struct Difference: Hashable, Sendable, CustomStringConvertible {
    public let trace: String
    /// Counted from 0, as in the file.
    public let step: Int
    /// The step in one line.
    public let call: String
    public let expected: String
    public let got: String

    public init(trace: String, step: Int, call: String, expected: String, got: String) {
        self.trace = trace
        self.step = step
        self.call = call
        self.expected = expected
        self.got = got
    }

    public var description: String {
        """
        \(trace), step \(step): \(call)
          expected \(expected)
          got      \(got)
        """
    }
}
