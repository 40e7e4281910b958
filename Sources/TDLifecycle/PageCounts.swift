/// How many pages there are of each kind: six numbers in a row, counted with each page that comes and goes.
struct PageCounts: Hashable, Sendable {
    private var counts: (Int, Int, Int, Int, Int, Int) = (0, 0, 0, 0, 0, 0)

    subscript(kind: PageKind) -> Int {
        get {
            switch kind {
            case .tdr: counts.0
            case .tdcs: counts.1
            case .tdvpr: counts.2
            case .tdcx: counts.3
            case .sept: counts.4
            case .guest: counts.5
            }
        }
        set {
            switch kind {
            case .tdr: counts.0 = newValue
            case .tdcs: counts.1 = newValue
            case .tdvpr: counts.2 = newValue
            case .tdcx: counts.3 = newValue
            case .sept: counts.4 = newValue
            case .guest: counts.5 = newValue
            }
        }
    }

    static func == (left: Self, right: Self) -> Bool { left.counts == right.counts }

    func hash(into hasher: inout Hasher) { for kind in PageKind.allCases { hasher.combine(self[kind]) } }
}
