import FoundationEssentials

/// A folder of a test's own, gone with all it holds when nothing refers to it any more.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        let name = "tdxd-daemon-" + String(UInt64.random(in: 0 ... .max), radix: 36)
        let url = FileManager.default.temporaryDirectory.appending(path: name)
        try FileManager.default.createDirectory(
            at: url, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        path = url.path
    }

    deinit {
        // Nothing can be done about a folder that will not go; the system clears this place by itself.
        try? FileManager.default.removeItem(atPath: path)
    }
}
