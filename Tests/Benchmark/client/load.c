// Keeps a number of connections busy with one GET, and says what the server's process needed for it.
//
// One thread, so that it can be pinned to a core of its own. With --handshakes every request has a connection of its
// own, from the TCP connection and the full TLS handshake to the server's closing it. Any answer but 200 with the
// wanted number of bytes, and any connection that breaks, ends the run with a failure.

#include "answer.h"
#include "common.h"
#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

enum { connectionsMax = 1024, eventsMax = 256, stallMilliseconds = 10000, requestBytesMax = 2048 };

enum Phase { phaseHandshake, phaseAnswer, phaseEnd };

struct Connection {
    struct Wire wire;
    enum Phase phase;
    /// What epoll waits for.
    uint32_t interest;
    uint64_t began;
    struct Answer answer;
};

struct Options {
    struct sockaddr_in address;
    char request[requestBytesMax];
    size_t requestBytes;
    const char *path, *authority, *certificate, *key;
    int handshakes;
    int connections;
    double seconds, warmUpSeconds;
    pid_t server;
    size_t bodyBytes;
};

struct Run {
    struct Options options;
    SSL_CTX *context;
    int epoll;
    uint64_t answers;
    uint64_t latencySum;
    struct Connection *connections;
};

static void await(struct Run *run, struct Connection *connection, uint32_t interest, int operation) {
    if (operation == EPOLL_CTL_MOD && connection->interest == interest) return;
    connection->interest = interest;
    struct epoll_event event = {.events = interest, .data.ptr = connection};
    if (epoll_ctl(run->epoll, operation, connection->wire.socket, &event) != 0) failSystem("epoll_ctl");
}

static void begin(struct Run *run, struct Connection *connection) {
    connection->began = nowNanos();
    connection->phase = phaseHandshake;
    openWire(&connection->wire, &run->options.address, run->context);
    await(run, connection, EPOLLOUT, EPOLL_CTL_ADD);
}

static void ask(struct Run *run, struct Connection *connection) {
    if (!run->options.handshakes) connection->began = nowNanos();
    resetAnswer(&connection->answer);
    sendAll(&connection->wire, run->options.request, run->options.requestBytes);
    connection->phase = phaseAnswer;
    await(run, connection, EPOLLIN, EPOLL_CTL_MOD);
}

/// The answer is whole: right, and the next one is asked for.
static void answered(struct Run *run, struct Connection *connection) {
    struct Answer *answer = &connection->answer;
    if (answer->status != 200) fail("status %d: %.*s", answer->status, (int)answer->count, answer->bytes);
    if (answer->bodyBytes != run->options.bodyBytes) {
        fail("a body of %zu bytes instead of %zu", answer->bodyBytes, run->options.bodyBytes);
    }
    run->answers++;
    run->latencySum += nowNanos() - connection->began;
    if (run->options.handshakes) {
        connection->phase = phaseEnd;
    } else {
        ask(run, connection);
    }
}

static void advance(struct Run *run, struct Connection *connection) {
    while (1) {
        enum Progress progress;
        if (connection->phase == phaseHandshake) {
            progress = shakeHands(&connection->wire);
            if (progress == wireDone) {
                ask(run, connection);
                // Not read at once: the server has not seen the request yet.
                return;
            }
        } else {
            size_t room, received;
            char *bytes = answerRoom(&connection->answer, &room);
            // At the end nothing should come, and there must be room to see that.
            if (room == 0) fail("an answer that fills the buffer");
            progress = receiveSome(&connection->wire, bytes, room, &received);
            if (progress == wireDone) {
                if (connection->phase == phaseEnd) fail("%zu bytes behind the answer", received);
                if (!answerGrew(&connection->answer, received)) continue;
                answered(run, connection);
                if (connection->phase == phaseEnd) continue;
                return;
            }
        }
        if (progress == wireEnded) {
            if (connection->phase != phaseEnd) fail("the server closed a connection that was to stay open");
            closeWire(&connection->wire);
            begin(run, connection);
        } else {
            await(run, connection, progress == wireWantsToRead ? EPOLLIN : EPOLLOUT, EPOLL_CTL_MOD);
        }
        return;
    }
}

static void loadUntil(struct Run *run, uint64_t end) {
    struct epoll_event events[eventsMax];
    while (nowNanos() < end) {
        int count = epoll_wait(run->epoll, events, eventsMax, stallMilliseconds);
        if (count < 0 && errno != EINTR) failSystem("epoll_wait");
        if (count == 0) fail("no answer for %d ms", stallMilliseconds);
        for (int index = 0; index < count; index++) advance(run, events[index].data.ptr);
    }
}

