internal import ArgumentParser

@main
struct TDXDCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tdxd",
        abstract: "Builds, inspects and destroys Intel TDX trust domains, over HTTP with JSON.",
        discussion: """
            tdxd owns the lives of trust domains (TDs) on one host: it creates them and their vCPUs, reads and writes \
            their fields, and tears them down, one SEAMCALL at a time. It does not run vCPUs. Without TDX it serves a \
            software model of the TDX module (--module fake), which protects nothing.

            TO TRY IT
              tdxd --module fake --socket /tmp/tdxd.sock &
              curl --unix-socket /tmp/tdxd.sock tdxd/tds --json '{"spec":{"maxVcpus":2}}'
              curl --unix-socket /tmp/tdxd.sock tdxd/seamcalls

            ROLES
              viewer    reads, without addresses and register values
              operator  also creates and destroys TDs and reads their fields
              lab       also makes single steps and writes fields
              admin     everything: root and the daemon's own user on the socket
              metrics   /metrics, and nothing else
            Others get a role with --socket-role, on loopback with --listen-plain, and over TLS with --roles.

            \(ExitStatus.explanation)
            """,
        version: "tdxd \(Version.current)",
        subcommands: [
            Serve.self, CheckConfig.self, TraceCommand.self, FakeModule.self, PKICommand.self, ShimCommand.self,
            LabCommand.self,
        ],
        defaultSubcommand: Serve.self)
}
