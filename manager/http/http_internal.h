/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What the files of the edge share. A server has a few threads; a connection belongs to one of them for
 * life, and so does the exchange (one request and its answer) that is under way on it. Only the request
 * half of an exchange may be read by others, while they own it; they come back through http_answer().
 *
 *   http_server.c   start, stop, listening sockets           http_request.c  headers and body in, limits
 *   http_thread.c   the outer loop, queue, time limits       http_exchange.c what handlers may ask
 *   http_conn.c     accepting, counting, end of connections  http_reply.c    answers
 *   http_tls.c      certificates, sessions, record I/O       http_stream.c   long answers
 *   http_ws.c       WebSockets   ws_frame.c  their frames    http_gzip.c     compression
 *   http_feed.c     one text to many         http_push.c     the streams that take it
 *   gzip_parts.c    ... packed once for all
 */
#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"
#include "manager/http/edge.h"
#include "manager/http/http.h"

#define EDGE_MAX_THREADS 4
#define EDGE_MAX_TARGET  8192 /* path and query */
#define EDGE_MAX_HEADERS 100
#define EDGE_MAX_METHOD  32
#define EDGE_DRAIN_MS    2000 /* given to answers under way when the server stops */
#define EDGE_GZIP_MIN    1024

enum edge_kind { EDGE_TLS, EDGE_PLAIN, N_EDGE_KIND };

struct edge_conn;

/* ---- the server ---- */

struct edge_cred; /* a certificate and its key, counted */

struct edge_listener {
	int fd; /* -1: none */
	int port;
};

struct http_server {
	struct http_config cfg; /* no zeros left; strings are ours */
	struct edge_listener listeners[N_EDGE_KIND];
	struct edge_thread *threads;
	int n_threads;
	atomic_int refs; /* one of the owner, one per exchange that was handed over */
	atomic_int n_conns;
	atomic_size_t body_size; /* memory in bodies, all exchanges */
	size_t max_body_total;

	pthread_mutex_t lock; /* cred, per_address, packed: taken at connect and close, never around other locks */
	struct edge_cred *cred;
	GHashTable *per_address; /* struct edge_addr -> count */
	GHashTable *packed;      /* static data -> its compressed form */
	size_t packed_size;
	gnutls_priority_t priority;
	gnutls_datum_t ticket_key;
};

void edge_server_unref(struct http_server *s);

/* ---- threads ---- */

/*
 * The library looks at all connections that are suspended whenever one is resumed, that is with each request. With a
 * thousand streams that is the greater part of the work; so there are several of it, and those that are suspended for
 * good are spread. All others go where the fewest of these are, so that they are together and served in one run.
 */
#define EDGE_DAEMONS 8

struct edge_daemon {
	struct MHD_Daemon *mhd;
	int fd;
	unsigned n_parked; /* streams and WebSockets */
	bool must_run;     /* something was resumed or added, or it has work left */
};

struct edge_thread {
	struct http_server *server;
	pthread_t thread;
	bool is_started;
	int epoll_fd, event_fd;
	struct edge_daemon daemons[N_EDGE_KIND * EDGE_DAEMONS]; /* of one kind after the other */
	int64_t now_ms, next_sweep_ms, accept_again_ms, stop_by_ms;
	int sweep_every_ms;
	bool is_stopping, is_accepting;
	struct edge_msg stop_msg;

	struct edge_conn *conns;       /* all of this thread */
	struct edge_conn *noted;       /* to be attended to after the library ran */
	struct http_exchange *waiting; /* handed over, not answered */
	struct edge_conn *adding;      /* being given to the library */
	struct edge_deflate *deflate;  /* kept for whole bodies */
	struct gzip_packer *packer;    /* of parts; NULL before the first */

	_Alignas(64) atomic_int load;                  /* connections here or on the way */
	_Alignas(64) _Atomic(struct edge_msg *) queue; /* newest first */
	atomic_int sleeping;
};

int edge_thread_init(struct edge_thread *t, struct http_server *s, struct err *e);
int edge_thread_start(struct edge_thread *t, struct err *e);
void edge_thread_join(struct edge_thread *t);
void edge_thread_deinit(struct edge_thread *t);
void edge_thread_stop(struct edge_thread *t);
int64_t edge_now_ms(void);

/* ---- connections ---- */

