/// Labels, with the syntax of Kubernetes' labels: `team`, `tdx.example/pool`.
public enum LabelSyntax {
    /// Labels on one resource.
    public static let maximumCount = 64
    /// Characters of a key's name, and of a value.
    public static let maximumNameLength = 63
    /// Characters of a key's prefix.
    public static let maximumPrefixLength = 253

    /// What is wrong with `key`; nil if it may be one.
    public static func violation(inKey key: String) -> String? {
        let parts = key.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard let name = parts.last, parts.count <= 2, !name.isEmpty, isName(name) else {
            return "a label key must be an optional prefix and \"/\", then 1 to \(maximumNameLength) letters, digits,"
                + " \"-\", \"_\" and \".\", with a letter or digit first and last"
        }
        if parts.count == 2, !isPrefix(parts[0]) {
            return "the prefix of a label key must be a DNS name of at most \(maximumPrefixLength) characters"
        }
        return nil
    }

    /// What is wrong with `value`; nil if it may be one. The empty value is one.
    public static func violation(inValue value: String) -> String? {
        guard value.isEmpty || isName(Substring(value).utf8) else {
            return "a label value must be empty or 1 to \(maximumNameLength) letters, digits, \"-\", \"_\" and \".\","
                + " with a letter or digit first and last"
        }
        return nil
    }

    private static func isName(_ text: Substring.UTF8View) -> Bool {
        guard text.count <= maximumNameLength, let first = text.first, let last = text.last else { return false }
        return isAlphanumeric(first) && isAlphanumeric(last)
            && text.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") || isDotOrUnderscore($0) }
    }

    private static func isPrefix(_ text: Substring.UTF8View) -> Bool {
        text.count <= maximumPrefixLength
            && text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy { part in
                guard part.count <= 63, let first = part.first, let last = part.last else { return false }
                return first != UInt8(ascii: "-") && last != UInt8(ascii: "-")
                    && part.allSatisfy { isLowerCaseOrDigit($0) || $0 == UInt8(ascii: "-") }
            }
    }

    private static func isLowerCaseOrDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: false
        }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        isLowerCaseOrDigit(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
    }

    private static func isDotOrUnderscore(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
    }
}
