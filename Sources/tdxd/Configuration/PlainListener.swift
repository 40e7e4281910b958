internal import ControlAPI

/// Plain HTTP on a loopback address, where everybody has one role: `127.0.0.1:8080,role=viewer`,
/// `[::1]:8080,role=lab`. Port 0 lets the system choose.
struct PlainListener: Hashable, Sendable {
    let place: ListenPlace
    let role: Role

    var address: String { place.address }
    var port: UInt16 { place.port }

    /// What the listener is called in the log and in the access policy.
    var name: String { "plain-\(address):\(port)" }

    init(_ text: String) throws(ItemFault) {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[1].hasPrefix(Self.rolePrefix) else {
            throw ItemFault("must read ADDRESS:PORT,role=ROLE")
        }
        place = try ListenPlace(parts[0])
        role = try Role(named: parts[1].dropFirst(Self.rolePrefix.count))
    }

    private static let rolePrefix = "role="
}
