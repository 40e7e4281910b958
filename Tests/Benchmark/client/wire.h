// A non-blocking TCP connection, with or without TLS 1.3.
#pragma once

#include <netinet/in.h>
#include <openssl/ssl.h>

enum Progress { wireDone, wireWantsToRead, wireWantsToWrite, wireEnded };

struct Wire {
    int socket;
    SSL *tls;
};

/// What every connection offers: TLS 1.3 alone, one cipher suite and one group, so that all servers do the same work
/// whatever they would prefer; no resumption; a certificate of its own.
SSL_CTX *tlsContext(const char *authority, const char *certificate, const char *key);

/// Tickets that servers have sent so far.
extern unsigned long ticketsReceived;

/// Begins to connect, over TLS if there is a context.
void openWire(struct Wire *wire, const struct sockaddr_in *address, SSL_CTX *context);
void closeWire(struct Wire *wire);

/// Goes on with connecting and the handshake. Fails if either failed, or a session was resumed.
enum Progress shakeHands(struct Wire *wire);

/// Sends all of it or fails: requests are small, and a socket that takes none is one that is not drained.
void sendAll(struct Wire *wire, const char *bytes, size_t count);

/// Receives into `room`; `*received` only counts when this says `wireDone`.
enum Progress receiveSome(struct Wire *wire, char *bytes, size_t room, size_t *received);
