/// What can be in the way of guest memory and of the measurement.
extension OwnError {
    public static let invalidMemory = OwnError(
        "invalid-memory", 422, "A region of guest memory cannot be as it is asked to be",
        "The violations name the member. No page was spent.",
        remedy: "Correct it.")
    public static let memoryContentFailed = OwnError(
        "memory-content-failed", 409, "The content of a region ended before the region was filled",
        "The client that sent it went away, or the image could not be read. What was added stays; see residue.",
        remedy: "Delete the TD and build it again.")
    public static let measurementDiffers = OwnError(
        "measurement-differs", 409, "The measurement is not what the manifest says",
        "The problem's difference says where they first part. Nothing was done.",
        remedy: "Correct the manifest, build the TD anew, or finalise it with force.")
    public static let lengthRequired = OwnError(
        "length-required", 411, "It must be known how long the region is",
        "A body without Content-Length does not say it.",
        remedy: "Give sizeBytes, or send Content-Length.")

    static let ofMemory = [invalidMemory, memoryContentFailed, measurementDiffers, lengthRequired]
}
