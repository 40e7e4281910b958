internal import Glibc
internal import Meters

/// What the process says of itself. The names without the daemon's are those that Prometheus gives to every process.
struct ProcessMetrics: MetricSource {
    let version: String
    let backend: String
    /// Nanoseconds since 1970.
    let startedAt: UInt64

    func write(to exposition: inout Exposition) {
        exposition.family("tdxd_build_info", .gauge, "Always 1; the labels say what is running.") {
            $0.add(["version": version, "backend": backend], 1)
        }
        exposition.family("process_start_time_seconds", .gauge, "When the process began, in seconds since 1970.") {
            $0.add([:], nanoseconds: startedAt)
        }
        var usage = rusage()
        // SAFETY: the call fills the structure it is given.
        if unsafe getrusage(RUSAGE_SELF.rawValue, &usage) == 0 {
            exposition.family("process_cpu_seconds_total", .counter, "Processor time used.") {
                $0.add([:], nanoseconds: usage.ru_utime.nanoseconds + usage.ru_stime.nanoseconds)
            }
        }
        if let resident = Self.residentBytes {
            exposition.single("process_resident_memory_bytes", .gauge, "Memory in use.", resident)
        }
    }

    /// The second number of /proc/self/statm: resident pages. Nil if the file is not there.
    private static var residentBytes: UInt64? {
        // SAFETY: the path is read during the call.
        let descriptor = unsafe open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 128)
        // SAFETY: no more is written than the array holds.
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
        let fields = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self).split(separator: " ")
        guard fields.count > 1, let pages = UInt64(fields[1]) else { return nil }
        return pages * UInt64(sysconf(Int32(_SC_PAGESIZE)))
    }
}

extension timeval {
    fileprivate var nanoseconds: UInt64 { UInt64(tv_sec) * 1_000_000_000 + UInt64(tv_usec) * 1_000 }
}
