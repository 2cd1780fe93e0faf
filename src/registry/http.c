#include "registry/http.h"

#include <curl/curl.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "registry/http_priv.h"
#include "registry/proxy.h"
#include "sys/file.h"

/*
 * Big enough that one wakeup empties a socket's buffer; a handle has one of it only while it is
 * connected, so three downloads cost three.
 */
#define RECEIVE_BUFFER (128 * 1024L)
#define SEND_BUFFER    (256 * 1024L)

/* A registry that takes a big body may work on it for long before it answers. */
#define BIG_BODY	  (1024 * 1024)
#define BIG_BODY_PATIENCE 5

#define USER_AGENT "proa/" PROA_VERSION

struct trust_entry {
	struct trust_entry *next;
	char *key; /* how, and for whom */
	struct tls_trust trust;
};

struct http {
	CURLM *multi;
	struct http_options options;
	struct http_transfer *transfers;
	struct trust_entry *trusts;
};

unsigned http_retries(const struct http *h)
{
	return h->options.retries;
}

unsigned http_retry_delay_ms(const struct http *h)
{
	return h->options.retry_delay_ms;
}

/* --- trust --- */

static int find_trust(struct http *h, const struct http_transfer *t, const struct tls_trust **ret,
	struct err *err)
{
	autofree char *authority = url_authority(&t->url);
	/* certs.d is named by the registry as the user wrote it; other hosts by their own name. */
	const char *name = url_same_origin(&t->url, &t->origin) ? t->certs_name : NULL;
	const struct tls_options *o = t->q.tls ? t->q.tls : &h->options.tls;
	autofree char *key = xasprintf("%d %d %s %s %s", t->url.https, (int)o->mode, authority,
		name ? name : "", o->cert_dir ? o->cert_dir : "");
	struct trust_entry *e;
	int r;

	for (e = h->trusts; e; e = e->next) {
		if (str_eq(e->key, key)) {
			*ret = &e->trust;
			return 0;
		}
	}
	e = NEW(struct trust_entry);
	r = tls_trust_find(o, &t->url, name, &e->trust, err);
	if (r < 0) {
		free(e);
		return r;
	}
	e->key = TAKE_PTR(key);
	e->next = h->trusts;
	h->trusts = e;
	*ret = &e->trust;
	return 0;
}

static void free_trusts(struct http *h)
{
	struct trust_entry *e;

	while ((e = h->trusts)) {
		h->trusts = e->next;
		tls_trust_done(&e->trust);
		free(e->key);
		free(e);
	}
}

/* --- callbacks: a failure is kept in the transfer, libcurl only learns that there is one --- */

static size_t on_header(char *data, size_t size, size_t n, void *ctx)
{
	struct http_transfer *t = ctx;
	int r = http_headers_add(t, data, size * n, &t->err);

	if (r < 0) {
		t->failure = r;
		return 0;
	}
	return size * n;
}

static size_t on_body(char *data, size_t size, size_t n, void *ctx)
{
	struct http_transfer *t = ctx;
	int r = http_add_body(t, data, size * n, &t->err);

	if (r < 0) {
		if (!t->collected_enough)
			t->failure = r;
		return 0;
	}
	return size * n;
}

static uint64_t body_len(const struct http_transfer *t)
{
	return t->file.len ? t->file.len : t->q.body_len;
}

static size_t on_send(char *to, size_t size, size_t n, void *ctx)
{
	struct http_transfer *t = ctx;
	uint64_t left = body_len(t) - t->body_at;
	size_t len = size * n < left ? size * n : (size_t)left;
	int r = 0;

	if (len == 0)
		return 0;
	if (t->file.len)
		r = file_pread_exact(t->file.fd, to, len, t->file.offset + t->body_at, &t->err);
	else
		memcpy(to, t->body + t->body_at, len);
	if (r < 0) {
		t->failure = r;
		return CURL_READFUNC_ABORT;
	}
	t->body_at += len;
	if (t->file.progress)
		t->file.progress(t->file.ctx, t->body_at);
	return len;
}

