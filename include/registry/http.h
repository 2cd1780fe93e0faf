/*
 * HTTP for registries: many transfers at once on one poll loop, no threads. The only user of
 * libcurl.
 *
 * What it does by itself: redirects (at most 10, never from https to http, the Authorization
 * only to the origin it was given for), retries with growing pauses, jitter and Retry-After,
 * resuming an interrupted body by Range, a guard against stalled connections, limits on bodies
 * and headers, trust (registry/tls.h), proxies as docker reads them, HTTP/2 where the server has
 * it and HTTP/1.1 where it breaks. What it does not do: understand a status (a 401 is an answer
 * like any other), keep cookies, read .netrc, log a header's value or a URL's query. Collected
 * bodies and request bodies are overwritten before their memory is freed: they may be tokens.
 *
 *	http_new(&options, &h, err);
 *	http_start(h, &request, &t, err);	any number of them
 *	while (work)
 *		http_poll(h, extra_fds, n, -1, err);	calls sinks and done functions
 *	http_free(h);
 *
 * Sinks and done functions are called from inside http_poll (or http_run) only. A done function may
 * start and cancel transfers, but not poll; a sink may do neither.
 */
#pragma once

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/err.h"
#include "registry/tls.h"

struct http;
struct http_transfer;

struct http_options {
	struct tls_options tls;	  /* its strings must outlive the struct http */
	unsigned retries;	  /* more tries after the first; HTTP_RETRIES */
	unsigned retry_delay_ms;  /* first pause, doubled each time; HTTP_RETRY_DELAY_MS */
	unsigned connect_seconds; /* HTTP_CONNECT_SECONDS */
	unsigned stall_seconds;	  /* below 1 KiB/s for so long: try again; HTTP_STALL_SECONDS */
};

#define HTTP_RETRIES	     4
#define HTTP_RETRY_DELAY_MS  500
#define HTTP_CONNECT_SECONDS 15
#define HTTP_STALL_SECONDS   60
#define HTTP_MAX_REDIRECTS   10
#define HTTP_MAX_HEADERS     (64 * 1024)
#define HTTP_MAX_ERROR_BODY  (64 * 1024)

/* The last answer: of the final hop, after retries. Valid during the done function only. */
struct http_response {
	int status;	       /* 0: there was no answer */
	const struct url *url; /* that answered, after redirects */
	struct buf *body;      /* what did not go into a sink; may be empty, never NULL */
	uint64_t position;     /* next byte that the sink waits for */
	void *headers;	       /* by http_header() only */
};

/* Value of the nth header of that name (any case), NULL when there are fewer. */
const char *http_header(const struct http_response *r, const char *name, size_t nth);

/*
 * Where a body of status 200 or 206 goes. All three are needed, or none: then the body is
 * collected in http_response.body.
 */
struct http_sink {
	/* The bytes that follow start here: the wanted offset, or 0 when the server ignores Range. */
	int (*begin)(void *ctx, uint64_t offset, struct err *err);
	/* A negative return ends the transfer with this error. */
	int (*write)(void *ctx, const void *data, size_t len, struct err *err);
	void *ctx;
};

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_PATCH, HTTP_DELETE };

enum http_flags {
	HTTP_ONE_TRY = 1 << 0,	 /* no retries */
	HTTP_VERSION_1 = 1 << 1, /* not HTTP/2: it broke before */
};

/* A body that is read while it is sent: again from `offset` for each redirect and each try. */
struct http_file {
	int fd;		      /* a regular file, the caller's, open until `done` */
	uint64_t offset, len; /* the part that is sent */
	void (*progress)(
		void *ctx, uint64_t sent); /* NULL, or: so many bytes of it are on their way */
	void *ctx;
};

#define HTTP_RANGE_SIZE 44 /* "START-END" of two 64-bit numbers */

/* Everything is copied by http_start, except what ctx points to. */
struct http_request {
	enum http_method method;
	const struct url *url;
	const char *authorization;     /* whole value, or NULL; goes to url's origin only */
	const struct tls_options *tls; /* instead of http_options.tls; outlives the struct http */
	const char *certs_name;	       /* name for certs.d where it is not the host's, or NULL */
	const char *accept;	       /* one comma-joined list, or NULL */
	const char *content_type;      /* of body or file, or NULL */
	const void *body;	       /* HTTP_POST, HTTP_PUT, HTTP_PATCH */
	size_t body_len;
	const struct http_file *file; /* a body from a file (HTTP_PUT, HTTP_PATCH), or NULL */
	const char *content_range;    /* of the body, "START-END" (OCI's form), or NULL */
	int64_t delay_ns;	      /* wait so long before the first try */
	uint64_t offset;	      /* first byte wanted (Range) */
	uint64_t size;	   /* of the whole object when known, else 0: less and more fail */
	uint64_t max_body; /* collected body at most this long; -ERR_LIMIT past it */
	unsigned flags;	   /* enum http_flags */
	struct http_sink sink;
	/*
	 * Called once. r < 0: no usable answer (-ERR_NETWORK, -ERR_LIMIT, -ERR_DENIED for a refused
	 * redirect, -ERR_DIGEST for a wrong size, or the sink's own error), err says it; response
	 * is still there. r == 0: an answer came, of any status.
	 */
	void (*done)(void *ctx, const struct http_response *response, int r, const struct err *err);
	void *ctx;
};

int http_new(const struct http_options *options, struct http **ret, struct err *err) must_check;

/*
 * May a server at `from`, asked by way of `origin`, send us to `to` by a redirect or as the place
 * of an upload? -ERR_DENIED: from https to http, or to this host or link from elsewhere.
 */
int http_check_target(const struct url *origin, const struct url *from, const struct url *to,
	struct err *err) must_check;

/* Cancels what still runs (no done function is called). NULL is fine. */
void http_free(struct http *h);
DEFINE_AUTO_PTR(http, struct http, http_free)

/* The transfer belongs to h and is gone once its done function has been called. */
int http_start(struct http *h, const struct http_request *q, struct http_transfer **ret,
	struct err *err) must_check;

/* No done function is called. */
void http_cancel(struct http_transfer *t);

/*
 * Move everything that can move, waiting at most timeout_ms (-1: as long as needed) for the
 * sockets, the retry timers or one of the caller's descriptors, whose revents are set.
 * Returns the number of transfers still under way.
 */
int http_poll(struct http *h, struct pollfd *extra, size_t n_extra, int timeout_ms,
	struct err *err) must_check;

/* One request from start to end; other transfers go on meanwhile. Calls q->done, then returns. */
int http_run(struct http *h, const struct http_request *q, struct err *err) must_check;
