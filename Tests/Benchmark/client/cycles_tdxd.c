// tdxd's side: POST /tds and DELETE /tds/{id} on its Unix socket, each waited for in the request itself.

#include "answer.h"
#include "common.h"
#include "cycles.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { pathBytesMax = 64, requestBytesMax = 512 };

struct Client {
    int socket;
    struct Answer answer;
};

static const char creation[] = "{\"spec\":{\"maxVcpus\":2,\"vcpuCount\":2}}";

static struct Client *open_(const char *place, int number) {
    (void)number;
    struct Client *client = calloc(1, sizeof *client);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (client == NULL || strlen(place) >= sizeof address.sun_path) fail("the socket's path is too long");
    strcpy(address.sun_path, place);
    client->socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->socket < 0) failSystem("socket");
    if (connect(client->socket, (struct sockaddr *)&address, sizeof address) != 0) failSystem("%s", place);
    return client;
}

// A client that sleeps in recv() is woken for nothing when the other side takes its request, and one processor has to
// interrupt another for it. poll() wakes for what is asked for; libvirt's client sleeps there as well.
static void awaitBytes(int socket) {
    struct pollfd socketReady = {.fd = socket, .events = POLLIN};
    while (poll(&socketReady, 1, -1) < 0) {
        if (errno != EINTR) failSystem("waiting for an answer");
    }
}

static void exchange(struct Client *client, int wanted, const char *request, int bytes) {
    if (bytes < 0 || bytes >= requestBytesMax) fail("the request is too long");
    if (send(client->socket, request, (size_t)bytes, MSG_NOSIGNAL) != bytes) failSystem("sending");
    resetAnswer(&client->answer);
    int isWhole = 0;
    while (!isWhole) {
        awaitBytes(client->socket);
        size_t room;
        char *end = answerRoom(&client->answer, &room);
        ssize_t received = recv(client->socket, end, room, 0);
        if (received < 0) failSystem("receiving");
        if (received == 0) fail("tdxd closed the connection");
        isWhole = answerGrew(&client->answer, (size_t)received);
    }
    if (client->answer.status != wanted) {
        fail("status %d: %.*s", client->answer.status, (int)client->answer.count, client->answer.bytes);
    }
}

static void cycle(struct Client *client) {
    char request[requestBytesMax], td[pathBytesMax];
    int bytes = snprintf(request, sizeof request,
        "POST /tds HTTP/1.1\r\nHost: tdxd\r\nContent-Type: application/json\r\nPrefer: wait=30\r\n"
        "Content-Length: %zu\r\n\r\n%s", sizeof creation - 1, creation);
    exchange(client, 201, request, bytes);
    const char *location = answerField(&client->answer, "Location");
    if (strlen(location) >= sizeof td) fail("%s is too long", location);
    strcpy(td, location);
    bytes = snprintf(
        request, sizeof request, "DELETE %s HTTP/1.1\r\nHost: tdxd\r\nPrefer: wait=30\r\n\r\n", td);
    exchange(client, 200, request, bytes);
    static const char succeeded[] = "\"state\":\"succeeded\"";
    if (memmem(client->answer.bytes, client->answer.count, succeeded, sizeof succeeded - 1) == NULL) {
        fail("not deleted: %.*s", (int)client->answer.count, client->answer.bytes);
    }
}

static void close_(struct Client *client) {
    close(client->socket);
    free(client);
}

const struct Daemon tdxdDaemon = {open_, cycle, close_};
