#include "cli/progress.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/str.h"
#include "cli/table.h"
#include "sys/tty.h"

#define FRAME_NS	  (NSEC_PER_SEC / 10)
#define HEARTBEAT_NS	  (30 * NSEC_PER_SEC)
#define FRAME_MAX	  (256 * 1024)
#define PROGRESS_LINE_MAX 1024
#define MIN_BAR		  5
#define MAX_BAR		  50
#define SIZES_WIDTH	  19 /* "]  1.234MB/123.4MB" and its blanks */

struct item {
	char *id;
	char *verb;
	uint64_t done, total;
	bool bar;	 /* verb has numbers */
	bool finished;	 /* nothing follows */
	int64_t said_ns; /* when a plain line was printed last */
};

struct progress {
	int fd;
	bool quiet, bars;
	struct item *items;
	size_t n, cap;
	size_t drawn; /* lines of the last frame, which the cursor stands below */
	bool changed;
	int64_t drawn_ns;
};

struct progress *progress_new(int fd, enum progress_flags flags)
{
	struct progress *p = NEW(struct progress);
	const char *term = getenv("TERM");

	p->fd = fd;
	p->quiet = flags & PROGRESS_QUIET;
	p->bars = !(flags & PROGRESS_PLAIN) && tty_is_terminal(fd) && !str_empty(term) &&
		  !str_eq(term, "dumb");
	return p;
}

/* All of it in one go; a terminal that went away is nobody's failure. */
static void emit(const struct progress *p, const struct buf *b)
{
	size_t sent = 0;

	while (sent < b->len) {
		ssize_t n = write(p->fd, b->data + sent, b->len - sent);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		sent += (size_t)n;
	}
}

static struct tty_size terminal_size(const struct progress *p)
{
	struct tty_size size = { 0, 0 };

	if (tty_get_size(p->fd, &size, NULL) < 0)
		size = (struct tty_size){ 0, 0 };
	if (size.cols < 20)
		size.cols = 80;
	if (size.rows < 4)
		size.rows = 24;
	return size;
}

static void put_bar(struct buf *b, uint64_t done, uint64_t total, size_t width)
{
	size_t filled =
		done >= total ? width : (size_t)((double)done / (double)total * (double)width);

	buf_putc(b, '[');
	for (size_t i = 0; i < width; i++)
		buf_putc(b, i < filled ? '=' : i == filled ? '>' : ' ');
	buf_putc(b, ']');
}

/* One item in at most `width` columns. */
static void put_item(struct buf *out, const struct item *it, size_t width)
{
	AUTO(buf) struct buf line = BUF_INIT(PROGRESS_LINE_MAX);
	char done[32], total[32];
	size_t used;

	buf_printf(&line, "%s: %s", it->id, it->verb);
	if (it->bar) {
		clock_human_size(it->done, done, sizeof(done));
		clock_human_size(it->total, total, sizeof(total));
		used = table_width(buf_str(&line)) + 2 + SIZES_WIDTH;
		buf_putc(&line, ' ');
		if (it->total && used + MIN_BAR <= width)
			put_bar(&line, it->done, it->total,
				width - used > MAX_BAR ? MAX_BAR : width - used);
		buf_printf(&line, it->total ? " %s/%s" : " %s", done, total);
	}
	/* Names are ASCII; a byte is a column. */
	if (line.len > width)
		buf_truncate(&line, width);
	buf_append(out, buf_str(&line), line.len);
	buf_puts(out, "\033[K\n");
}

/* What a frame begins with: no cursor, and back to the first line of the frame before. */
static void begin_frame(struct progress *p, struct buf *b)
{
	buf_puts(b, "\033[?25l");
	if (p->drawn)
		buf_printf(b, "\033[%zuA\r", p->drawn);
}

/* With more items than rows: the unfinished ones, and one line that counts the rest. */
static void put_window(struct progress *p, struct buf *b, size_t rows, size_t width)
{
	size_t shown = 0, finished = 0;

	for (size_t i = 0; i < p->n; i++) {
		finished += p->items[i].finished;
		if (p->items[i].finished || shown + 1 >= rows)
			continue;
		put_item(b, &p->items[i], width);
		shown++;
	}
	buf_printf(b, "%zu of %zu complete\033[K\n", finished, p->n);
	p->drawn = shown + 1;
}

