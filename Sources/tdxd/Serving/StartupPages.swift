internal import FoundationEssentials
internal import Glibc

/// The pages of our program and its libraries, most of which only the start needed: wherever one byte is touched, the
/// system maps all that lies around it, and it counts them as ours for as long as we live.
enum StartupPages {
    private static let mappings = "/proc/self/smaps"

    /// Gives back what can be had again from the system's cache of files at any time, and is when it is touched. Does
    /// nothing where the system does not tell what is mapped.
    static func giveBack() {
        // Only memory is lost by not doing it.
        guard let text = try? Data(contentsOf: URL(filePath: mappings)) else { return }
        for range in unchanged(in: String(decoding: text, as: UTF8.self)) {
            // SAFETY: nobody has written there and nobody can; a thread that runs or reads there waits a moment for the
            // same bytes.
            _ = unsafe madvise(UnsafeMutableRawPointer(bitPattern: range.lowerBound), range.count, MADV_DONTNEED)
        }
    }

    /// The mappings of files that cannot be written and hold nothing but what is in the file.
    ///
    /// - Parameter text: as proc(5) describes `smaps`: a line with range, rights and path for each mapping, and behind
    ///   it a line for each figure.
    static func unchanged(in text: String) -> [Range<UInt>] {
        var found: [Range<UInt>] = []
        var candidate: Range<UInt>?
        for line in text.utf8.split(separator: UInt8(ascii: "\n")) {
            let words = line.split(separator: UInt8(ascii: " "))
            guard let first = words.first else { continue }
            if first.last == UInt8(ascii: ":") {
                guard let range = candidate, first.elementsEqual("Anonymous:".utf8) else { continue }
                candidate = nil
                if words.count > 1, words[1].elementsEqual("0".utf8) { found.append(range) }
            } else {
                candidate = isFixed(words) ? range(first) : nil
            }
        }
        return found
    }

    private static func isFixed(_ words: [Substring.UTF8View]) -> Bool {
        words.count > 5 && words[5].first == UInt8(ascii: "/") && words[1].last == UInt8(ascii: "p")
            && !words[1].contains(UInt8(ascii: "w"))
    }

    private static func range(_ text: Substring.UTF8View) -> Range<UInt>? {
        let ends = text.split(separator: UInt8(ascii: "-")).map { UInt(Substring($0), radix: 16) }
        guard ends.count == 2, let start = ends[0], let end = ends[1], start < end else { return nil }
        return start..<end
    }
}
