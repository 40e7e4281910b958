internal import ArgumentParser
internal import FoundationEssentials

struct CheckConfig: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check-config",
        abstract: "Print each setting in force and where it comes from, or the first error.")

    @OptionGroup var options: ServeOptions

    func run() throws {
        do throws(ConfigurationError) {
            let sources = try options.sources(environment: ProcessInfo.processInfo.environment)
            let values = try sources.effective()
            let settings = try Settings(values)
            LineOutput.standardOutput.write(values.report + "\n")
            for variable in sources.unknownVariables {
                LineOutput.standardError.write("tdxd: \(variable): no setting has this variable\n")
            }
            if let files = settings.tlsFiles {
                do throws(TLSFault) { _ = try TLSMaterial(reading: files) } catch { throw ConfigurationError(error) }
            }
        } catch {
            LineOutput.standardError.write("tdxd: \(error)\n")
            throw ExitCode(error.exit.rawValue)
        }
    }
}
