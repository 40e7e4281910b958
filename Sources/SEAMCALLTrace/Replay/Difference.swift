/// Where a replay did not go as recorded.
public struct Difference: Hashable, Sendable, CustomStringConvertible {
    public let trace: String
    /// Counted from 0, as in the file.
    public let step: Int
    /// The step in one line.
    public let call: String
    public let expected: String
    public let got: String

    public var description: String {
        """
        \(trace), step \(step): \(call)
          expected \(expected)
          got      \(got)
        """
    }
}
