/// Values by key, of which only the most recently used are kept: hostile keys cannot make it grow.
///
/// Every entry is in a slot; the slots are linked in the order of their use.
struct RecentTable<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Slot {
        var key: Key
        var value: Value
        var newer: Int?
        var older: Int?
    }

    private let capacity: Int
    private var places: [Key: Int] = [:]
    private var slots: [Slot] = []
    private var newest: Int?
    private var oldest: Int?

    init(capacity: Int) {
        precondition(capacity > 0, "a table without a place")
        self.capacity = capacity
    }

    var count: Int { slots.count }

    /// The value of `key`, which is the most recently used one then. A key that is not there gets one, in place of the
    /// longest unused one if there is no room.
    mutating func use(_ key: Key, makeValue: () -> Value) -> Value {
        let place = places[key] ?? insert(key, makeValue())
        if place != newest {
            unlink(place)
            link(place)
        }
        return slots[place].value
    }

    private mutating func insert(_ key: Key, _ value: Value) -> Int {
        if slots.count < capacity {
            slots.append(Slot(key: key, value: value))
            let place = slots.count - 1
            places[key] = place
            link(place)
            return place
        }
        guard let place = oldest else { preconditionFailure("a full table has an oldest entry") }
        places[slots[place].key] = nil
        slots[place].key = key
        slots[place].value = value
        places[key] = place
        return place
    }

    private mutating func unlink(_ place: Int) {
        let (newer, older) = (slots[place].newer, slots[place].older)
        if let newer { slots[newer].older = older } else { newest = older }
        if let older { slots[older].newer = newer } else { oldest = newer }
    }

    private mutating func link(_ place: Int) {
        slots[place].newer = nil
        slots[place].older = newest
        if let newest { slots[newest].newer = place }
        newest = place
        if oldest == nil { oldest = place }
    }
}
