import FoundationEssentials

/// A folder of a test's own, gone with all it holds when nothing refers to it any more.
public final class TemporaryFolder: Sendable {
    public let path: String

    public init() throws {
        let name = "tdxd-test-" + String(UInt64.random(in: 0 ... .max), radix: 36)
        let url = FileManager.default.temporaryDirectory.appending(path: name)
        try FileManager.default.createDirectory(
            at: url, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        path = url.path
    }

    deinit {
        // Nothing can be done about a folder that will not go; the system clears this place by itself.
        try? FileManager.default.removeItem(atPath: path)
    }

    public func file(_ name: String) -> String { path + "/" + name }

    /// - Returns: where the file is.
    @discardableResult
    public func write(_ bytes: [UInt8], to name: String) throws -> String {
        try Data(bytes).write(to: URL(filePath: file(name)))
        return file(name)
    }

    /// - Returns: where the file is.
    @discardableResult
    public func write(_ text: String, to name: String) throws -> String { try write(Array(text.utf8), to: name) }
}
