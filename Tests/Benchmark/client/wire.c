#include "wire.h"

#include "common.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

unsigned long ticketsReceived;

_Noreturn static void failTLS(const char *what) {
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    fail("%s: %s", what, reason ? reason : "the server closed the connection");
}

static int countTicket(SSL *tls, SSL_SESSION *session) {
    (void)tls, (void)session;
    ticketsReceived++;
    return 0;  // Not kept.
}

SSL_CTX *tlsContext(const char *authority, const char *certificate, const char *key) {
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (context == NULL || SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256") != 1 ||
        SSL_CTX_set1_groups_list(context, "X25519") != 1) {
        failTLS("TLS cannot be set up");
    }
    if (SSL_CTX_load_verify_locations(context, authority, NULL) != 1) failTLS(authority);
    if (SSL_CTX_use_certificate_chain_file(context, certificate) != 1) failTLS(certificate);
    if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1) failTLS(key);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    // A client mode is needed for the callback to be called at all.
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
    SSL_CTX_sess_set_new_cb(context, countTicket);
    return context;
}

void openWire(struct Wire *wire, const struct sockaddr_in *address, SSL_CTX *context) {
    wire->tls = NULL;
    wire->socket = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int one = 1;
    if (wire->socket < 0) failSystem("socket");
    if (setsockopt(wire->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0) failSystem("TCP_NODELAY");
    if (connect(wire->socket, (const struct sockaddr *)address, sizeof *address) != 0 && errno != EINPROGRESS) {
        failSystem("connect");
    }
    if (context == NULL) return;
    wire->tls = SSL_new(context);
    if (wire->tls == NULL || SSL_set_fd(wire->tls, wire->socket) != 1) failTLS("TLS connection");
    SSL_set_connect_state(wire->tls);
}

void closeWire(struct Wire *wire) {
    SSL_free(wire->tls);
    close(wire->socket);
    wire->tls = NULL;
    wire->socket = -1;
}

static enum Progress progressOfTLS(SSL *tls, int result, const char *what) {
    switch (SSL_get_error(tls, result)) {
    case SSL_ERROR_WANT_READ: return wireWantsToRead;
    case SSL_ERROR_WANT_WRITE: return wireWantsToWrite;
    case SSL_ERROR_ZERO_RETURN: return wireEnded;
    default: failTLS(what);
    }
}

enum Progress shakeHands(struct Wire *wire) {
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(wire->socket, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) {
        errno = error;
        failSystem("connect");
    }
    if (wire->tls == NULL) return wireDone;
    ERR_clear_error();
    int result = SSL_do_handshake(wire->tls);
    if (result != 1) return progressOfTLS(wire->tls, result, "TLS handshake");
    if (SSL_session_reused(wire->tls)) fail("a session was resumed");
    return wireDone;
}

void sendAll(struct Wire *wire, const char *bytes, size_t count) {
    if (wire->tls != NULL) {
        ERR_clear_error();
        if (SSL_write(wire->tls, bytes, (int)count) != (int)count) failTLS("sending");
    } else if (send(wire->socket, bytes, count, MSG_NOSIGNAL) != (ssize_t)count) {
        failSystem("sending");
    }
}

enum Progress receiveSome(struct Wire *wire, char *bytes, size_t room, size_t *received) {
    if (wire->tls != NULL) {
        ERR_clear_error();
        int result = SSL_read(wire->tls, bytes, (int)room);
        if (result <= 0) return progressOfTLS(wire->tls, result, "receiving");
        *received = (size_t)result;
        return wireDone;
    }
    ssize_t result = recv(wire->socket, bytes, room, 0);
    if (result < 0 && errno == EAGAIN) return wireWantsToRead;
    if (result < 0) failSystem("receiving");
    *received = (size_t)result;
    return result == 0 ? wireEnded : wireDone;
}
