/// Names of TDs: RFC 1123 labels that cannot be taken for an id.
public enum NameSyntax {
    public static let maximumLength = 63

    /// What is wrong with `name`; nil if it may be one.
    public static func violation(in name: String) -> String? {
        let bytes = Array(name.utf8)
        guard !bytes.isEmpty, bytes.count <= maximumLength, bytes.allSatisfy({ isInner($0) }),
            bytes.first != UInt8(ascii: "-"), bytes.last != UInt8(ascii: "-")
        else {
            return "must be 1 to \(maximumLength) lower-case letters, digits and hyphens,"
                + " with a letter or digit first and last"
        }
        if let kind = IDKind.allCases.first(where: { name.hasPrefix($0.rawValue) }) {
            return "must not begin with \"\(kind.rawValue)\", which ids begin with"
        }
        return nil
    }

    private static func isInner(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): true
        default: false
        }
    }
}
