internal import ControlSchema
internal import GuestImages
internal import HTTPExchange
internal import HTTPTypes
internal import TDLifecycle

extension ControlAPI {
    static let imageRoutes: [Route] = [
        Route(.get, "/images", "listImages", .viewer, parameters: ["limit", "cursor"]) { api, call throws(Refused) in
            try api.listImages(call)
        },
        Route(
            .post, "/images", "uploadImage", .operator, parameters: ["digest", "dryRun"], bodies: .octets,
            receive: { api, upload throws(Refused) in try api.receiveImage(upload) }
        ) { api, call throws(Refused) in try api.finishImage(call) },
        Route(.get, "/images/{digest}", "getImage", .viewer) { api, call throws(Refused) in
            let (store, digest) = (try api.imageStore(), try api.imageDigest(call))
            let image = try api.images { () throws(ImageError) in try store.image(digest) }
            api.answer(call, revision: image.revision) { EncodedBody(ControlJSON.encode(ControlSchema.Image(image))) }
        },
        Route(.delete, "/images/{digest}", "deleteImage", .operator, parameters: ["dryRun"]) {
            api, call throws(Refused) in try api.deleteImage(call)
        },
    ]

    func imageStore() throws(Refused) -> ImageStore {
        guard let keptImages else { throw Refused(.noImages) }
        return keptImages
    }

    private func imageDigest(_ call: Call) throws(Refused) -> ImageDigest {
        guard let digest = ImageDigest(text: call.path("digest")) else {
            throw Refused(.notFound, "an image is called sha384: and 96 lower-case hexadecimal digits")
        }
        return digest
    }

    /// Runs a call on images that the path names, and turns its error into a problem.
    private func images<Result>(_ body: () throws(ImageError) -> Result) throws(Refused) -> Result {
        do throws(ImageError) { return try body() } catch {
            if case .noSuchImage(let digest) = error { throw Refused(.notFound, "there is no image \(digest)") }
            throw refused(error)
        }
    }

    private func listImages(_ call: Call) throws(Refused) {
        let (limit, cursor) = (try call.limit(), try call.placeCursor())
        let store = try imageStore()
        let (all, revision) = store.images
        let rest = all.drop { image in cursor.map { image.digest.place <= $0 } ?? false }
        let shown = rest.prefix(limit)
        let usage = store.usage
        let extra = #","usedBytes":\#(usage.stored + usage.uploading),"capacityBytes":\#(usage.capacity)"#
        answer(call, revision: revision) {
            EncodedBody(
                list: shown.map { EncodedBody(ControlJSON.encode(ControlSchema.Image($0))) },
                nextCursor: rest.count > limit ? shown.last.map { Cursor(place: $0.digest.place) } : nil,
                revision: revision, extra: extra)
        }
    }

    // MARK: Uploading

    private func receiveImage(_ upload: UploadHead) throws(Refused) -> any BodyReceiver {
        let store = try imageStore()
        let expected = try upload.head.expectedDigests(upload.query["digest"])
        let length = upload.lengthBytes
        let begun = try images { () throws(ImageError) in try store.upload(lengthBytes: length, expecting: expected) }
        return ImageReceiver(begun) { error in self.early(upload.head, upload.visit, self.refused(error)) }
    }

    private func finishImage(_ call: Call) throws(Refused) {
        guard let receiver = call.request.receiver as? ImageReceiver else { throw Refused(.emptyImage) }
        receiver.upload.finish(keeping: !call.isDryRun) { outcome in
            switch outcome {
            case .failure(let error): self.answer(call, self.refused(error))
            case .success(let (image, isNew)):
                let shown = ControlSchema.Image(image)
                if call.isDryRun { return self.answer(call, .ok, shown) }
                self.answer(
                    call, isNew ? .created : .ok, shown,
                    [.location: "/images/\(image.digest)", .eTag: Self.tag(image.revision)])
            }
        }
    }

    // MARK: Deleting

    private func deleteImage(_ call: Call) throws(Refused) {
        let (store, digest) = (try imageStore(), try imageDigest(call))
        let image = try images { () throws(ImageError) in try store.image(digest) }
        if let wanted = try call.ifMatch(current: { () throws(Refused) in image.revision }), wanted != image.revision {
            throw refused(LifecycleError.preconditionFailed(revision: image.revision), role: call.role)
        }
        let users = users(of: digest)
        if !users.isEmpty { throw imageInUse(digest, by: users) }
        if call.isDryRun { return answer(call, .ok, ControlSchema.Image(image)) }
        try images { () throws(ImageError) in try store.delete(digest) }
        answer(call, .ok, ControlSchema.Image(image))
    }

    private func imageInUse(_ digest: ImageDigest, by users: [String]) -> Refused {
        let some = users.prefix(Self.usersNamedMax).joined(separator: ", ")
        let more = users.count > Self.usersNamedMax ? " and \(users.count - Self.usersNamedMax) more" : ""
        var refused = Refused(.imageInUse, "\(digest) is named by \(some)\(more)")
        refused.problem.usedBy = Array(users.prefix(Self.usersNamedMax))
        return refused
    }

    private static let usersNamedMax = 100
}
