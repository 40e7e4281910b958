/// An inventory as text, a line for each entry.
extension PKIInventory {
    private static let headings = ["FILE", "KIND", "IDENTITY", "NUMBER", "ENDS", "DAYS", "STATE"]
    private static let gap = "  "

    /// Columns that line up; no line ends with blanks.
    public var table: String {
        let rows = [Self.headings] + entries.map(\.cells)
        let widths = Self.headings.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let cells = zip(row, widths).map { cell, width in
                cell + String(repeating: " ", count: width - cell.count)
            }
            let line = cells.joined(separator: Self.gap)
            return String(line.reversed().drop { $0 == " " }.reversed()) + "\n"
        }.joined()
    }
}

extension PKIEntry {
    fileprivate var cells: [String] {
        let fault = keyFault.map { "; the key \($0)" } ?? ""
        return [
            file, kind.rawValue, identity, number, ends?.description ?? "", daysLeft.map(String.init) ?? "",
            "\(state)\(fault)",
        ]
    }
}

extension PKIEntry.State: CustomStringConvertible {
    public var description: String {
        switch self {
        case .good: "good"
        case .renew: "renew soon"
        case .expired: "expired"
        case .notYetValid: "not yet valid"
        case .revoked(let entry): "revoked \(entry.date) (\(entry.reason))"
        case .outdated: "outdated"
        case .unreadable(let reason): "\(reason)"
        }
    }
}