static void draw(struct progress *p, bool last)
{
	AUTO(buf) struct buf b = BUF_INIT(FRAME_MAX);
	struct tty_size size = terminal_size(p);
	/* The last column stays free: some terminals wrap as soon as it is written. */
	size_t width = size.cols - 1u, rows = size.rows - 1u;

	begin_frame(p, &b);
	if (last || p->n <= rows) {
		for (size_t i = 0; i < p->n; i++)
			put_item(&b, &p->items[i], width);
		p->drawn = p->n;
	} else {
		put_window(p, &b, rows, width);
	}
	/* What a longer frame has left below. */
	buf_puts(&b, "\033[J\033[?25h");
	emit(p, &b);
	p->changed = false;
	p->drawn_ns = clock_boottime_ns();
}

void progress_tick(struct progress *p)
{
	if (p->bars && !p->quiet && p->changed && clock_boottime_ns() - p->drawn_ns >= FRAME_NS)
		draw(p, false);
}

/* Without a terminal: a line when the verb changes, and one now and then. */
static void say(struct progress *p, struct item *it, bool new_verb)
{
	AUTO(buf) struct buf b = BUF_INIT(PROGRESS_LINE_MAX);
	int64_t now = clock_boottime_ns();
	char done[32], total[32];

	if (!new_verb && now - it->said_ns < HEARTBEAT_NS)
		return;
	it->said_ns = now;
	buf_printf(&b, "%s: %s", it->id, it->verb);
	if (!new_verb) {
		clock_human_size(it->done, done, sizeof(done));
		clock_human_size(it->total, total, sizeof(total));
		buf_printf(&b, it->total ? " %s/%s" : " %s", done, total);
	} else if (it->bar && it->total) {
		clock_human_size(it->total, total, sizeof(total));
		buf_printf(&b, " %s", total);
	}
	buf_putc(&b, '\n');
	emit(p, &b);
}

/* The verb is the item's own copy; true when it is another than before. */
static bool set_verb(struct item *it, const char *verb)
{
	if (str_eq(it->verb, verb))
		return false;
	free(it->verb);
	it->verb = xstrdup(verb);
	str_make_printable(it->verb);
	return true;
}

static void update(struct progress *p, struct item *it, const char *verb)
{
	bool new_verb = set_verb(it, verb);

	if (p->quiet)
		return;
	p->changed = true;
	if (p->bars)
		progress_tick(p);
	else
		say(p, it, new_verb);
}

unsigned progress_add(struct progress *p, const char *id)
{
	struct item *it;

	GROW(p->items, p->n, p->cap);
	it = &p->items[p->n++];
	*it = (struct item){ .id = xstrdup(id), .verb = xstrdup("") };
	str_make_printable(it->id);
	return (unsigned)(p->n - 1);
}

void progress_set(
	struct progress *p, unsigned item, const char *verb, uint64_t done, uint64_t total)
{
	struct item *it = &p->items[item];

	it->done = done;
	it->total = total;
	it->bar = true;
	update(p, it, verb);
}

void progress_state(struct progress *p, unsigned item, const char *state)
{
	p->items[item].bar = false;
	update(p, &p->items[item], state);
}

void progress_done(struct progress *p, unsigned item, const char *state)
{
	p->items[item].finished = true;
	progress_state(p, item, state);
}

void progress_line(struct progress *p, const char *fmt, ...)
{
	AUTO(buf) struct buf b = BUF_INIT(FRAME_MAX);
	AUTO(buf) struct buf text = BUF_INIT(PROGRESS_LINE_MAX);
	va_list ap;

	if (p->quiet)
		return;
	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	if (text.len)
		str_make_printable(text.data);
	if (p->bars && p->drawn)
		begin_frame(p, &b);
	buf_puts(&b, buf_str(&text));
	buf_puts(&b, p->bars ? "\033[K\n" : "\n");
	emit(p, &b);
	if (p->bars && p->drawn) {
		p->drawn = 0;
		draw(p, false);
	}
}

void progress_free(struct progress *p)
{
	if (p->bars && !p->quiet && (p->changed || p->drawn))
		draw(p, true);
	for (size_t i = 0; i < p->n; i++) {
		free(p->items[i].id);
		free(p->items[i].verb);
	}
	free(p->items);
	free(p);
}
