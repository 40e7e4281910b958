internal import Threading

/// Ids in the order in which what they name came to its end, with the time of it.
struct AgeQueue: Sendable {
    private var entries: [(id: ResourceID, at: WallTime)] = []
    private var first = 0

    var count: Int { entries.count - first }

    mutating func append(_ id: ResourceID, at time: WallTime) { entries.append((id, time)) }

    mutating func popFirst() -> ResourceID? {
        guard first < entries.count else { return nil }
        defer {
            first += 1
            // Drop what was taken now and then, not each time.
            if first >= 256, first * 2 >= entries.count {
                entries.removeFirst(first)
                first = 0
            }
        }
        return entries[first].id
    }

    /// The oldest, if there is no room for another, or if it has been kept for its time and is not among the
    /// latest that are kept whatever their age.
    mutating func popIfOver(_ limits: EngineLimits, max: Int, now: WallTime) -> ResourceID? {
        guard count > 0 else { return nil }
        let age = now.nanosecondsSince1970 &- entries[first].at.nanosecondsSince1970
        let isOld = now > entries[first].at && age > limits.retention.nanoseconds
        guard count >= max || (isOld && count > limits.keptMin) else { return nil }
        return popFirst()
    }
}
