import FoundationEssentials
import Glibc

/// What a command said and how it ended.
struct CommandAnswer: Sendable {
    /// The exit code, or 128 and the number of the signal.
    let status: Int32
    /// Standard output and standard error, in the order written.
    let output: String
}

struct CommandFailure: Error, CustomStringConvertible {
    let answer: CommandAnswer

    var description: String { "exit code \(answer.status): \(answer.output)" }
}

/// Runs a command and waits for it.
func run(_ arguments: [String]) throws -> CommandAnswer {
    let quoted = arguments.map { "'" + $0.replacing("'", with: "'\\''") + "'" }
    let line = "exec " + quoted.joined(separator: " ") + " 2>&1 </dev/null"
    // SAFETY: the stream is opened, read and closed by this function alone; the buffer is as long as said.
    guard let stream = unsafe popen(line, "r") else {
        throw CommandFailure(answer: CommandAnswer(status: errno, output: "cannot start \(arguments)"))
    }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
        let count = unsafe fread(&buffer, 1, buffer.count, stream)
        guard count > 0 else { break }
        bytes += buffer[..<count]
    }
    let wait = unsafe pclose(stream)
    let signal = wait & 0x7f
    return CommandAnswer(
        status: signal == 0 ? wait >> 8 & 0xff : 128 + signal, output: String(decoding: bytes, as: UTF8.self))
}
