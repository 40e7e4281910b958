import ControlAPI
import Glibc
import TestFolders
import Testing
import Threading

@testable import tdxd

@Suite("The audit file")
struct AuditFileTests {
    private func contents(_ path: String) -> String? {
        // SAFETY: the path is read during the call.
        let descriptor = unsafe open(path, O_RDONLY)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        // SAFETY: no more is written than the array holds.
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }

    @Test("It is made for us alone, appended to, and kept when it is there")
    func appending() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/audit"
        try AuditFile(path: path).write(Array("one\n".utf8))
        try AuditFile(path: path).write(Array("two\n".utf8))
        #expect(contents(path) == "one\ntwo\n")
        var status = stat()
        // SAFETY: the call fills the structure it is given.
        #expect(unsafe stat(path, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)
    }

    @Test("After a rotation it goes on at its path; when that cannot be opened, where it was")
    func reopening() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/audit"
        let file = try AuditFile(path: path)
        try file.write(Array("one\n".utf8))
        // SAFETY: the paths are read during the call.
        #expect(unsafe rename(path, path + ".1") == 0)
        try file.write(Array("two\n".utf8))
        try file.reopen()
        try file.write(Array("three\n".utf8))
        #expect(contents(path + ".1") == "one\ntwo\n")
        #expect(contents(path) == "three\n")
        // SAFETY: the paths are read during the calls.
        #expect(unsafe unlink(path) == 0 && mkdir(path, 0o700) == 0)
        #expect(throws: AuditFailure("\(path): cannot be opened for appending: it is a directory")) {
            try file.reopen()
        }
        try file.write(Array("four\n".utf8))
        // SAFETY: as above.
        unsafe rmdir(path)
    }

    @Test("What cannot be opened says why")
    func refusals() {
        let path = "/nonexistent/audit"
        #expect(throws: AuditFailure("\(path): cannot be opened for appending: there is no such directory")) {
            try AuditFile(path: path)
        }
    }

    @Test("A full device refuses every line")
    func fullDevice() throws {
        let file = try AuditFile(path: "/dev/full")
        #expect(throws: AuditFailure("no space is left on the device")) { try file.write(Array("one\n".utf8)) }
    }

    @Test("A pipe that is full blocks nobody, and a line after a torn one begins anew")
    func pipes() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/pipe"
        // SAFETY: the path is read during the call.
        #expect(unsafe mkfifo(path, 0o600) == 0)
        #expect(throws: AuditFailure("\(path): cannot be opened for appending: nobody reads the pipe")) {
            try AuditFile(path: path)
        }
        // SAFETY: the path is read during the call.
        let reader = unsafe open(path, O_RDONLY | O_NONBLOCK)
        defer { close(reader) }
        let file = try AuditFile(path: path)
        // More than a pipe takes: a part of it is in, the rest is not.
        let long = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20)
        #expect(throws: AuditFailure.self) { try file.write(long) }
        #expect(throws: AuditFailure("the reader of the pipe is too slow")) { try file.write(Array("y\n".utf8)) }
        var bytes = [UInt8](repeating: 0, count: 1 << 21)
        // SAFETY: no more is written than the array holds.
        _ = unsafe bytes.withUnsafeMutableBytes { unsafe read(reader, $0.baseAddress, $0.count) }
        try file.write(Array("next\n".utf8))
        // SAFETY: as above.
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe read(reader, $0.baseAddress, $0.count) }
        #expect(String(decoding: bytes.prefix(count), as: UTF8.self) == "\nnext\n")
    }

    @Test("Lines of several threads stay whole")
    func threads() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/audit"
        let file = try AuditFile(path: path)
        let threads = (0..<4).map { number in
            Threading.Thread {
                let line = [UInt8](repeating: UInt8(ascii: "a") + UInt8(number), count: 200) + [UInt8(ascii: "\n")]
                for turn in 0..<100 {
                    try? file.write(line)
                    if turn == 50 { try? file.reopen() }
                }
            }
        }
        for thread in threads { thread.join() }
        let lines = (contents(path) ?? "").split(separator: "\n")
        #expect(lines.count == 400)
        #expect(lines.allSatisfy { $0.count == 200 && Set($0).count == 1 })
    }
}
