/// What can be in the way of a well-formed request.
extension OwnError {
    public static let unknownField = OwnError(
        "unknown-field", 404, "There is no such metadata field",
        "The name is not in the table of fields, or the text is neither a name nor a field id.",
        remedy: "Give a name, name[index] or a field id such as 0x202000000000000b.")
    public static let vcpuPagesReturnAtTeardown = OwnError(
        "vcpu-pages-return-at-teardown", 405, "A vCPU cannot be deleted by itself",
        "The module gives the pages of a vCPU back only when its TD is torn down.",
        remedy: "Delete the TD.")
    public static let nameTaken = OwnError(
        "name-taken", 409, "Another TD has this name",
        "Names are unique among the TDs that are not deleted.",
        remedy: "Choose another name, or delete that TD.")
    public static let wrongState = OwnError(
        "wrong-state", 409, "The resource is in the wrong state",
        "The problem carries the current state and the actions that are allowed in it.",
        remedy: "Do what is missing first.")
    public static let operationRunning = OwnError(
        "operation-running", 409, "Another operation is at work on the resource",
        "The problem names the operation.",
        remedy: "Wait for it, or cancel it.", retryable: true)
    public static let idempotencyKeyInFlight = OwnError(
        "idempotency-key-in-flight", 409, "The first request with this key is still running",
        "The problem names its operation.",
        remedy: "Follow that operation.", retryable: true)
    public static let notCancellable = OwnError(
        "not-cancellable", 409, "The operation cannot be cancelled",
        "It has ended, or it is at a point from which it must go on.",
        remedy: "Read the operation.")
    public static let cancelled = OwnError(
        "cancelled", 409, "The operation was cancelled",
        "Someone asked for it; what could not be undone is in residue.",
        remedy: "Ask again if you still want it.")
    public static let conflictingMembers = OwnError(
        "conflicting-members", 422, "The body's members contradict one another",
        "Each member is allowed by itself; together they ask for something impossible.",
        remedy: "Correct the members that the violations name, or those that they depend on.")
    public static let maxVcpusExceeded = OwnError(
        "max-vcpus-exceeded", 422, "The TD cannot have that many vCPUs",
        "The vCPUs that exist and those asked for are together more than maxVcpus. No page was spent.",
        remedy: "Ask for fewer, or create the TD with a greater maxVcpus.")
    public static let unknownProcessor = OwnError(
        "unknown-processor", 422, "There is no such logical processor or package",
        "The number is not that of a processor or package of this host, or the two do not belong together.",
        remedy: "See /host/processors.")
    public static let unknownPage = OwnError(
        "unknown-page", 422, "The TD has no such page",
        "The id is not that of a page that this TD holds.",
        remedy: "See /tds/{id}/pages.")
    public static let tooManyLabels = OwnError(
        "too-many-labels", 422, "The resource would have too many labels",
        "A resource has at most \(LabelSyntax.maximumCount) labels.",
        remedy: "Remove some in the same patch.")
    public static let capacityExhausted = OwnError(
        "capacity-exhausted", 507, "The host has nothing left of what this needs",
        "The problem's capacity says what ran out. Waiting does not bring it back; deleting does.",
        remedy: "Delete TDs, or create this one on another host.")
    public static let keyIDLimitReached = OwnError(
        "keyid-limit-reached", 507, "You hold as many KeyIDs as you may",
        "This client's own limit is reached, not the host's; the problem's capacity says whose it is and how large.",
        remedy: "Delete TDs of yours, or ask the host's administrator for a greater limit.")

    public static let invalidSpec = OwnError(
        "invalid-spec", 422, "The spec cannot be encoded for this module",
        "A setting has no place in this module's TD_PARAMS; the violations name it.",
        remedy: "See module.cpuidConfig in /host.")
    public static let quarantined = OwnError(
        "quarantined", 500, "Something could not be freed",
        "The module refused to give pages or a KeyID back. They stay out of use, with the call that failed.",
        remedy: "Read the operation's residue and the SEAMCALL records; report it with the requestId.")

    static let ofResources = [
        unknownField, vcpuPagesReturnAtTeardown, nameTaken, wrongState, operationRunning, idempotencyKeyInFlight,
        notCancellable, cancelled, conflictingMembers, maxVcpusExceeded, unknownProcessor, unknownPage, tooManyLabels,
        capacityExhausted, keyIDLimitReached, invalidSpec, quarantined,
    ]
}
