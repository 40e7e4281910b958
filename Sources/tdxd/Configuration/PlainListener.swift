internal import ControlAPI

/// Plain HTTP on a loopback address, where everybody has one role: `127.0.0.1:8080,role=viewer`,
/// `[::1]:8080,role=lab`. Port 0 lets the system choose.
struct PlainListener: Hashable, Sendable {
    let address: String
    let port: UInt16
    let role: Role

    /// What the listener is called in the log and in the access policy.
    var name: String { "plain-\(address):\(port)" }

    init(_ text: String) throws(ItemFault) {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[1].hasPrefix(Self.rolePrefix) else {
            throw ItemFault("must read ADDRESS:PORT,role=ROLE")
        }
        guard let colon = parts[0].lastIndex(of: ":"), let port = UInt16(parts[0][parts[0].index(after: colon)...])
        else { throw ItemFault("must have a port between 0 and 65535") }
        var address = parts[0][..<colon]
        if address.hasPrefix("["), address.hasSuffix("]") {
            address = address.dropFirst().dropLast()
        } else if address.contains(":") {
            throw ItemFault("an IPv6 address stands in brackets")
        }
        guard !address.isEmpty else { throw ItemFault("must have an address") }
        self.address = String(address)
        self.port = port
        role = try Role(named: parts[1].dropFirst(Self.rolePrefix.count))
    }

    private static let rolePrefix = "role="
}
