/// What can be in the way of an image.
extension OwnError {
    public static let unknownImage = OwnError(
        "unknown-image", 422, "There is no such image",
        "A region names an image that is not here, or not any more.",
        remedy: "Send it with POST /images; see GET /images for those that are here.")
    public static let imageDamaged = OwnError(
        "image-damaged", 409, "The image's file does not hold what its digest names",
        "It was changed on disk behind the daemon's back, or the disk has lost some of it. It is not used.",
        remedy: "Send the image again, or delete it.")
    public static let imageInUse = OwnError(
        "image-in-use", 409, "The image is in use",
        "A TD that is not deleted has a region that names it, or an operation is about to read it.",
        remedy: "Delete the TDs that the problem's usedBy names, or wait.")
    public static let digestMismatch = OwnError(
        "digest-mismatch", 422, "The bytes that came are not those that were announced",
        "The digest that the request gives is not that of its body.",
        remedy: "Send the image again.")
    public static let emptyImage = OwnError(
        "empty-image", 422, "The image has no bytes",
        "An image has one byte at least.",
        remedy: "Send the image as the body.")
    public static let tooManyUploads = OwnError(
        "too-many-uploads", 503, "Too many images are being sent",
        "As many uploads are under way as may be at once.",
        remedy: "Try again after Retry-After seconds.", retryable: true)
    public static let imageStorageFull = OwnError(
        "image-storage-full", 507, "There is no room for the image",
        "The cap on images is reached and all that could go is in use, or the disk itself is full.",
        remedy: "Delete images or the TDs that use them, or raise --images-capacity.")
    public static let imageStorageFailed = OwnError(
        "image-storage-failed", 500, "The disk failed under an image",
        "The daemon could not read or write in its directory of images.",
        remedy: "See the daemon's log; check the file system of --images-directory.")
    public static let noImages = OwnError(
        "no-images", 501, "This daemon keeps no images",
        "It was put together without a directory for them.",
        remedy: "Send the memory with POST /tds/{id}/memory.")

    static let ofImages = [
        unknownImage, imageDamaged, imageInUse, digestMismatch, emptyImage, tooManyUploads, imageStorageFull,
        imageStorageFailed, noImages,
    ]
}
