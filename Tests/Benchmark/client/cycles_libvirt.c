// libvirtd's side: define, create, destroy and undefine of a domain of its test driver, which runs no guest either.

#include "common.h"
#include "cycles.h"

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <stdio.h>
#include <stdlib.h>

enum { domainBytesMax = 512 };

struct Client {
    virConnectPtr connection;
    char domain[domainBytesMax];
};

_Noreturn static void refused(const char *what) {
    fail("%s: %s", what, virGetLastErrorMessage());
}

static struct Client *open_(const char *place, int number) {
    struct Client *client = calloc(1, sizeof *client);
    if (client == NULL) fail("memory");
    client->connection = virConnectOpen(place);
    if (client->connection == NULL) refused(place);
    int bytes = snprintf(client->domain, sizeof client->domain,
        "<domain type='test'><name>cycle-%d</name><memory unit='MiB'>64</memory><vcpu>2</vcpu>"
        "<os><type>hvm</type></os></domain>", number);
    if (bytes < 0 || bytes >= domainBytesMax) fail("the domain is too long");
    return client;
}

static void cycle(struct Client *client) {
    virDomainPtr domain = virDomainDefineXML(client->connection, client->domain);
    if (domain == NULL) refused("define");
    if (virDomainCreate(domain) != 0) refused("create");
    if (virDomainDestroy(domain) != 0) refused("destroy");
    if (virDomainUndefine(domain) != 0) refused("undefine");
    virDomainFree(domain);
}

static void close_(struct Client *client) {
    virConnectClose(client->connection);
    free(client);
}

const struct Daemon libvirtDaemon = {open_, cycle, close_};
