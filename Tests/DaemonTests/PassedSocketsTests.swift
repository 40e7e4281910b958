import Glibc
import Testing

@testable import tdxd

@Suite("Sockets and notifications of systemd", .serialized)
struct PassedSocketsTests {
    private func reason(_ body: () throws -> Void) -> String? {
        do {
            try body()
            return nil
        } catch let failure as Failure {
            return failure.reason
        } catch {
            return "\(error)"
        }
    }

    @Test("Variables for another process are not ours")
    func foreign() throws {
        for environment in [
            [:], ["LISTEN_FDS": "2"], ["LISTEN_PID": "1", "LISTEN_FDS": "2"],
            ["LISTEN_PID": "7 ", "LISTEN_FDS": "nonsense"],
        ] {
            let sockets = try PassedSockets(environment, processID: 7)
            #expect(sockets.socket(.unix, 0) == nil)
        }
    }

    @Test(
        "Variables that make no sense are refused",
        arguments: [
            (["LISTEN_FDS": "-1"], "LISTEN_FDS: must be a number from 0 to 64"),
            (["LISTEN_FDS": "65"], "LISTEN_FDS: must be a number from 0 to 64"),
            (["LISTEN_FDS": "one"], "LISTEN_FDS: must be a number from 0 to 64"),
            ([:], "LISTEN_FDS: must be a number from 0 to 64"),
            (["LISTEN_FDS": "1"], "LISTEN_FDNAMES: a socket is called '', not one of unix, plain, tls"),
            (["LISTEN_FDS": "2", "LISTEN_FDNAMES": "unix"], "LISTEN_FDNAMES: must name each of the 2 sockets"),
            (
                ["LISTEN_FDS": "1", "LISTEN_FDNAMES": "tdxd.socket"],
                "LISTEN_FDNAMES: a socket is called 'tdxd.socket', not one of unix, plain, tls"
            ),
        ])
    func refused(variables: [String: String], expected: String) {
        var environment = variables
        environment["LISTEN_PID"] = "7"
        #expect(reason { _ = try PassedSockets(environment, processID: 7) } == expected)
    }

    @Test(
        "A notification address is an absolute path or abstract",
        arguments: ["", "@", "/", "relative", "/a\0b", "/" + String(repeating: "a", count: 107)])
    func addresses(text: String) {
        #expect(
            reason { _ = try Supervisor(["NOTIFY_SOCKET": text]) }
                == "NOTIFY_SOCKET: must be an absolute path, or begin with @")
    }

    @Test("The watchdog's interval counts if it is for us")
    func watchdog() throws {
        #expect(try Supervisor([:]).watchdogInterval == nil)
        #expect(try Supervisor(["WATCHDOG_USEC": "30000000"]).watchdogInterval == .seconds(30))
        let pid = String(getpid())
        #expect(try Supervisor(["WATCHDOG_USEC": "5", "WATCHDOG_PID": pid]).watchdogInterval == .microseconds(5))
        #expect(try Supervisor(["WATCHDOG_USEC": "x", "WATCHDOG_PID": "1"]).watchdogInterval == nil)
        for text in ["0", "-1", "x", "86400000001"] {
            #expect(
                reason { _ = try Supervisor(["WATCHDOG_USEC": text]) }
                    == "WATCHDOG_USEC: must be a number of microseconds")
        }
    }
}
