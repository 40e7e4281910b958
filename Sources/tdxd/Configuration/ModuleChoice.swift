internal import Glibc

/// What is to execute SEAMCALLs.
enum ModuleChoice: Hashable, Sendable {
    /// The kernel shim where its device is, else the fake.
    case auto
    case fake
    /// The fake of another process, on its socket: `fake:/run/fake.sock`.
    case servedFake(path: String)
    case shim

    private static let servedPrefix = "fake:"

    init(_ text: String) throws(ItemFault) {
        switch text {
        case "auto": self = .auto
        case "fake": self = .fake
        case "shim": self = .shim
        default:
            guard text.hasPrefix(Self.servedPrefix), text.count > Self.servedPrefix.count else {
                throw ItemFault("must be auto, fake, fake:SOCKET or shim")
            }
            self = .servedFake(path: String(text.dropFirst(Self.servedPrefix.count)))
        }
    }

    /// What `auto` means on this host: the shim where its device is, whether it can be used or not, since somebody
    /// who has it does not want to be served by a fake.
    func resolved(_ shim: ShimSettings) -> ModuleChoice {
        guard self == .auto else { return self }
        // SAFETY: the path is read during the call.
        return unsafe access(shim.device, F_OK) == 0 ? .shim : .fake
    }
}
