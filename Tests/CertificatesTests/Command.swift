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
