#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/str.h"
#include "registry/http_priv.h"

#define WAIT_MAX_NS	 (60 * NSEC_PER_SEC) /* a longer Retry-After is reported, not obeyed */
#define GOOD_PROGRESS	 (1024 * 1024) /* as much in one try makes its failure the first again */
#define UNREACHED_MAX	 2	       /* retries while no server has ever answered */
#define HEADER_COUNT_MAX 512

const char *http_method_name(enum http_method m)
{
	switch (m) {
	case HTTP_GET:
		return "GET";
	case HTTP_HEAD:
		return "HEAD";
	case HTTP_POST:
		return "POST";
	case HTTP_PUT:
		return "PUT";
	case HTTP_PATCH:
		return "PATCH";
	case HTTP_DELETE:
		return "DELETE";
	}
	return "?";
}

/* --- headers --- */

void http_headers_done(struct http_headers *h)
{
	for (size_t i = 0; i < h->n; i++)
		free(h->lines[i]);
	free(h->lines);
	*h = (struct http_headers){ 0 };
}

static void start_block(struct http_transfer *t, const char *line, size_t len)
{
	size_t bytes = t->headers.bytes;
	const char *sp = memchr(line, ' ', len);

	http_headers_done(&t->headers);
	t->headers_done = false;
	t->headers.bytes = bytes;
	t->status = 0;
	for (int i = 1; sp && i <= 3 && sp + i < line + len; i++) {
		if (sp[i] < '0' || sp[i] > '9') {
			t->status = 0;
			return;
		}
		t->status = t->status * 10 + (sp[i] - '0');
	}
}

int http_headers_add(struct http_transfer *t, const char *line, size_t len, struct err *err)
{
	struct http_headers *h = &t->headers;
	char *copy;

	h->bytes += len;
	if (h->bytes > HTTP_MAX_HEADERS || h->n >= HEADER_COUNT_MAX)
		return err_set(err, ERR_LIMIT, "the answer's headers exceed %d KiB",
			HTTP_MAX_HEADERS / 1024);
	if (len >= 5 && memcmp(line, "HTTP/", 5) == 0) {
		start_block(t, line, len);
		return 0;
	}
	while (len > 0 && strchr("\r\n \t", line[len - 1]))
		len--;
	if (len == 0)
		t->headers_done = true;
	if (len == 0 || !memchr(line, ':', len))
		return 0;
	copy = xstrndup(line, len);
	str_make_printable(copy);
	GROW(h->lines, h->n, h->cap);
	h->lines[h->n++] = copy;
	return 0;
}

const char *http_headers_get(const struct http_headers *h, const char *name, size_t nth)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < h->n; i++) {
		const char *line = h->lines[i];

		if (strncasecmp(line, name, len) != 0 || line[len] != ':')
			continue;
		if (nth-- == 0)
			return line + len + 1 + strspn(line + len + 1, " \t");
	}
	return NULL;
}

const char *http_header(const struct http_response *r, const char *name, size_t nth)
{
	return r->headers ? http_headers_get(r->headers, name, nth) : NULL;
}

/* --- body --- */

/* "bytes 100-199/200" or "bytes 100-199/ *": true with the start, and the total or 0. */
static bool parse_content_range(const char *s, uint64_t *ret_start, uint64_t *ret_total)
{
	autofree char *copy = xstrdup(s);
	char *dash, *slash;

	*ret_total = 0;
	if (strncasecmp(copy, "bytes ", 6) != 0)
		return false;
	dash = strchr(copy, '-');
	slash = strchr(copy, '/');
	if (!dash || !slash || slash < dash)
		return false;
	*dash = '\0';
	if (parse_u64(copy + 6, UINT64_MAX, ret_start, NULL) < 0)
		return false;
	return str_eq(slash + 1, "*") || parse_u64(slash + 1, UINT64_MAX, ret_total, NULL) == 0;
}

/* A server that tells another length than the object has is caught before a byte is written. */
static int check_length(struct http_transfer *t, uint64_t start, struct err *err)
{
	const char *v = http_headers_get(&t->headers, "Content-Length", 0);
	uint64_t length;

	if (!v || t->q.size == 0 || http_headers_get(&t->headers, "Content-Encoding", 0))
		return 0;
	if (parse_u64(v, UINT64_MAX, &length, NULL) < 0 || length == t->q.size - start)
		return 0;
	return err_set(err, ERR_DIGEST, "the server offers %llu bytes where %llu are expected",
		(unsigned long long)length, (unsigned long long)(t->q.size - start));
}

