extension Domain {
    mutating func updateReadyCondition(at now: WallTime) {
        updateMeasurementCondition(at: now)
        let (status, reason, message): (Condition.Status, String, String) =
            switch phase {
            case .building: (.no, "Building", "The TD is being built; it is \(stateText).")
            case .initialized: (.yes, "Initialized", "The TD is initialised; not finalised.")
            case .finalized: (.yes, "Finalized", "The TD is measured and finalised.")
            case .tearingDown: (.no, "TearingDown", "The TD is being taken down; it is \(stateText).")
            case .deleted: (.no, "Deleted", "The TD is deleted; this is its record.")
            case .failed: (.no, "Fatal", "The module declared the TD fatal; it can only be deleted.")
            case .quarantined: (.no, "Quarantined", "\(quarantine.count) pages or KeyIDs could not be freed.")
            case .lost, .unknown:
                (
                    .unknown, "Unknown",
                    isAdopted
                        ? "A daemon before this one built the TD and is gone; as far as can be told it is \(stateText)."
                        : "The state of the TD is not known."
                )
            }
        if let place = conditions.firstIndex(where: { $0.type == "Ready" }) {
            if conditions[place].status != status { conditions[place].lastTransitionAt = now }
            conditions[place].status = status
            conditions[place].reason = reason
            conditions[place].message = message
            conditions[place].observedRevision = revision
        } else {
            conditions.append(
                Condition(
                    type: "Ready", status: status, reason: reason, message: message, lastTransitionAt: now,
                    observedRevision: revision))
        }
    }
}
