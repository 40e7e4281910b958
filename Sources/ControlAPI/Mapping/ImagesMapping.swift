internal import ControlSchema
internal import GuestImages
internal import TDLifecycle

extension ControlSchema.Image {
    init(_ image: GuestImages.Image) {
        let (state, reason): (ImageState, String?) =
            switch image.check {
            case .passed: (.ready, nil)
            case .pending: (.unchecked, nil)
            case .failed(let reason): (.damaged, reason)
            }
        let isKept = image.revision > 0
        self.init(
            digest: image.digest.description, sizeBytes: Int(clamping: image.sizeBytes), state: state, reason: reason,
            createdAt: isKept ? Timestamp(WallTime(nanosecondsSince1970: image.createdAt)) : nil,
            lastUsedAt: isKept ? Timestamp(WallTime(nanosecondsSince1970: image.lastUsedAt)) : nil,
            revision: image.revision, links: isKept ? ["self": "/images/\(image.digest)"] : [:])
    }
}

extension ControlAPI {
    /// Why an image could not be read, in words.
    static func text(of error: ImageError) -> String {
        switch error {
        case .damaged(let digest, let reason): "\(digest): \(reason)"
        case .noSuchImage(let digest): "there is no image \(digest)"
        case .disk(let reason): reason
        default: "\(error)"
        }
    }

    /// - Parameter pointer: the request's member that names the image, if one does.
    func refused(_ error: ImageError, pointer: String? = nil) -> Refused {
        var refused: Refused
        switch error {
        case .noSuchImage(let digest):
            refused = Refused(.unknownImage, "there is no image \(digest)")
        case .damaged(let digest, let reason):
            refused = Refused(.imageDamaged, "\(digest): \(reason)")
            refused.problem.links = ["image": "/images/\(digest)"]
        case .inUse(let digest):
            refused = Refused(.imageInUse, "an operation is about to read \(digest)")
        case .capacityReached(let limit, let used, let requested):
            refused = Refused(
                .imageStorageFull, "\(requested) bytes are needed; of \(limit), \(used) are taken and cannot be freed")
            refused.problem.capacity = CapacityShortage(
                resource: .imageBytes, limit: Int(clamping: limit), used: Int(clamping: used), quarantined: 0,
                foreign: 0)
        case .tooLarge(let limit):
            refused = Refused(.payloadTooLarge, "images may have \(limit) bytes, all of them together")
        case .deviceFull:
            refused = Refused(.imageStorageFull, "no space is left on the device of the directory of images")
        case .digestMismatch(let algorithm, let expected, let actual):
            refused = Refused(.digestMismatch, "the body's \(algorithm) is \(actual); the request says \(expected)")
        case .empty: refused = Refused(.emptyImage)
        case .tooManyUploads(let limit): refused = Refused(.tooManyUploads, "\(limit) uploads are under way")
        case .incomplete: refused = Refused(.malformedRequest, "the body is not as long as Content-Length says")
        case .disk(let reason): refused = Refused(.imageStorageFailed, reason)
        }
        if let pointer {
            refused.problem.violations = [Violation(pointer: pointer, reason: refused.problem.detail ?? "")]
        }
        return refused
    }
}

extension ImageDigest {
    /// Its first 128 bits, by which lists are cut: nobody has two images that agree in them.
    var place: UInt128 { UInt128(hex.prefix(32), radix: 16) ?? 0 }
}
