/// A word from a list that may grow: in answers an unknown one survives, in requests only `known` ones are taken.
public protocol OpenEnum: RawRepresentable, Codable, Hashable, Sendable, CustomStringConvertible
where RawValue == String {
    init(rawValue: String)

    /// The words that this version of the contract documents.
    static var known: [Self] { get }
}

extension OpenEnum {
    public var description: String { rawValue }
}
