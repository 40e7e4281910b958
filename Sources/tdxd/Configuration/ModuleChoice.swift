internal import Glibc

/// What is to execute SEAMCALLs.
enum ModuleChoice: String, CaseIterable, Sendable {
    /// The kernel shim where its device is, else the fake.
    case auto
    case fake
    case shim

    static let shimDevice = "/dev/tdx_shim"

    /// What `auto` means on this host.
    var resolved: ModuleChoice {
        guard self == .auto else { return self }
        // SAFETY: the path is read during the call.
        return unsafe access(Self.shimDevice, F_OK) == 0 ? .shim : .fake
    }
}