enum edge_phase {
	PHASE_HEADER, /* from connect, or from the first byte of a next request, to the end of its headers */
	PHASE_IDLE,   /* kept alive, nothing begun */
	PHASE_BODY,
	PHASE_WAITING, /* the handler has it */
	PHASE_REPLY,
	PHASE_UPGRADED, /* a WebSocket */
	PHASE_PUSH,     /* a stream of a feed */
	PHASE_CLOSING   /* shut down by us; the library will notice */
};

struct edge_addr {
	uint8_t bytes[16]; /* IPv4 mapped; of IPv6 the upper half only */
};

struct edge_conn {
	struct edge_msg msg; /* on the way to its thread; must be first */
	struct edge_thread *thread;
	struct edge_conn *prev, *next;
	struct edge_conn *noted_prev, *noted_next;
	struct edge_daemon *daemon;
	struct MHD_Connection *mc;
	struct http_exchange *exchange;
	struct http_ws *ws; /* what it was turned into */
	struct http_push *push;
	enum edge_kind kind;
	enum edge_phase phase;
	int fd;
	int64_t since_ms; /* begin of the phase, or last progress in it */
	uint64_t counter; /* of the kernel: bytes received or acknowledged when last looked at */
	bool has_counter;
	bool is_suspended;
	bool is_parked;      /* for good: counted in its daemon */
	bool is_established; /* had a request line */
	bool is_noted, is_blocked;
	bool is_counted; /* in per_address */
	struct edge_addr addr;
	struct sockaddr_storage sockaddr;
	socklen_t sockaddr_len;
	char peer[48];

	/* TLS: records go through here, see http_tls.c */
	gnutls_session_t session;
	struct edge_cred *cred;
	bool want_write;   /* the last call lacked room, not data */
	bool hold_next;    /* more follows the next record at once */
	bool more_follows; /* ... but it is not worth keeping the record here */
	bool skip_read;    /* nothing to be expected from the socket now */
	unsigned in_off, in_len, hold_len;
	char in[4096];
	char hold[1024];
};

void edge_accept(struct edge_thread *t, enum edge_kind kind);
/* MHD_OPTION_NOTIFY_CONNECTION */
void edge_conn_notify(void *cls, struct MHD_Connection *mc, void **socket_context,
                      enum MHD_ConnectionNotificationCode what);
/* Make the library see an error on it; it ends soon. */
void edge_conn_shutdown(struct edge_conn *c);
void edge_conn_suspend(struct edge_conn *c);
void edge_conn_resume(struct edge_conn *c);
/* It has become a stream or a WebSocket: suspended, and the library will not see it again before its end. */
void edge_conn_park(struct edge_conn *c, enum edge_phase phase);
/*
 * Two things that the library does badly over TLS. In a handshake it spins while it waits for the peer's part. And when
 * GnuTLS says "again" after a record that holds no data, it waits for the socket, though more was read already. So
 * record I/O notes the connections that lack, or still have, something; once the library has returned, they are
 * attended to: suspended while our own loop watches the socket, or made to read again.
 */
void edge_conn_note(struct edge_conn *c);
void edge_conn_attend(struct edge_conn *c);
void edge_conn_unblock(struct edge_conn *c);
/* Apply the time limits of the phase. */
void edge_conn_check(struct edge_conn *c);
static inline void edge_conn_enter(struct edge_conn *c, enum edge_phase phase)
{
	c->phase = phase;
	c->since_ms = c->thread->now_ms;
	c->has_counter = false;
}

/* ---- WebSockets ---- */

/* The socket is ready. */
void edge_ws_event(struct http_ws *ws, uint32_t events);
/* Time limits. */
void edge_ws_check(struct http_ws *ws);
/* End it now; the connection is shut down and given back to the library. */
void edge_ws_drop(struct http_ws *ws);
/* Its connection is gone. */
void edge_ws_free(struct http_ws *ws);

/* ---- streams of feeds: the same calls ---- */

struct http_push;
void edge_push_event(struct http_push *p, uint32_t events);
void edge_push_check(struct http_push *p);
/* End it soon, after what it was sent. */
void edge_push_close(struct http_push *p);
void edge_push_drop(struct http_push *p);
void edge_push_free(struct http_push *p);

/* ---- TLS ---- */

