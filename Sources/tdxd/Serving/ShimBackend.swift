internal import ControlAPI
internal import Glibc
internal import KernelShim
internal import Logging
internal import SEAMCALLTrace
internal import TDXCalls

extension Backend {
    /// The kernel shim, with what a daemon before this one left in it.
    ///
    /// - Parameter open: how the device is opened; tests have another.
    static func shim(
        _ settings: ShimSettings, _ logger: Logger,
        open: (String) throws(ShimUnavailable) -> any ShimDevice = { (path) throws(ShimUnavailable) in
            try DeviceFile(path: path)
        }
    ) throws(Failure) -> Backend {
        do throws(ShimUnavailable) {
            let shim = try KernelShim(open(settings.device)) { error in
                logger.error(
                    "The kernel shim did not take something back", metadata: ["reason": "\(error.explanation)"])
            }
            let file = SessionFile(path: try sessionFolder(settings) + "/shim-session")
            let adoption = try shim.takeOver(file)
            logger.notice(
                "The kernel shim is open",
                metadata: [
                    "device": "\(settings.device)", "backend": "\(shim.backend)", "session": "\(shim.session.number)",
                    "sessionFile": "\(file.path)",
                ])
            if adoption.sessions > 0 {
                logger.warning(
                    "Took over what a daemon before this one left",
                    metadata: [
                        "sessions": "\(adoption.sessions)", "pages": "\(adoption.inventory.pages.count)",
                        "keyIDs": "\(adoption.inventory.keyIDs.count)", "pagesFreed": "\(adoption.pagesFreed)",
                        "keyIDsFreed": "\(adoption.keyIDsFreed)",
                    ])
            }
            var platform = TracePlatform(shim)
            // Not even a back end that has them all gives a register back that is no output of its leaf.
            platform.outputs = TracePlatform.namedOutputs
            return Backend(
                calls: shim, host: shim, identity: BackendIdentity(shim), platform: platform,
                inventory: adoption.inventory)
        } catch {
            throw Failure(error)
        }
    }

    /// The folder of the session's file, made if it is missing.
    static func sessionFolder(_ settings: ShimSettings) throws(ShimUnavailable) -> String {
        guard let folder = settings.stateDirectory else {
            throw .sessionFile(
                path: "shim-session", reason: "there is no place for it here: set --state-directory")
        }
        // SAFETY: the path is read during the call.
        guard unsafe mkdir(folder, 0o700) == 0 || errno == EEXIST else {
            throw .sessionFile(path: folder + "/shim-session", reason: "its folder cannot be made (errno \(errno))")
        }
        return folder
    }
}

extension BackendIdentity {
    fileprivate init(_ shim: KernelShim) {
        let description =
            switch shim.backend {
            case .exports: "the TDX module of this host, by the kernel's own wrappers"
            case .instruction: "the bare SEAMCALL instruction: a build for one test"
            case .upCall: "a program that plays the TDX module behind the kernel shim: nothing is protected"
            }
        self.init(
            kind: "kernelShim", description: description, isHardware: shim.backend != .upCall,
            reportsAllOutputs: shim.reportsAllOutputs)
    }
}

extension Failure {
    init(_ error: ShimUnavailable) {
        let status: ExitStatus =
            switch error {
            case .noDevice: .shimNoDevice
            case .notPermitted: .shimNotPermitted
            case .otherABI: .shimOtherABI
            case .noExports: .shimNoExports
            case .exportsRestricted: .shimExportsRestricted
            case .noPlatform: .shimNoPlatform
            case .noModule: .shimNoModule
            case .noEmulator: .shimNoEmulator
            case .noBackend, .failing: .shimFailing
            case .sessionInUse: .shimInUse
            case .sessionFile: .shimSessionFile
            }
        self.init(status, error.description)
    }
}
