/// The daemon's own version, for `--version`, `/host` and the log.
enum Version {
    static let current = "0.1.0"
}
