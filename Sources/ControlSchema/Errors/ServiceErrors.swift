/// What can be wrong on our side.
extension OwnError {
    public static let internalError = OwnError(
        "internal-error", 500, "The daemon has a fault",
        "Something happened that should be impossible. The log has the request's id.",
        remedy: "Report it with the requestId.")
    public static let moduleLacksLeaf = OwnError(
        "module-lacks-leaf", 501, "This TDX module has no such leaf",
        "The leaf, or the version of it that the request needs, is not in this module.",
        remedy: "See leaves in /host.")
    public static let moduleLacksVpInitV1 = OwnError(
        "module-lacks-vp-init-v1", 501, "This TDX module takes no x2APIC ids",
        "TDH.VP.INIT version 1 came with a later module; TDX_FEATURES0 bit 20 tells.",
        remedy: "Leave the x2APIC ids out.")
    public static let backendLacksLeaf = OwnError(
        "backend-lacks-leaf", 501, "This back end cannot issue the leaf",
        "The module may have the leaf, but the way to it does not carry it.",
        remedy: "See leaves in /host.")
    public static let backendIsNoFake = OwnError(
        "backend-is-no-fake", 501, "This back end is not the fake module",
        "What lies below /fake is about the software model of the module, and this daemon talks to another.",
        remedy: "See backend in /host.")
    public static let notReady = OwnError(
        "not-ready", 503, "The daemon is not ready",
        "It is still starting, or the TDX module is not ready.",
        remedy: "Try again after Retry-After seconds; see /readyz.", retryable: true)
    public static let draining = OwnError(
        "draining", 503, "The daemon is stopping",
        "It finishes what it has begun and takes no new work.",
        remedy: "Try again when it has been started again.", retryable: true)
    public static let busy = OwnError(
        "busy", 503, "The module stayed busy",
        "A call was refused for now as often as the retry budget allows.",
        remedy: "Try again after Retry-After seconds.", retryable: true)

    public static let unknownCompletion = OwnError(
        "unknown-completion", 500, "The module answered with a code that has no name here",
        "A newer module may have codes that this version's table lacks; the problem carries it in hexadecimal.",
        remedy: "Look the code up in the module's specification.")

    static let ofService = [
        unknownCompletion, internalError, moduleLacksLeaf, moduleLacksVpInitV1, backendLacksLeaf, backendIsNoFake,
        notReady,
        draining, busy,
    ]
}