struct edge_cred *edge_cred_load(const char *cert_file, const char *key_file, struct err *e);
void edge_cred_unref(struct edge_cred *cred);
int edge_tls_init(struct http_server *s, struct err *e);
void edge_tls_deinit(struct http_server *s);
/* A new session of the library gets our certificate, tickets and record I/O. */
void edge_tls_attach(struct edge_conn *c, gnutls_session_t session);

/* ---- exchanges ---- */

struct edge_pair {
	struct edge_pair *next; /* reply headers only */
	const char *name, *value;
};

struct edge_fault; /* an answer of our own making */
extern const struct edge_fault *const FAULT_BAD_REQUEST,
    *const FAULT_PATH, *const FAULT_HOST, *const FAULT_HEADERS, *const FAULT_URI, *const FAULT_BODY,
                                                                                      *const FAULT_CODING,
                                                                                          *const FAULT_BUSY,
                                                                                              *const FAULT_STOPPING;

struct http_exchange {
	struct edge_msg msg; /* on the way back; must be first */
	struct http_server *server;
	struct edge_thread *thread;
	struct edge_conn *conn; /* NULL: was answered without its owner */
	struct pool *pool;
	int refs; /* edge thread only: the request, a stream */
	bool has_headers, is_replied, must_close, is_tls;
	bool is_upgraded;                  /* no answer of the library's: the connection was taken over */
	bool is_waiting, is_out;           /* on the list below; counted in the server's refs */
	const struct edge_fault *fault;    /* to be answered once the body was read over */
	struct http_exchange *prev, *next; /* waiting */

	const char *method, *path, *peer;
	char *target;
	size_t target_len;
	struct edge_pair *headers, *params;
	int n_headers, n_params;
	char *body;
	size_t body_len, body_cap, body_seen;

	struct edge_pair *reply_headers, **reply_tail;
	void (*answer)(struct http_exchange *x, void *arg);
	void *answer_arg;
};

/* Callbacks of the library: MHD_OPTION_URI_LOG_CALLBACK, the handler, MHD_OPTION_NOTIFY_COMPLETED. */
void *edge_request_begin(void *cls, const char *uri, struct MHD_Connection *mc);
enum MHD_Result edge_request_more(void *cls, struct MHD_Connection *mc, const char *url, const char *method,
                                  const char *version, const char *data, size_t *size, void **req_cls);
void edge_request_end(void *cls, struct MHD_Connection *mc, void **req_cls, enum MHD_RequestTerminationCode why);

void edge_exchange_unref(struct http_exchange *x);
void edge_exchange_stop_waiting(struct http_exchange *x);
/* Split the query into params. False: not decodable. */
bool edge_query_parse(struct http_exchange *x, char *query);

/* ---- answers ---- */

enum edge_coding {
	CODING_NEVER, /* not a matter of what the client accepts */
	CODING_NONE,  /* this client does not take it compressed */
	CODING_GZIP
};
enum edge_coding edge_reply_coding(const struct http_exchange *x, const char *content_type, size_t len);
bool edge_reply_begin(struct http_exchange *x);
/* The exchange has its answer: whoever owned it is done with it. */
void edge_reply_done(struct http_exchange *x);
/* Adds the headers, sends. has_body: the library will send header and body one right after the other. */
void edge_reply_with(struct http_exchange *x, int status, const char *content_type, struct MHD_Response *r,
                     enum edge_coding coding, bool has_body);
void edge_stream_string(struct http_exchange *x, int status, const char *content_type, GString *body);
void edge_reply_fault(struct http_exchange *x, const struct edge_fault *f);
/* Answer a waiting exchange that its owner still has, for good; what comes later is dropped. */
void edge_exchange_abandon(struct http_exchange *x, const struct edge_fault *f);

/* ---- compression ---- */

struct edge_deflate;
struct edge_deflate *edge_deflate_new(int level);
void edge_deflate_free(struct edge_deflate *d);
/* The whole of data as gzip, to be freed with g_string_free; NULL if it does not pay. */
GString *edge_gzip(struct edge_deflate *d, const void *data, size_t len);
/* Streaming: consume some of in (*used), write at most cap bytes. Returns bytes written, -1 when all is written after
 * is_last. Writes at least a byte unless all input was taken. */
ssize_t edge_deflate_step(struct edge_deflate *d, const void *in, size_t len, size_t *used, bool is_last, void *out,
                          size_t cap);
bool edge_accepts_gzip(const struct http_exchange *x);
bool edge_is_compressible(const char *content_type);
