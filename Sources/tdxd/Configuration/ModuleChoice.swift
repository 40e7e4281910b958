internal import Glibc

/// What is to execute SEAMCALLs.
enum ModuleChoice: String, CaseIterable, Sendable {
    /// The kernel shim where its device is, else the fake.
    case auto
    case fake
    case shim

    /// What `auto` means on this host: the shim where its device is, whether it can be used or not, since somebody
    /// who has it does not want to be served by a fake.
    func resolved(_ shim: ShimSettings) -> ModuleChoice {
        guard self == .auto else { return self }
        // SAFETY: the path is read during the call.
        return unsafe access(shim.device, F_OK) == 0 ? .shim : .fake
    }
}
