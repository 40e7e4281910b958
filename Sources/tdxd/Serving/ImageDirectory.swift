internal import Glibc
internal import GuestImages
internal import Logging

/// The directory of images, for as long as the daemon runs.
struct ImageDirectory: Sendable {
    let store: ImageStore
    private let isTemporary: Bool

    /// - Throws: if a directory that was asked for cannot be used, or there is none at all.
    init(_ settings: ImageSettings, _ logger: Logger) throws(Failure) {
        if let directory = settings.directory {
            do throws(ImageError) {
                store = try ImageStore(directory: directory, limits: settings.limits)
                isTemporary = false
                return
            } catch {
                let reason = Self.reason(error)
                if settings.isChosen { throw Failure(.configuration, "\(Setting.imagesDirectory.flag): \(reason)") }
                logger.warning(
                    "Images are kept in a temporary directory: the usual one cannot be used",
                    metadata: ["reason": "\(reason)"])
            }
        }
        let directory = try Self.temporary()
        do throws(ImageError) {
            store = try ImageStore(directory: directory, limits: settings.limits)
            isTemporary = true
        } catch {
            throw Failure(.configuration, "\(Setting.imagesDirectory.flag): \(Self.reason(error))")
        }
    }

    /// Writes no more. What was only for this process goes with it.
    func close() {
        store.stop()
        if isTemporary { store.deleteDirectory() }
    }

    private static func reason(_ error: ImageError) -> String {
        switch error {
        case .disk(let reason): reason
        case .deviceFull: "no space is left on the device"
        default: "\(error)"
        }
    }

    private static func temporary() throws(Failure) -> String {
        let base = environment("TMPDIR") ?? "/tmp"
        var path = Array((base + "/tdxd-images-" + String(repeating: "X", count: 6)).utf8CString)
        // SAFETY: a NUL-terminated template of our own, which the call fills in.
        let made = unsafe path.withUnsafeMutableBufferPointer { buffer -> String? in
            guard let start = buffer.baseAddress, unsafe mkdtemp(start) != nil else { return nil }
            return unsafe String(cString: start)
        }
        guard let made else {
            throw Failure(.configuration, "\(Setting.imagesDirectory.flag): no directory can be made in \(base)")
        }
        return made
    }

    private static func environment(_ name: String) -> String? {
        // SAFETY: the string is copied at once, and nothing here changes the environment.
        unsafe getenv(name).map { unsafe String(cString: $0) }
    }
}
