internal import TDXCalls

/// A secure EPT table, by the entry that links it: the first address below it and the entry's level.
public struct SEPTTable: Hashable, Sendable {
    /// RCX of TDH.MEM.SEPT.ADD: the address is a multiple of 2 MiB at least, so the level has room below.
    private let packed: UInt64

    init(_ gpa: UInt64, _ level: SEPTLevel) { packed = gpa & ~(level.sizeBytes - 1) | UInt64(level.rawValue) }

    var gpa: GPA { GPA(rawValue: packed & ~7) }
    var level: SEPTLevel { SEPTLevel(rawValue: UInt8(packed & 7)) }
}

/// The secure EPT tables of a TD: those there are and those an operation is about to add.
struct SEPTTables: Sendable {
    private(set) var present: Set<SEPTTable> = []
    /// The next one last.
    private var planned: [SEPTTable] = []

    var next: SEPTTable? { planned.last }
    var plannedCount: Int { planned.count }

    /// Plans what `regions` need beyond what there is: for each region in turn, from the top down.
    mutating func plan(for regions: some Sequence<MemoryRegion>, levels: UInt8) {
        var needed: [SEPTTable] = []
        var known = present
        for region in regions {
            for number in stride(from: levels - 1, through: 1, by: -1) {
                let level = SEPTLevel(rawValue: number)
                var address = region.gpa.rawValue & ~(level.sizeBytes - 1)
                while address < region.end {
                    let table = SEPTTable(address, level)
                    if known.insert(table).inserted { needed.append(table) }
                    address += level.sizeBytes
                }
            }
        }
        planned = needed.reversed()
    }

    mutating func add(_ table: SEPTTable) {
        present.insert(table)
        if planned.last == table { planned.removeLast() }
    }

    /// A large page has taken its place.
    mutating func remove(_ table: SEPTTable) { present.remove(table) }

    /// What was planned and not added is not needed any more.
    mutating func forgetPlanned() { planned = [] }
}