static int start_of_body(struct http_transfer *t, uint64_t *ret, struct err *err)
{
	const char *range = http_headers_get(&t->headers, "Content-Range", 0);
	uint64_t total;

	*ret = 0;
	if (t->status != 206)
		return 0;
	if (!range || !parse_content_range(range, ret, &total))
		return err_set(err, ERR_NETWORK, "the server sent a part without saying which");
	if (*ret != t->position)
		return err_set(err, ERR_NETWORK,
			"the server sent a part from byte %llu where %llu was asked for",
			(unsigned long long)*ret, (unsigned long long)t->position);
	if (total && t->q.size && total != t->q.size)
		return err_set(err, ERR_DIGEST, "the server has %llu bytes where %llu are expected",
			(unsigned long long)total, (unsigned long long)t->q.size);
	return 0;
}

int http_begin_body(struct http_transfer *t, struct err *err)
{
	uint64_t start;
	int r;

	if (t->begun || !t->q.sink.begin)
		return 0;
	r = start_of_body(t, &start, err);
	if (r < 0)
		return r;
	r = check_length(t, start, err);
	if (r < 0)
		return r;
	t->begun = true;
	t->position = t->hop_start = start;
	return t->q.sink.begin(t->q.sink.ctx, start, err);
}

static int add_to_sink(struct http_transfer *t, const void *data, size_t len, struct err *err)
{
	int r = http_begin_body(t, err);

	if (r < 0)
		return r;
	if (t->q.size && len > t->q.size - t->position)
		return err_set(err, ERR_DIGEST, "more than the expected %llu bytes came",
			(unsigned long long)t->q.size);
	r = t->q.sink.write(t->q.sink.ctx, data, len, err);
	if (r < 0)
		return r;
	t->position += len;
	return 0;
}

static int take_body(struct http_transfer *t, const void *data, size_t len, struct err *err)
{
	bool success = http_is_success(t);
	size_t room, max = success ? (size_t)t->q.max_body : HTTP_MAX_ERROR_BODY;

	if (success && t->q.sink.write)
		return add_to_sink(t, data, len, err);
	t->collected.max = max;
	room = max - t->collected.len;
	if (len <= room) {
		buf_append(&t->collected, data, len);
		return 0;
	}
	if (success)
		return err_set(err, ERR_LIMIT, "the answer is longer than %zu bytes", max);
	buf_append(&t->collected, data, room);
	t->collected_enough = true;
	return -ERR_LIMIT; /* ends the hop; not an error */
}

int http_add_body(struct http_transfer *t, const void *data, size_t len, struct err *err)
{
	int r = http_encoding_begin(t, err);

	if (r < 0)
		return r;
	if (t->decoder)
		return http_encoding_run(t, data, len, take_body, err);
	return take_body(t, data, len, err);
}

/* --- verdicts --- */

static enum http_verdict fail(struct http_transfer *t, int r)
{
	t->failure = r;
	return HTTP_FAIL;
}

static bool may_retry(struct http_transfer *t)
{
	unsigned max = http_retries(t->http);

	if (t->q.flags & HTTP_ONE_TRY)
		return false;
	if (t->begun && t->position - t->hop_start >= GOOD_PROGRESS)
		t->tries = 0;
	if (!t->reached && max > UNREACHED_MAX)
		max = UNREACHED_MAX;
	return t->tries < max;
}

static enum http_verdict retry(struct http_transfer *t, int64_t pause, const char *why)
{
	autofree char *shown = url_display(&t->url);

	t->tries++;
	if (pause < 0)
		pause = http_retry_pause(t->tries, http_retry_delay_ms(t->http));
	t->retry_at = clock_boottime_ns() + pause;
	log_debug("%s: %s; trying again in %lld ms (%u)", shown, why, (long long)(pause / 1000000),
		t->tries);
	return HTTP_RETRY;
}

/* The older ones would turn a request that changes something into a GET. */
static bool is_redirect(const struct http_transfer *t)
{
	switch (t->status) {
	case 301:
	case 302:
	case 303:
		return t->q.method == HTTP_GET || t->q.method == HTTP_HEAD;
	case 307:
	case 308:
		return true;
	default:
		return false;
	}
}

/* See security notes, row 38. */
int http_check_target(
	const struct url *origin, const struct url *from, const struct url *to, struct err *err)
{
	enum url_host class = url_host_class(to), own = url_host_class(origin);
	autofree char *shown = url_display(to);

	if (from->https && !to->https)
		return err_set(err, ERR_DENIED, "redirect from https to %s refused", shown);
	if ((class == URL_HOST_LINK_LOCAL || class == URL_HOST_LOOPBACK) && class != own)
		return err_set(err, ERR_DENIED, "redirect to %s refused", shown);
	return 0;
}

