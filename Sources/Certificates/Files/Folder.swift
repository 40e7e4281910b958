internal import Glibc

/// What is done to folders that nobody else is in.
enum Folder {
    static func exists(_ path: String) -> Bool {
        var status = stat()
        // SAFETY: the path and the structure live through the call.
        return unsafe lstat(path, &status) == 0
    }

    /// Makes a folder; what is above it must exist.
    static func make(_ path: String) throws(CertificateError) {
        // SAFETY: the path lives through the call.
        guard unsafe mkdir(path, FileWriting.folderMode) == 0 else {
            throw CertificateError(errno == EEXIST ? .alreadyExists : SystemCall.failure("make the folder"), file: path)
        }
    }

    /// Moves a folder to where nothing or an empty folder is.
    static func move(_ path: String, to target: String) throws(CertificateError) {
        // SAFETY: both paths live through the call.
        guard unsafe rename(path, target) == 0 else {
            throw CertificateError(SystemCall.failure("move \(path) there"), file: target)
        }
    }

    /// The most names read of one folder.
    static let namesMax = 100_000

    /// The names in a folder, sorted; hidden ones left out.
    static func names(in path: String) throws(CertificateError) -> [String] {
        // SAFETY: the stream is opened, read and closed here; a name is copied before the next is read.
        guard let stream = unsafe opendir(path) else {
            throw CertificateError(SystemCall.failure("open the folder"), file: path)
        }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            guard names.count < namesMax else { throw CertificateError(.tooManyEntries(limit: namesMax), file: path) }
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
                unsafe $0.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { unsafe String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }

    /// Removes a folder and the files in it, and in folders directly in it: what an attempt left.
    static func remove(_ path: String) {
        // What cannot be listed is not there or not ours.
        for name in (try? names(in: path)) ?? [] {
            let inner = path + "/" + name
            // SAFETY: the paths live through the calls.
            if unsafe unlink(inner) != 0 {
                for name in (try? names(in: inner)) ?? [] { unsafe unlink(inner + "/" + name) }
                unsafe rmdir(inner)
            }
        }
        unsafe rmdir(path)
    }
}
