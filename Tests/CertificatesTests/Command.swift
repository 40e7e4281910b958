import FoundationEssentials
import Glibc

struct CommandFailure: Error, CustomStringConvertible {
    let description: String
}

/// Runs a command, waits for it and returns all it wrote.
///
/// - Throws: what it wrote, when it ends with anything but 0.
@discardableResult
func run(_ arguments: String...) throws -> String { try run(arguments) }

@discardableResult
func run(_ arguments: [String]) throws -> String {
    let quoted = arguments.map { "'" + $0.replacing("'", with: "'\\''") + "'" }
    // SAFETY: the stream is opened, read and closed by this function alone; the buffer is as long as said.
    guard let stream = unsafe popen("exec " + quoted.joined(separator: " ") + " 2>&1 </dev/null", "r") else {
        throw CommandFailure(description: "cannot start \(arguments)")
    }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
        let count = unsafe fread(&buffer, 1, buffer.count, stream)
        guard count > 0 else { break }
        bytes += buffer[..<count]
    }
    let output = String(decoding: bytes, as: UTF8.self)
    guard unsafe pclose(stream) == 0 else { throw CommandFailure(description: "\(arguments): \(output)") }
    return output
}

/// A folder that is gone when nothing refers to it any more.
final class Scratch: Sendable {
    let path: String

    init() throws {
        let name = "tdxd-certificates-" + String(UInt64.random(in: 0 ... .max), radix: 36)
        let url = FileManager.default.temporaryDirectory.appending(path: name)
        try FileManager.default.createDirectory(
            at: url, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        path = url.path
    }

    deinit {
        // Nothing can be done about a folder that will not go; the system clears this place by itself.
        try? FileManager.default.removeItem(atPath: path)
    }

    func file(_ name: String) -> String { path + "/" + name }

    @discardableResult
    func write(_ bytes: [UInt8], to name: String) throws -> String {
        try Data(bytes).write(to: URL(filePath: file(name)))
        return file(name)
    }

    @discardableResult
    func write(_ text: String, to name: String) throws -> String { try write(Array(text.utf8), to: name) }
}

/// The bytes of a file.
func bytes(of path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(filePath: path))) }

/// The permission bits of a file.
func mode(of path: String) throws -> UInt32 {
    var status = stat()
    // SAFETY: the path and the structure live through the call.
    guard unsafe lstat(path, &status) == 0 else { throw CommandFailure(description: "no \(path)") }
    return status.st_mode & 0o7777
}

func setMode(of path: String, to mode: UInt32) throws {
    // SAFETY: the path lives through the call.
    guard unsafe chmod(path, mode) == 0 else { throw CommandFailure(description: "no \(path)") }
}
