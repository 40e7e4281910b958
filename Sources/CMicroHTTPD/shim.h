#ifndef CMICROHTTPD_SHIM_H
#define CMICROHTTPD_SHIM_H

/* What Swift cannot see of libmicrohttpd and of GnuTLS inside it: variadic functions and macros. Nothing else lives
   here. */

#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <gnutls/gnutls.h>
#include <gnutls/abstract.h>
#include <microhttpd.h>

/* The callbacks and numbers a daemon is started with. The same context is handed to every callback. */
struct microhttpd_settings {
    MHD_AccessHandlerCallback handle;
    MHD_RequestCompletedCallback completed;
    MHD_NotifyConnectionCallback connection;
    void *(*target)(void *context, const char *uri, struct MHD_Connection *connection);
    MHD_LogCallback log;
    void *context;
    unsigned int workers;
    unsigned int connections;
    size_t connection_memory_bytes;
    /* GnuTLS priorities; NULL for a daemon without TLS. */
    const char *tls_priorities;
};

/* The library does not start TLS without a certificate of its own. It never comes to this: each session is given
   other credentials when its connection begins. */
static inline int microhttpd_no_certificate(gnutls_session_t session, const gnutls_datum_t *authorities, int count,
    const gnutls_pk_algorithm_t *algorithms, int algorithm_count, gnutls_pcert_st **chain, unsigned int *chain_count,
    gnutls_privkey_t *key) {
    (void) session; (void) authorities; (void) count; (void) algorithms; (void) algorithm_count;
    (void) chain; (void) chain_count; (void) key;
    return -1;
}

/* Starts a daemon without a listening socket: connections come through MHD_add_connection. */
static inline struct MHD_Daemon *microhttpd_start(const struct microhttpd_settings *settings) {
    const unsigned int flags = MHD_USE_EPOLL | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_ITC
        | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG | MHD_USE_NO_LISTEN_SOCKET
        | (settings->tls_priorities ? MHD_USE_TLS : 0);
    /* A pool of one thread is no pool to the library, and refused. */
    const unsigned int pool = settings->workers > 1 ? settings->workers : 0;
    struct MHD_OptionItem tls[] = {
        { MHD_OPTION_HTTPS_PRIORITIES, 0, (void *) settings->tls_priorities },
        { MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *) microhttpd_no_certificate },
        { MHD_OPTION_END, 0, NULL },
    };
    struct MHD_OptionItem *const more = settings->tls_priorities ? tls : tls + 2;
    return MHD_start_daemon(flags, 0, NULL, NULL, settings->handle, settings->context,
        MHD_OPTION_EXTERNAL_LOGGER, settings->log, settings->context,
        MHD_OPTION_NOTIFY_COMPLETED, settings->completed, settings->context,
        MHD_OPTION_NOTIFY_CONNECTION, settings->connection, settings->context,
        MHD_OPTION_URI_LOG_CALLBACK, settings->target, settings->context,
        MHD_OPTION_THREAD_POOL_SIZE, pool,
        MHD_OPTION_CONNECTION_LIMIT, settings->connections,
        /* Our own deadlines are stricter, and the library takes a lock at each step to keep its own. */
        MHD_OPTION_CONNECTION_TIMEOUT, 0,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, settings->connection_memory_bytes,
        MHD_OPTION_STRICT_FOR_CLIENT, 0,
        MHD_OPTION_ARRAY, more,
        MHD_OPTION_END);
}

/* The descriptor of a connection, or -1. */
static inline int microhttpd_descriptor(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info ? info->connect_fd : -1;
}

/* What the connection callback stored when the connection began. */
static inline void *microhttpd_connection_context(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

/* The connection's TLS session, or NULL. */
static inline gnutls_session_t microhttpd_session(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    return info ? (gnutls_session_t) info->tls_session : NULL;
}

/* Wipes and frees what gnutls_session_ticket_key_generate made. */
static inline void microhttpd_forget_ticket_key(gnutls_datum_t *key) {
    if (key->data) gnutls_memset(key->data, 0, key->size);
    gnutls_free(key->data);
    key->data = NULL;
    key->size = 0;
}

/* Bytes of the request's head, from the method to the empty line. */
static inline size_t microhttpd_head_bytes(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    return info ? info->header_size : 0;
}

static inline struct MHD_Response *microhttpd_streamed_response(
    size_t block_bytes, MHD_ContentReaderCallback read, void *context, MHD_ContentReaderFreeCallback release) {
    return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, block_bytes, read, context, release);
}

static const ssize_t microhttpd_end_of_stream = MHD_CONTENT_READER_END_OF_STREAM;
static const ssize_t microhttpd_end_with_error = MHD_CONTENT_READER_END_WITH_ERROR;

/* `struct ucred` is hidden behind a feature macro that a module importer does not set; the kernel's layout is this. */
struct microhttpd_peer {
    pid_t process;
    uid_t user;
    gid_t group;
};

/* Fills `peer` from SO_PEERCRED. 0, or -1 with errno. */
static inline int microhttpd_peer_credentials(int descriptor, struct microhttpd_peer *peer) {
    socklen_t size = sizeof *peer;
    return getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, peer, &size);
}

/* These enumerators belong, for Swift, to whichever module happens to read their header first; here they can always
   be seen. */
static const int microhttpd_stream_socket = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
static const int microhttpd_shut_reading = SHUT_RD;
static const int microhttpd_shut_both = SHUT_RDWR;

/* Hidden behind the same macro; a descriptor must not leak into a child process between two calls. */
extern int accept4(int descriptor, struct sockaddr *address, socklen_t *size, int flags);

static inline int microhttpd_accept(int descriptor, struct sockaddr *address, socklen_t *size) {
    return accept4(descriptor, address, size, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

#endif
