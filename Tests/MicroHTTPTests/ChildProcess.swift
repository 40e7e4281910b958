import Glibc
import Threading

/// A program of the system's, such as curl, talked to through a pair of sockets.
final class ChildProcess: @unchecked Sendable {
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    private static let stream: Int32 = 1 | 0o2_000_000  // SOCK_STREAM, SOCK_CLOEXEC: as in `RawClient`
    private static let shutWriting: Int32 = 1

    private let process: pid_t
    private let descriptor: Int32
    private var received: [UInt8] = []
    private var status: Int32?

    /// Both streams of the program's output come as one.
    init(_ arguments: [String]) throws {
        var pair: [Int32] = [-1, -1]
        // SAFETY: the call writes two descriptors, which no other child inherits.
        guard unsafe socketpair(AF_UNIX, Self.stream, 0, &pair) == 0 else {
            throw Failure(description: "socketpair: errno \(errno)")
        }
        var process = pid_t()
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        for stream in 0...2 as ClosedRange<Int32> {
            unsafe posix_spawn_file_actions_adddup2(&actions, pair[1], stream)
        }
        var words = unsafe arguments.map { unsafe strdup($0) } + [nil]
        // SAFETY: the words are C strings of our own, ended by a null pointer, and freed once the child has its copy.
        let failed = unsafe posix_spawnp(&process, arguments[0], &actions, nil, &words, environ)
        for index in unsafe words.indices { unsafe free(words[index]) }
        unsafe posix_spawn_file_actions_destroy(&actions)
        close(pair[1])
        (descriptor, self.process) = (pair[0], process)
        if failed != 0 { throw Failure(description: "\(arguments[0]): errno \(failed)") }
    }

    deinit {
        close(descriptor)
        if status == nil {
            kill(process, SIGKILL)
            _ = wait()
        }
    }

    func write(_ text: String) {
        let bytes = [UInt8](text.utf8)
        // SAFETY: as many bytes as the array has.
        unsafe bytes.withUnsafeBytes {
            _ = unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
    }

    func closeInput() { shutdown(descriptor, Self.shutWriting) }

    /// Everything that has come so far.
    var text: String { String(decoding: received, as: UTF8.self) }

    /// Reads until the output contains `text`; false at its end, or when nothing comes for half a minute.
    func read(until text: String) -> Bool {
        let searched = Array(text.utf8)
        while received.firstRange(of: searched) == nil {
            guard readMore() else { return false }
        }
        return true
    }

    private func readMore() -> Bool {
        var awaited = [pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)]
        // SAFETY: one entry.
        guard unsafe poll(&awaited, 1, 30_000) > 0 else { return false }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        // SAFETY: as many bytes as the array has.
        let count = unsafe Glibc.read(descriptor, &buffer, buffer.count)
        if count > 0 { received += buffer[..<count] }
        return count > 0
    }

    private func wait() -> Int32 {
        var result: Int32 = 0
        // SAFETY: the call writes one Int32.
        while unsafe waitpid(process, &result, 0) < 0, errno == EINTR {}
        return result & 0x7F == 0 ? (result >> 8) & 0xFF : 128 + result & 0x7F
    }

    /// Reads the output to its end and gives the exit status.
    func finish() -> Int32 {
        while readMore() {}
        if let status { return status }
        let result = wait()
        status = result
        return result
    }

    /// Runs a program to its end.
    static func run(_ arguments: [String], input: String = "") throws -> (status: Int32, output: String) {
        let child = try ChildProcess(arguments)
        child.write(input)
        child.closeInput()
        let status = child.finish()
        return (status, child.text)
    }
}
