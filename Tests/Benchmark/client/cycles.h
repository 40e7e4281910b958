// What a client does over and over in the cycles program: one domain's whole life.
#pragma once

/// A client has a connection of its own for the whole run.
struct Client;

struct Daemon {
    /// `place` is what the daemon is reached by; `number` tells the clients apart.
    struct Client *(*open)(const char *place, int number);
    /// One domain with two vCPUs: defined, created, destroyed, and nothing left of it. Fails if any of it is refused.
    void (*cycle)(struct Client *client);
    void (*close)(struct Client *client);
};

extern const struct Daemon tdxdDaemon;
extern const struct Daemon libvirtDaemon;
