/// Where a TCP listener listens: `127.0.0.1:8080`, `[::1]:8443`. Port 0 lets the system choose.
struct ListenPlace: Hashable, Sendable {
    /// Numeric, without brackets.
    let address: String
    let port: UInt16

    init(_ text: some StringProtocol) throws(ItemFault) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...])
        else { throw ItemFault("must have a port between 0 and 65535") }
        var address = String(text[..<colon])
        if address.hasPrefix("["), address.hasSuffix("]") {
            address = String(address.dropFirst().dropLast())
        } else if address.contains(":") {
            throw ItemFault("an IPv6 address stands in brackets")
        }
        guard !address.isEmpty else { throw ItemFault("must have an address") }
        self.address = address
        self.port = port
    }
}
