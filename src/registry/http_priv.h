/*
 * Inside of registry/http.h, without libcurl: one transfer, its answer so far, and what follows
 * from an answer. http.c moves bytes; http_answer.c reads headers and judges; http_retry.c knows
 * pauses.
 *
 * A transfer is a series of tries, a try is a series of hops (redirects). Each hop has an easy
 * handle of its own. `position` is the next byte the sink waits for and survives tries.
 */
#pragma once

#include "base/strv.h"
#include "registry/http.h"

enum http_state {
	HTTP_WAITING, /* for retry_at */
	HTTP_RUNNING, /* the easy handle is with the multi handle */
	HTTP_ENDED,   /* the easy handle is done, `curl_code` says how */
};

struct http_headers {
	char **lines; /* "name: value" of the last header block, control characters gone */
	size_t n, cap;
	size_t bytes; /* of all blocks of this hop */
};

struct http_transfer {
	struct http *http;
	struct http_transfer *next, *prev;
	struct http_request q; /* pointers into what follows */
	struct url origin;     /* q.url */
	char *authorization, *certs_name, *accept, *content_type, *content_range, *body;
	struct http_file file; /* len > 0: the body */
	uint64_t body_at;      /* bytes of the body that libcurl has taken in this hop */

	enum http_state state;
	void *easy;    /* CURL */
	void *slist;   /* struct curl_slist: request headers */
	void *ca_blob; /* borrowed from the trust cache */
	char curl_error[256];
	int curl_code;

	struct url url; /* of this hop */
	unsigned redirects;
	bool left_origin; /* a redirect led elsewhere: no Authorization any more */

	unsigned tries;	    /* that failed since the last good progress */
	bool reached;	    /* some server has answered something */
	bool asked_again;   /* for a redirect target in place of one that refused */
	bool http1;	    /* HTTP/2 broke */
	int64_t retry_at;   /* CLOCK_BOOTTIME ns */
	int64_t started_at; /* of the transfer */

	int status; /* of this hop */
	struct http_headers headers;
	bool headers_done; /* the empty line behind them has come */
	struct buf collected;
	bool collected_enough;	    /* an error body was cut at its limit; not a failure */
	struct decompress *decoder; /* undoes a Content-Encoding; NULL: none */
	bool encoding_seen;	    /* the header has been looked at in this hop */
	bool ask_for_all; /* the server compresses: a Range would be one of compressed bytes */
	bool begun;	  /* sink.begin was called in this hop */
	uint64_t position;
	uint64_t hop_start; /* position when the hop began */

	int failure; /* -kind raised inside a callback, with `err` */
	struct err err;
};

/* What comes after a hop has ended. */
enum http_verdict {
	HTTP_DONE,     /* report the answer */
	HTTP_REDIRECT, /* t->url is the next one */
	HTTP_RETRY,    /* t->retry_at is set */
	HTTP_FAIL,     /* t->failure and t->err are set */
};

/* "GET" ... */
const char *http_method_name(enum http_method m);

/* Statuses that may go away by waiting (registry.md 2.5). */
bool http_is_transient(int status);

/* Free what the headers own; they are empty afterwards. */
void http_headers_done(struct http_headers *h);

/* One line of the header block, with its CRLF; a status line starts a new block. */
int http_headers_add(
	struct http_transfer *t, const char *line, size_t len, struct err *err) must_check;
const char *http_headers_get(const struct http_headers *h, const char *name, size_t nth);

/* The headers are complete and body bytes of a 200 or 206 come: tell the sink where they start. */
int http_begin_body(struct http_transfer *t, struct err *err) must_check;

/* `len` more bytes came. */
int http_add_body(
	struct http_transfer *t, const void *data, size_t len, struct err *err) must_check;

/* Bytes of the object itself, in their order. */
typedef int http_take_fn(struct http_transfer *t, const void *data, size_t len, struct err *err);

/*
 * http_encoding.c. Before the first byte of a hop's body: decides, from the headers, whether there
 * is a Content-Encoding to undo; t->decoder is set then. -ERR_UNSUPPORTED for one that we lack,
 * -ERR_NETWORK where another try without Range will do.
 */
int http_encoding_begin(struct http_transfer *t, struct err *err) must_check;

/* Encoded bytes came: gives take what is inside. */
int http_encoding_run(struct http_transfer *t, const void *data, size_t len, http_take_fn *take,
	struct err *err) must_check;

/* The body is complete: -ERR_FORMAT when the encoded stream is not. */
int http_encoding_end(struct http_transfer *t, http_take_fn *take, struct err *err) must_check;

/* Between hops, and at the end of the transfer. */
void http_encoding_reset(struct http_transfer *t);

static inline bool http_is_success(const struct http_transfer *t)
{
	return t->status == 200 || t->status == 206;
}

/* The hop ended with a complete answer. */
enum http_verdict http_judge_answer(struct http_transfer *t);

/* The hop broke: `r` and `text` say how; `retryable` as the caller knows from libcurl's code. */
enum http_verdict http_judge_failure(
	struct http_transfer *t, bool retryable, int r, const char *text);

/* Nanoseconds to wait before try number `tries` (1 = the first retry), with jitter. */
int64_t http_retry_pause(unsigned tries, unsigned delay_ms);

/*
 * A Retry-After value: seconds or an HTTP date against `wall_ns`; -1 for junk ("880.092us" has
 * been seen), which leaves the decision to the caller.
 */
int64_t http_retry_after_ns(const char *value, int64_t wall_ns);

/* What the options say, or their defaults: how often, and the first pause. */
unsigned http_retries(const struct http *h);
unsigned http_retry_delay_ms(const struct http *h);