/*
 * libcurl starts over by itself where a kept connection turns out to be dead. Bytes that may have
 * arrived are not sent twice behind the back of who keeps count (HTTP_ONE_TRY).
 */
static int on_rewind(void *ctx, curl_off_t offset, int origin)
{
	struct http_transfer *t = ctx;

	if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > body_len(t))
		return CURL_SEEKFUNC_CANTSEEK;
	if ((t->q.flags & HTTP_ONE_TRY) && t->body_at > 0)
		return CURL_SEEKFUNC_FAIL;
	t->body_at = (uint64_t)offset;
	return CURL_SEEKFUNC_OK;
}

/* --- one hop --- */

static void end_hop(struct http_transfer *t)
{
	if (t->easy) {
		(void)curl_multi_remove_handle(t->http->multi, t->easy);
		curl_easy_cleanup(t->easy);
		t->easy = NULL;
	}
	/* One of these lines is the Authorization. */
	for (struct curl_slist *line = t->slist; line; line = line->next)
		explicit_bzero(line->data, strlen(line->data));
	curl_slist_free_all(t->slist);
	t->slist = NULL;
}

#define SET(easy, option, value) ok = ok && curl_easy_setopt(easy, option, value) == CURLE_OK

static bool set_trust(CURL *easy, const struct tls_trust *trust)
{
	bool ok = true;

	SET(easy, CURLOPT_SSL_VERIFYPEER, trust->verify ? 1L : 0L);
	SET(easy, CURLOPT_SSL_VERIFYHOST, trust->verify ? 2L : 0L);
	/* Never the paths that were compiled in: a static file meets any distribution. */
	SET(easy, CURLOPT_CAINFO, trust->ca_file);
	SET(easy, CURLOPT_CAPATH, trust->ca_path);
	if (trust->ca_extra) {
		struct curl_blob blob = { .data = trust->ca_extra,
			.len = strlen(trust->ca_extra),
			.flags = CURL_BLOB_NOCOPY };

		SET(easy, CURLOPT_CAINFO_BLOB, &blob);
	}
	if (trust->client_cert) {
		SET(easy, CURLOPT_SSLCERT, trust->client_cert);
		SET(easy, CURLOPT_SSLKEY, trust->client_key);
	}
	return ok;
}

