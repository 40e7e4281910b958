/// Who may import whom: section 4 of the architecture, as data.
///
/// A room is a folder in `Sources/`. Whoever builds a new one adds its row, and says why where the row
/// departs from the architecture.
struct RoomRule {
    let name: String
    /// Rooms it may import. `Threading` is granted to all that come after it.
    let rooms: Set<String>
    /// Modules from outside the house.
    let outside: Set<String>

    init(_ name: String, _ rooms: Set<String> = [], outside: Set<String> = []) {
        self.name = name
        self.rooms = rooms
        self.outside = outside
    }

    /// Part of the standard library, for its atomics.
    static let standard: Set<String> = ["Synchronization"]

    static let all: [RoomRule] = [
        // C: a module map and headers. No Swift, so nothing to import.
        RoomRule("CMicroHTTPD"), RoomRule("COpenSSL"), RoomRule("CTDXShim"),
        // Kernel C, built by Kbuild; no target of the package.
        RoomRule("KernelModule"),

        // Locks, threads and the clock, over pthreads: the one room that all may enter.
        RoomRule("Threading", outside: ["Glibc"]),
        RoomRule("TDXCalls", ["Threading"]),
        // A room of its own: what counts is asked for by the API, wraps a port, and knows neither HTTP nor the engine.
        RoomRule("Meters", ["TDXCalls", "Threading"]),
        RoomRule("FakeTDX", ["TDXCalls", "Digests", "Threading"]),
        RoomRule("KernelShim", ["CTDXShim", "TDXCalls", "Threading"], outside: ["Glibc"]),
        // CTDXShim: its messages are those of the shim's up-call device, which it also serves.
        RoomRule("FakeTransport", ["CTDXShim", "TDXCalls", "Threading"], outside: ["Glibc"]),
        RoomRule("SEAMCALLTrace", ["TDXCalls", "Threading"], outside: ["FoundationEssentials"]),
        // A room of its own: recordings know nothing of the fake, nor the fake of recordings, and both the daemon and
        // the tests replay. FakeTransport: also on a fake in another process.
        RoomRule(
            "FakeReplay", ["TDXCalls", "FakeTDX", "FakeTransport", "SEAMCALLTrace", "Threading"],
            outside: ["FoundationEssentials"]),
        // A room of its own: neither the device nor recordings know of the other.
        RoomRule("ShimReplay", ["KernelShim", "SEAMCALLTrace", "TDXCalls", "Threading"]),
        RoomRule("Digests", ["COpenSSL", "Threading"]),
        // A room of its own: files under a cap, which know nothing of TDs nor of HTTP. Glibc: modes, locks and renames.
        RoomRule("GuestImages", ["Digests", "Threading"], outside: ["Glibc"]),
        RoomRule("TDLifecycle", ["TDXCalls", "Digests", "Threading"], outside: ["Logging"]),
        RoomRule("LifecycleJournal", ["TDLifecycle", "Threading"], outside: ["GRDB"]),
        RoomRule("HTTPExchange", ["Threading"], outside: ["HTTPTypes"]),
        // Glibc: it writes keys to disk, with modes, locks and renames.
        RoomRule("Certificates", ["COpenSSL", "Threading"], outside: ["Glibc"]),
        // Glibc and HTTPTypes: it owns sockets, and speaks the exchange's vocabulary, whose words are HTTPTypes'.
        RoomRule(
            "MicroHTTP", ["CMicroHTTPD", "HTTPExchange", "Certificates", "Threading"],
            outside: ["Logging", "HTTPTypes", "Glibc"]),
        RoomRule("ControlSchema", outside: ["FoundationEssentials"]),
        // HTTPTypes: a handler names methods, statuses and header fields; the exchange hands them on as they are.
        RoomRule(
            "ControlAPI",
            ["HTTPExchange", "ControlSchema", "GuestImages", "Meters", "TDLifecycle", "TDXCalls", "Threading"],
            outside: ["Logging", "HTTPTypes"]),
        RoomRule("ControlClient", ["ControlSchema", "Threading"], outside: ["FoundationEssentials", "HTTPTypes"]),

        // The executables put the rooms together. Glibc: signals, and exit codes.
        RoomRule("tdxd", everyRoom, outside: executables),
        RoomRule("tdxctl", everyRoom, outside: executables),
    ]

    private static let everyRoom: Set<String> = [
        "Threading", "TDXCalls", "FakeTDX", "KernelShim", "FakeTransport", "SEAMCALLTrace", "Digests", "TDLifecycle",
        "LifecycleJournal", "HTTPExchange", "Certificates", "MicroHTTP", "ControlSchema", "ControlAPI", "ControlClient",
        "FakeReplay", "GuestImages", "Meters", "ShimReplay",
    ]
    private static let executables: Set<String> = [
        "ArgumentParser", "Configuration", "FoundationEssentials", "Glibc", "Logging",
    ]
}