/* A POST's body is a login. */
static int check_redirect(const struct http_transfer *t, const struct url *to, struct err *err)
{
	autofree char *shown = url_display(to);

	if (t->q.method == HTTP_POST && t->q.body_len > 0 && !url_same_origin(&t->origin, to))
		return err_set(err, ERR_DENIED, "redirect of a login to %s refused", shown);
	return http_check_target(&t->origin, &t->url, to, err);
}

static enum http_verdict judge_redirect(struct http_transfer *t)
{
	const char *location = http_headers_get(&t->headers, "Location", 0);
	AUTO(url) struct url to = { 0 };
	int r;

	if (!location)
		return HTTP_DONE;
	if (t->redirects >= HTTP_MAX_REDIRECTS)
		return fail(t, err_set(&t->err, ERR_NETWORK, "more than %d redirects",
				       HTTP_MAX_REDIRECTS));
	r = url_resolve(&t->url, location, &to, &t->err);
	if (r < 0)
		return fail(t, err_ctx(&t->err, r, "redirect"));
	r = check_redirect(t, &to, &t->err);
	if (r < 0)
		return fail(t, r);
	t->redirects++;
	if (!url_same_origin(&t->origin, &to))
		t->left_origin = true;
	url_done(&t->url);
	t->url = to;
	to = (struct url){ 0 };
	return HTTP_REDIRECT;
}

/* registry.md 2.5; 499 and 520-524 are nginx's and Cloudflare's. */
bool http_is_transient(int status)
{
	switch (status) {
	case 408:
	case 425:
	case 429:
	case 499:
	case 500:
	case 502:
	case 503:
	case 504:
		return true;
	default:
		return status >= 520 && status <= 524;
	}
}

static enum http_verdict judge_transient(struct http_transfer *t)
{
	const char *value = http_headers_get(&t->headers, "Retry-After", 0);
	int64_t pause = value ? http_retry_after_ns(value, clock_wall_ns()) : -1;
	char why[32];

	if (pause > WAIT_MAX_NS || !may_retry(t))
		return HTTP_DONE;
	if (pause == 0)
		pause = -1;
	(void)snprintf(why, sizeof(why), "status %d", t->status);
	return retry(t, pause, why);
}

/* A redirect target is signed for a time only and has no challenge for us: ask the registry again. */
static bool is_stale_target(const struct http_transfer *t)
{
	return t->left_origin && (t->status == 400 || t->status == 403) && t->q.method == HTTP_GET;
}

enum http_verdict http_judge_answer(struct http_transfer *t)
{
	int r;

	/* libcurl takes half a header block for an answer without a body. */
	if (!t->headers_done)
		return http_judge_failure(
			t, true, -ERR_NETWORK, "the connection ended inside the headers");
	if (is_redirect(t))
		return judge_redirect(t);
	if (http_is_transient(t->status))
		return judge_transient(t);
	if (is_stale_target(t) && !t->asked_again && may_retry(t)) {
		t->asked_again = true;
		return retry(t, -1, "redirect target refused");
	}
	/* The wanted offset may lie behind what the server thinks is the end: start over. */
	if (t->status == 416 && t->position > 0 && t->q.sink.begin && may_retry(t)) {
		t->position = 0;
		return retry(t, 0, "range refused");
	}
	if (http_encoding_end(t, take_body, &t->err) < 0 && !t->collected_enough)
		return http_judge_failure(t, true, -ERR_NETWORK, "a compressed answer ended early");
	if (!http_is_success(t) || !t->q.sink.write)
		return HTTP_DONE;
	r = http_begin_body(t, &t->err); /* an empty body */
	if (r < 0) {
		autofree char *shown = url_display(&t->url);

		return fail(t, err_ctx(&t->err, r, "%s", shown));
	}
	if (t->q.size && t->position < t->q.size)
		return http_judge_failure(t, true, -ERR_NETWORK, "the connection ended early");
	return HTTP_DONE;
}

enum http_verdict http_judge_failure(
	struct http_transfer *t, bool retryable, int r, const char *text)
{
	autofree char *shown = url_display(&t->url);

	if (retryable && may_retry(t))
		return retry(t, -1, text);
	if (t->q.size && t->begun)
		return fail(
			t, err_set(&t->err, -r, "%s: %s after %llu of %llu bytes", shown, text,
				   (unsigned long long)t->position, (unsigned long long)t->q.size));
	return fail(t, err_set(&t->err, -r, "%s: %s", shown, text));
}