static void readOptions(struct Options *options, int count, char **arguments) {
    static const struct option known[] = {
        {"port", required_argument, NULL, 'p'},       {"path", required_argument, NULL, 'u'},
        {"connections", required_argument, NULL, 'n'}, {"seconds", required_argument, NULL, 's'},
        {"warm-up", required_argument, NULL, 'w'},    {"server", required_argument, NULL, 'P'},
        {"body-bytes", required_argument, NULL, 'b'}, {"ca", required_argument, NULL, 'a'},
        {"certificate", required_argument, NULL, 'c'}, {"key", required_argument, NULL, 'k'},
        {"handshakes", no_argument, NULL, 'h'},       {NULL, 0, NULL, 0},
    };
    options->address.sin_family = AF_INET;
    options->address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int letter, index;
    while ((letter = getopt_long(count, arguments, "", known, &index)) != -1) {
        const char *name = letter == '?' ? "" : known[index].name;
        switch (letter) {
        case 'p': options->address.sin_port = htons((uint16_t)positive(name, optarg)); break;
        case 'u': options->path = optarg; break;
        case 'n': options->connections = (int)positive(name, optarg); break;
        case 's': options->seconds = positive(name, optarg); break;
        case 'w': options->warmUpSeconds = positive(name, optarg); break;
        case 'P': options->server = (pid_t)positive(name, optarg); break;
        case 'b': options->bodyBytes = (size_t)positive(name, optarg); break;
        case 'a': options->authority = optarg; break;
        case 'c': options->certificate = optarg; break;
        case 'k': options->key = optarg; break;
        case 'h': options->handshakes = 1; break;
        default: exit(2);
        }
    }
    int tlsOptions = (options->authority != NULL) + (options->certificate != NULL) + (options->key != NULL);
    if (options->address.sin_port == 0 || options->path == NULL || options->connections == 0 ||
        options->connections > connectionsMax || options->seconds == 0 || options->warmUpSeconds == 0 ||
        options->server == 0 || options->bodyBytes == 0 || (tlsOptions != 0 && tlsOptions != 3)) {
        fail("--port --path --connections (at most %d) --seconds --warm-up --server --body-bytes are needed, and "
             "--ca --certificate --key for TLS", connectionsMax);
    }
    int length = snprintf(options->request, sizeof options->request,
        "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAccept: */*\r\n%s\r\n", options->path,
        ntohs(options->address.sin_port), options->handshakes ? "Connection: close\r\n" : "");
    if (length < 0 || (size_t)length >= sizeof options->request) fail("the path is too long");
    options->requestBytes = (size_t)length;
}

int main(int count, char **arguments) {
    struct Run run = {0};
    readOptions(&run.options, count, arguments);
    const struct Options *options = &run.options;
    if (options->authority != NULL) run.context = tlsContext(options->authority, options->certificate, options->key);
    run.epoll = epoll_create1(EPOLL_CLOEXEC);
    run.connections = calloc((size_t)options->connections, sizeof *run.connections);
    if (run.epoll < 0 || run.connections == NULL) failSystem("setting up");
    for (int index = 0; index < options->connections; index++) begin(&run, &run.connections[index]);

    loadUntil(&run, nowNanos() + (uint64_t)(options->warmUpSeconds * 1e9));
    run.answers = run.latencySum = 0;
    ticketsReceived = 0;
    uint64_t began = nowNanos(), serverBegan = processorNanos(options->server), ownBegan = processorNanos(0);
    loadUntil(&run, began + (uint64_t)(options->seconds * 1e9));
    uint64_t server = processorNanos(options->server) - serverBegan, own = processorNanos(0) - ownBegan;
    double seconds = (double)(nowNanos() - began) / 1e9;
    if (run.answers == 0) fail("no answer within %g s", seconds);
    double answers = (double)run.answers;
    printf("{\"answers\": %lu, \"seconds\": %.6f, \"perSecond\": %.1f, \"serverNanos\": %.1f, \"clientNanos\": %.1f, "
           "\"latencyNanos\": %.0f, \"tickets\": %lu}\n",
        (unsigned long)run.answers, seconds, answers / seconds, (double)server / answers, (double)own / answers,
        (double)run.latencySum / answers, ticketsReceived);
    return 0;
}