static bool set_connection(CURL *easy, struct http_transfer *t)
{
	autofree char *proxy = proxy_find(&t->url);
	long patience = (long)t->http->options.stall_seconds;
	bool ok = true;

	if (body_len(t) > BIG_BODY)
		patience *= BIG_BODY_PATIENCE;
	SET(easy, CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075500
	SET(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	SET(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
	SET(easy, CURLOPT_PROXY, proxy ? proxy : "");
	SET(easy, CURLOPT_NOPROXY, "");
	SET(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	SET(easy, CURLOPT_HTTP_VERSION,
		(long)(t->http1 || (t->q.flags & HTTP_VERSION_1) ? CURL_HTTP_VERSION_1_1
								 : CURL_HTTP_VERSION_2TLS));
	SET(easy, CURLOPT_CONNECTTIMEOUT, (long)t->http->options.connect_seconds);
	SET(easy, CURLOPT_LOW_SPEED_LIMIT, 1024L);
	SET(easy, CURLOPT_LOW_SPEED_TIME, patience);
	SET(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	SET(easy, CURLOPT_BUFFERSIZE, RECEIVE_BUFFER);
	return ok;
}

static void add_header(struct http_transfer *t, const char *name, const char *value)
{
	autofree char *line = xasprintf("%s: %s", name, value);
	struct curl_slist *list = curl_slist_append(t->slist, line);

	assert_that(list);
	explicit_bzero(line, strlen(line));
	t->slist = list;
}

static bool set_method(CURL *easy, struct http_transfer *t)
{
	bool ok = true;

	switch (t->q.method) {
	case HTTP_GET:
		return true;
	case HTTP_HEAD:
		SET(easy, CURLOPT_NOBODY, 1L);
		return ok;
	case HTTP_DELETE:
		SET(easy, CURLOPT_CUSTOMREQUEST, "DELETE");
		return ok;
	case HTTP_POST:
		SET(easy, CURLOPT_POST, 1L);
		SET(easy, CURLOPT_POSTFIELDS, t->body ? t->body : "");
		SET(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->q.body_len);
		return ok;
	case HTTP_PATCH:
		SET(easy, CURLOPT_CUSTOMREQUEST, "PATCH");
		break;
	case HTTP_PUT:
		break;
	}
	SET(easy, CURLOPT_UPLOAD, 1L);
	SET(easy, CURLOPT_READFUNCTION, on_send);
	SET(easy, CURLOPT_READDATA, t);
	SET(easy, CURLOPT_SEEKFUNCTION, on_rewind);
	SET(easy, CURLOPT_SEEKDATA, t);
	SET(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)body_len(t));
	SET(easy, CURLOPT_UPLOAD_BUFFERSIZE, SEND_BUFFER);
	return ok;
}

static bool set_message(CURL *easy, struct http_transfer *t)
{
	autofree char *url = url_format(&t->url);
	bool ok = true;

	SET(easy, CURLOPT_URL, url);
	SET(easy, CURLOPT_USERAGENT, USER_AGENT);
	SET(easy, CURLOPT_FOLLOWLOCATION, 0L);
	add_header(t, "Accept", t->accept ? t->accept : "*/*");
	add_header(t, "Accept-Encoding", "identity");
	add_header(t, "Expect", "");
	if (t->authorization && !t->left_origin)
		add_header(t, "Authorization", t->authorization);
	if (t->content_type)
		add_header(t, "Content-Type", t->content_type);
	if (t->content_range)
		add_header(t, "Content-Range", t->content_range);
	ok = ok && set_method(easy, t);
	if (t->position > 0) {
		autofree char *range = xasprintf("bytes=%llu-", (unsigned long long)t->position);

		add_header(t, "Range", range);
	}
	SET(easy, CURLOPT_HTTPHEADER, t->slist);
	return ok;
}

static void reset_answer(struct http_transfer *t)
{
	http_headers_done(&t->headers);
	http_encoding_reset(t);
	if (t->collected.data)
		explicit_bzero(t->collected.data, t->collected.cap);
	buf_reset(&t->collected);
	t->collected_enough = false;
	t->status = 0;
	t->begun = false;
	t->hop_start = t->position;
	t->body_at = 0;
	t->curl_error[0] = '\0';
	t->failure = 0;
}

static int begin_hop(struct http_transfer *t, struct err *err)
{
	const struct tls_trust *trust;
	bool ok = true;
	CURL *easy;
	int r;

	reset_answer(t);
	r = find_trust(t->http, t, &trust, err);
	if (r < 0)
		return r;
	easy = curl_easy_init();
	assert_that(easy);
	t->easy = easy;
	SET(easy, CURLOPT_PRIVATE, t);
	SET(easy, CURLOPT_ERRORBUFFER, t->curl_error);
	SET(easy, CURLOPT_HEADERFUNCTION, on_header);
	SET(easy, CURLOPT_HEADERDATA, t);
	SET(easy, CURLOPT_WRITEFUNCTION, on_body);
	SET(easy, CURLOPT_WRITEDATA, t);
	ok = ok && set_trust(easy, trust) && set_connection(easy, t) && set_message(easy, t);
	if (!ok || curl_multi_add_handle(t->http->multi, easy) != CURLM_OK) {
		end_hop(t);
		return err_set(err, ERR_UNSUPPORTED,
			"this libcurl lacks something that is needed (TLS, proxies or HTTP)");
	}
	t->state = HTTP_RUNNING;
	return 0;
}

/* --- the life of a transfer --- */

static void free_transfer(struct http_transfer *t)
{
	struct http *h = t->http;

	end_hop(t);
	if (t->prev)
		t->prev->next = t->next;
	else
		h->transfers = t->next;
	if (t->next)
		t->next->prev = t->prev;
	http_headers_done(&t->headers);
	http_encoding_reset(t);
	if (t->collected.data)
		explicit_bzero(t->collected.data, t->collected.cap);
	buf_done(&t->collected);
	url_done(&t->origin);
	url_done(&t->url);
	if (t->authorization)
		explicit_bzero(t->authorization, strlen(t->authorization));
	if (t->body)
		explicit_bzero(t->body, t->q.body_len);
	free(t->authorization);
	free(t->certs_name);
	free(t->accept);
	free(t->content_type);
	free(t->content_range);
	free(t->body);
	free(t);
}

static void report(struct http_transfer *t, int r)
{
	struct http_response response = {
		.status = t->status,
		.url = &t->url,
		.body = &t->collected,
		.position = t->position,
		.headers = &t->headers,
	};
	autofree char *shown = url_display(&t->url);

	log_debug("%s %s: %d, %llu bytes, %lld ms%s%s", http_method_name(t->q.method), shown,
		t->status, (unsigned long long)(t->position + t->collected.len + t->body_at),
		(long long)((clock_boottime_ns() - t->started_at) / 1000000), r < 0 ? ": " : "",
		r < 0 ? t->err.msg : "");
	end_hop(t);
	t->state = HTTP_ENDED;
	t->q.done(t->q.ctx, &response, r, &t->err);
	free_transfer(t);
}

static void follow(struct http_transfer *t, enum http_verdict verdict)
{
	int r;

	end_hop(t);
	switch (verdict) {
	case HTTP_DONE:
		report(t, 0);
		return;
	case HTTP_FAIL:
		report(t, t->failure);
		return;
	case HTTP_REDIRECT:
		r = begin_hop(t, &t->err);
		if (r < 0)
			report(t, r);
		return;
	case HTTP_RETRY:
		/* Presigned targets expire: a new try begins at the registry. */
		url_done(&t->url);
		url_copy(&t->origin, &t->url);
		t->redirects = 0;
		t->left_origin = false;
		t->state = HTTP_WAITING;
		return;
	}
}

/*
 * What OpenSSL says when the other side does not speak TLS. Our static build leaves out OpenSSL's
 * texts: it then gives the reason's number (ssl/sslerr.h: SSL_R_*).
 */
static bool is_plain_http(const char *text)
{
	static const char *const signs[] = {
		"wrong version number", "reason(267)",	 /* SSL_R_WRONG_VERSION_NUMBER */
		"http request", "reason(156)",		 /* SSL_R_HTTP_REQUEST */
		"packet length too long", "reason(198)", /* SSL_R_PACKET_LENGTH_TOO_LONG */
	};

	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
		if (strstr(text, signs[i]))
			return true;
	}
	return false;
}

static enum http_verdict judge_tls(struct http_transfer *t, CURLcode code, const char *text)
{
	autofree char *authority = url_authority(&t->url);

	if (code == CURLE_SSL_CONNECT_ERROR && is_plain_http(text)) {
		t->failure = err_set(&t->err, ERR_NETWORK,
			"https://%s: the server speaks plain HTTP", authority);
		err_hint(&t->err, t->failure, "--tls-verify=false allows plain HTTP");
		return HTTP_FAIL;
	}
	if (code != CURLE_PEER_FAILED_VERIFICATION)
		return http_judge_failure(t, code == CURLE_SSL_CONNECT_ERROR, -ERR_NETWORK, text);
	t->failure = err_set(&t->err, ERR_NETWORK, "https://%s: its certificate is not trusted: %s",
		authority, text);
	err_hint(&t->err, t->failure,
		"put its CA into ~/.config/containers/certs.d/%s/ca.crt, or set SSL_CERT_FILE; "
		"a wrong clock has the same effect",
		authority);
	return HTTP_FAIL;
}

static enum http_verdict judge(struct http_transfer *t)
{
	CURLcode code = (CURLcode)t->curl_code;
	const char *text = t->curl_error[0] ? t->curl_error : curl_easy_strerror(code);

	if (t->status > 0)
		t->reached = true;
	if (t->failure < 0) {
		autofree char *shown = url_display(&t->url);
		bool retryable = t->failure == -ERR_NETWORK;
		struct err cause = t->err;

		if (retryable)
			return http_judge_failure(t, true, t->failure, cause.msg);
		err_ctx(&t->err, t->failure, "%s", shown);
		return HTTP_FAIL;
	}
	if (t->collected_enough || code == CURLE_OK)
		return http_judge_answer(t);
	/* Refused in the middle of our body, and the connection closed behind the answer. */
	if (code == CURLE_SEND_ERROR && t->status >= 400)
		return http_judge_answer(t);
	switch ((int)code) {
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
		t->http1 = true;
		return http_judge_failure(t, true, -ERR_NETWORK, text);
	case CURLE_OPERATION_TIMEDOUT:
		return http_judge_failure(t, true, -ERR_TIMEOUT, text);
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_CONNECT:
	case CURLE_PARTIAL_FILE:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_SEND_FAIL_REWIND:
	case CURLE_GOT_NOTHING:
		/* Over TLS it may have been HTTP/2 that was not understood. */
		t->http1 = t->http1 || (t->url.https && t->status == 0);
		return http_judge_failure(t, true, -ERR_NETWORK, text);
	default:
		return judge_tls(t, code, text);
	}
}

/* --- the loop --- */

int http_new(const struct http_options *options, struct http **ret, struct err *err)
{
	struct http *h;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return err_set(err, ERR_UNSUPPORTED, "libcurl cannot be used");
	h = NEW(struct http);
	h->options = *options;
	h->multi = curl_multi_init();
	assert_that(h->multi);
	*ret = h;
	return 0;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	while (h->transfers)
		free_transfer(h->transfers);
	(void)curl_multi_cleanup(h->multi);
	free_trusts(h);
	free(h);
}

static int delay(struct http_transfer *t, int64_t ns)
{
	t->state = HTTP_WAITING;
	t->retry_at = clock_boottime_ns() + ns;
	return 0;
}

int http_start(
	struct http *h, const struct http_request *q, struct http_transfer **ret, struct err *err)
{
	struct http_transfer *t = NEW(struct http_transfer);
	int r;

	t->http = h;
	t->q = *q;
	url_copy(q->url, &t->origin);
	url_copy(q->url, &t->url);
	t->q.url = &t->origin;
	t->authorization = xstrdup(q->authorization);
	t->certs_name = xstrdup(q->certs_name);
	t->accept = xstrdup(q->accept);
	t->content_type = xstrdup(q->content_type);
	t->content_range = xstrdup(q->content_range);
	if (q->file)
		t->file = *q->file;
	t->body = q->body ? xmemdup(q->body, q->body_len) : NULL;
	t->position = q->offset;
	t->started_at = clock_boottime_ns();
	t->next = h->transfers;
	if (t->next)
		t->next->prev = t;
	h->transfers = t;
	r = q->delay_ns > 0 ? delay(t, q->delay_ns) : begin_hop(t, err);
	if (r < 0) {
		free_transfer(t);
		return r;
	}
	if (ret)
		*ret = t;
	return 0;
}

void http_cancel(struct http_transfer *t)
{
	free_transfer(t);
}

/* Milliseconds until the first retry is due, at most `timeout_ms` (-1 = no limit). */
static int next_timer(const struct http *h, int timeout_ms)
{
	int64_t now = clock_boottime_ns();

	for (const struct http_transfer *t = h->transfers; t; t = t->next) {
		int64_t ms;

		if (t->state != HTTP_WAITING)
			continue;
		ms = t->retry_at > now ? (t->retry_at - now + 999999) / 1000000 : 0;
		if (timeout_ms < 0 || ms < timeout_ms)
			timeout_ms = (int)ms;
	}
	return timeout_ms;
}

static void collect_ended(struct http *h)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(h->multi, &left))) {
		struct http_transfer *t = NULL;

		if (m->msg != CURLMSG_DONE ||
			curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t) != CURLE_OK)
			continue;
		t->curl_code = (int)m->data.result;
		t->state = HTTP_ENDED;
	}
}

