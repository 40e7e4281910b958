internal import GuestImages
internal import Meters

/// What the directory of images holds.
struct ImageMetrics: MetricSource {
    let store: ImageStore

    func write(to exposition: inout Exposition) {
        let usage = store.usage
        exposition.single("tdxd_images", .gauge, "Guest images on disk.", UInt64(usage.images))
        exposition.family("tdxd_image_bytes", .gauge, "Bytes of guest images on disk, by what they are.") {
            $0.add(["state": "stored"], usage.stored)
            $0.add(["state": "uploading"], usage.uploading)
        }
        exposition.single("tdxd_image_capacity_bytes", .gauge, "Bytes that guest images may have.", usage.capacity)
    }
}