/* A transfer that has something to do now; done functions may have changed the list meanwhile. */
static struct http_transfer *next_due(struct http *h)
{
	int64_t now = clock_boottime_ns();

	for (struct http_transfer *t = h->transfers; t; t = t->next)
		if (t->state == HTTP_ENDED || (t->state == HTTP_WAITING && t->retry_at <= now))
			return t;
	return NULL;
}

static void serve_due(struct http *h)
{
	struct http_transfer *t;

	while ((t = next_due(h))) {
		int r;

		if (t->state == HTTP_ENDED) {
			follow(t, judge(t));
			continue;
		}
		r = begin_hop(t, &t->err);
		if (r < 0)
			report(t, r);
	}
}

static int count_transfers(const struct http *h)
{
	int n = 0;

	for (const struct http_transfer *t = h->transfers; t; t = t->next)
		n++;
	return n;
}

static int wait_for_sockets(
	struct http *h, struct pollfd *extra, size_t n_extra, int timeout_ms, struct err *err)
{
	struct curl_waitfd *fds = NEW_ARRAY(struct curl_waitfd, n_extra + 1);
	int timeout = next_timer(h, timeout_ms);
	CURLMcode code;

	for (size_t i = 0; i < n_extra; i++) {
		fds[i].fd = extra[i].fd;
		fds[i].events = extra[i].events & POLLIN ? CURL_WAIT_POLLIN : 0;
	}
	code = curl_multi_poll(
		h->multi, fds, (unsigned)n_extra, timeout < 0 ? 60000 : timeout, NULL);
	free(fds);
	if (code != CURLM_OK)
		return err_set(err, ERR_NETWORK, "poll: %s", curl_multi_strerror(code));
	/* libcurl hides POLLHUP and POLLERR. */
	if (n_extra > 0 && poll(extra, n_extra, 0) < 0 && errno != EINTR)
		return err_sys(err, errno, "poll");
	return 0;
}

static int perform(struct http *h, struct err *err)
{
	int running;
	CURLMcode code = curl_multi_perform(h->multi, &running);

	if (code != CURLM_OK)
		return err_set(err, ERR_NETWORK, "transfer: %s", curl_multi_strerror(code));
	collect_ended(h);
	return 0;
}

int http_poll(struct http *h, struct pollfd *extra, size_t n_extra, int timeout_ms, struct err *err)
{
	/* What was started since the last call sends its request before anybody sleeps. */
	int r = perform(h, err);

	if (r >= 0)
		r = wait_for_sockets(h, extra, n_extra, next_due(h) ? 0 : timeout_ms, err);
	if (r >= 0)
		r = perform(h, err);
	if (r < 0)
		return r;
	serve_due(h);
	return count_transfers(h);
}

struct run_wait {
	const struct http_request *q;
	bool done;
};

static void on_run_done(
	void *ctx, const struct http_response *response, int r, const struct err *err)
{
	struct run_wait *w = ctx;

	w->done = true;
	w->q->done(w->q->ctx, response, r, err);
}

int http_run(struct http *h, const struct http_request *q, struct err *err)
{
	struct run_wait w = { .q = q };
	struct http_request own = *q;
	struct http_transfer *t;
	int r;

	own.done = on_run_done;
	own.ctx = &w;
	r = http_start(h, &own, &t, err);
	if (r < 0)
		return r;
	while (!w.done) {
		r = http_poll(h, NULL, 0, -1, err);
		if (r < 0 && !w.done)
			http_cancel(t);
		if (r < 0)
			return r;
	}
	return 0;
}
