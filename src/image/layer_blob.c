#include "image/layer_blob.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/log.h"
#include "codec/compress.h"
#include "codec/decompress.h"
#include "store/blob.h"
#include "store/packed.h"
#include "sys/file.h"
#include "sys/landlock.h"
#include "sys/process.h"
#include "sys/sandbox.h"

#define BUFFER_SIZE  (256 * 1024)
#define REPORT_EVERY (4ULL << 20)
#define PACKED_NAME  "0"

enum { FD_SOURCE = 3, FD_PACKED, FD_REPORT, FD_END };

/* From the worker, in one write each; the last one has `ended`. */
struct report {
	uint64_t done; /* bytes of the source */
	uint64_t size; /* of the packed blob */
	int32_t ended;
	int32_t r; /* -kind with err, or 0 */
	struct digest digest;
	struct err err;
};

struct layer_pack {
	struct store *store;
	struct layer_pack_how how;
	char tmp[STORE_TMP_SIZE];
	int tmp_fd; /* holds its lock */
	int report_fd;
	pid_t pid;
	struct report last;
};

/* --- the worker --- */

struct worker {
	struct decompress *d;
	struct compress *c;
	struct hash *hash;
	uint8_t *in, *plain, *out;
	uint64_t done, size, reported;
};

static const int worker_calls[] = {
	__NR_read,
	__NR_write,
	__NR_mmap,
	__NR_munmap,
	__NR_mremap,
	__NR_madvise,
	__NR_brk,
	__NR_exit_group,
	__NR_exit,
	__NR_rt_sigreturn,
	__NR_futex,
};

static int put_out(struct worker *w, const uint8_t *end, struct err *err)
{
	size_t n = (size_t)(end - w->out);

	hash_update(w->hash, w->out, n);
	w->size += n;
	return file_write_all(FD_PACKED, w->out, n, err);
}

static int pack_plain(struct worker *w, size_t len, struct err *err)
{
	struct stream s = { .in = w->plain, .in_len = len };
	int r;

	do {
		s.out = w->out;
		s.out_len = BUFFER_SIZE;
		r = compress_run(w->c, &s, err);
		if (r >= 0)
			r = put_out(w, s.out, err);
	} while (r >= 0 && s.in_len);
	return r;
}

static int take_source(struct worker *w, size_t len, struct err *err)
{
	struct stream s = { .in = w->in, .in_len = len };
	int r;

	do {
		s.out = w->plain;
		s.out_len = BUFFER_SIZE;
		r = decompress_run(w->d, &s, err);
		if (r >= 0)
			r = pack_plain(w, (size_t)(s.out - w->plain), err);
	} while (r >= 0 && (s.in_len || !s.out_len));
	return r;
}

static int end_source(struct worker *w, struct err *err)
{
	struct stream s = { .out = w->plain, .out_len = BUFFER_SIZE };
	int r = decompress_finish(w->d, &s, err), all = 0;

	if (r >= 0)
		r = pack_plain(w, (size_t)(s.out - w->plain), err);
	while (r >= 0 && !all) {
		s.out = w->out;
		s.out_len = BUFFER_SIZE;
		all = r = compress_finish(w->c, &s, err);
		if (r >= 0)
			r = put_out(w, s.out, err);
	}
	return r;
}

static int say(const struct report *rep)
{
	return write(FD_REPORT, rep, sizeof(*rep)) == sizeof(*rep) ? 0 : -EPIPE;
}

static int pack_all(struct worker *w, struct err *err)
{
	for (;;) {
		ssize_t n = file_read(FD_SOURCE, w->in, BUFFER_SIZE, err);
		int r;

		if (n < 0)
			return (int)n;
		if (n == 0)
			return end_source(w, err);
		r = take_source(w, (size_t)n, err);
		if (r < 0)
			return r;
		w->done += (uint64_t)n;
		if (w->done - w->reported < REPORT_EVERY)
			continue;
		w->reported = w->done;
		if (say(&(struct report){ .done = w->done }) < 0)
			return err_set(err, EPIPE, "nobody waits for it any more");
	}
}

static int confine(struct err *err)
{
	int r = landlock_restrict(NULL, 0, err);

	if (r >= 0)
		r = sandbox_keep_caps(0, err);
	if (r >= 0)
		r = sandbox_allow(
			worker_calls, sizeof(worker_calls) / sizeof(worker_calls[0]), err);
	return r;
}

/* Everything is allocated before the walls go up, but what the decoder asks for by then. */
static int work(const struct compress_options *o, struct report *ret)
{
	struct worker w = {
		.d = decompress_new(),
		.c = compress_new(o),
		.hash = hash_new(),
		.in = xmalloc(BUFFER_SIZE),
		.plain = xmalloc(BUFFER_SIZE),
		.out = xmalloc(BUFFER_SIZE),
	};
	char hex[HASH_HEX_LEN + 1];
	int r = confine(&ret->err);

	if (r >= 0)
		r = pack_all(&w, &ret->err);
	if (r < 0)
		return r;
	hash_final_hex(w.hash, hex);
	ret->done = w.done;
	ret->size = w.size;
	return digest_from_hex(hex, &ret->digest);
}

/* Descriptors 3 to 5 and nothing else: no socket, no lock, no credential. */
static int place(int source, int packed, int report)
{
	int fds[] = { source, packed, report };

	for (int i = 0; i < 3; i++) {
		fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, FD_END);
		if (fds[i] < 0)
			return -errno;
	}
	for (int i = 0; i < 3; i++)
		if (dup2(fds[i], FD_SOURCE + i) < 0)
			return -errno;
	return process_close_from(FD_END);
}

static void worker_main(const struct compress_options *o, int source, int packed, int report)
{
	struct report rep = { .ended = 1 };

	(void)process_set_parent_death_signal(SIGKILL);
	if (place(source, packed, report) < 0)
		_exit(1);
	rep.r = work(o, &rep);
	(void)say(&rep);
	_exit(0);
}

/* --- our side --- */

static void fill_key(const struct layer_pack_how *how, struct packed_key *ret)
{
	*ret = (struct packed_key){
		.source = how->source,
		.format = media_compression_name(how->format),
		.level = how->level,
	};
}

int layer_pack_known(struct store *s, const struct layer_pack_how *how, struct digest *ret,
	uint64_t *ret_size, struct err *err)
{
	struct packed_key key;

	fill_key(how, &key);
	return packed_get(s, &key, ret, ret_size, err);
}

static int open_packed(struct layer_pack *job, int *ret_fd, struct err *err)
{
	int r = store_make_tmp_dir(job->store, "pack.", job->tmp, &job->tmp_fd, err);

	if (r < 0)
		return r;
	*ret_fd = openat(job->tmp_fd, PACKED_NAME, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (*ret_fd < 0)
		return err_sys(err, errno, "create %s/" PACKED_NAME, job->tmp);
	return 0;
}

/* Only of what is not packed the length is known beforehand. */
static uint64_t plain_size(int source)
{
	uint8_t head[DECOMPRESS_MAGIC_LEN];
	ssize_t n = pread(source, head, sizeof(head), 0);
	struct stat st;

	if (n < 0 || decompress_detect(head, (size_t)n) != DECOMPRESS_NONE ||
		fstat(source, &st) < 0)
		return UINT64_MAX;
	return (uint64_t)st.st_size;
}

static int start_worker(struct layer_pack *job, int source, int packed, struct err *err)
{
	struct compress_options o = {
		.format = job->how.format,
		.level = job->how.level,
		.size = plain_size(source),
	};
	autofd int write_end = -EBADF;
	int pipe_fds[2];

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make a pipe");
	job->report_fd = pipe_fds[0];
	write_end = pipe_fds[1];
	job->pid = fork();
	if (job->pid < 0)
		return err_sys(err, errno, "start a process");
	if (job->pid == 0)
		worker_main(&o, source, packed, write_end);
	return 0;
}

int layer_pack_begin(
	struct store *s, const struct layer_pack_how *how, struct layer_pack **ret, struct err *err)
{
	AUTO(layer_pack) struct layer_pack *job = NEW(struct layer_pack);
	autofd int source = -EBADF, packed = -EBADF;
	int r;

	*job = (struct layer_pack){ .store = s, .how = *how };
	job->tmp_fd = job->report_fd = -EBADF;
	job->pid = -1;
	r = blob_open(s, how->source, &source, err);
	if (r >= 0)
		r = open_packed(job, &packed, err);
	if (r >= 0)
		r = start_worker(job, source, packed, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(job);
	return 0;
}

int layer_pack_pollfd(const struct layer_pack *job)
{
	return job->report_fd;
}

int layer_pack_read(struct layer_pack *job, uint64_t *ret_done, struct err *err)
{
	ssize_t n = file_read(job->report_fd, &job->last, sizeof(job->last), err);

	if (n < 0)
		return (int)n;
	if (n != sizeof(job->last))
		return err_set(err, EPROTO, "packing ended without a word");
	*ret_done = job->last.done;
	return job->last.ended ? 1 : 0;
}

static void reap(struct layer_pack *job)
{
	if (job->pid <= 0)
		return;
	while (waitpid(job->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	job->pid = -1;
}

/* The worker read what strangers wrote: what it made is measured here, its word is not taken. */
static int measure(
	const struct layer_pack *job, struct digest *ret, uint64_t *ret_size, struct err *err)
{
	autofd int fd =
		openat(job->tmp_fd, PACKED_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	autofree char *chunk = xmalloc(BUFFER_SIZE);
	AUTO(hash) struct hash *h = hash_new();
	char hex[HASH_HEX_LEN + 1];
	ssize_t n;

	if (fd < 0)
		return err_sys(err, errno, "open %s/" PACKED_NAME, job->tmp);
	*ret_size = 0;
	while ((n = file_read(fd, chunk, BUFFER_SIZE, err)) > 0) {
		hash_update(h, chunk, (size_t)n);
		*ret_size += (uint64_t)n;
	}
	if (n < 0)
		return (int)n;
	hash_final_hex(h, hex);
	return digest_from_hex(hex, ret);
}

static int publish(
	struct layer_pack *job, const struct digest *digest, uint64_t size, struct err *err)
{
	autofree char *path = xasprintf("%s/" PACKED_NAME, job->tmp);
	struct packed_key key;
	int r = blob_adopt(job->store, path, digest, err);

	if (r < 0)
		return r;
	fill_key(&job->how, &key);
	return packed_put(job->store, &key, digest, size, err);
}

int layer_pack_finish(
	struct layer_pack *job, struct digest *ret, uint64_t *ret_size, struct err *err)
{
	AUTO(layer_pack) struct layer_pack *owned = job;
	int r;

	reap(owned);
	if (job->last.r < 0) {
		if (err) {
			*err = job->last.err;
			err_scrub(err, job->last.r);
		}
		return job->last.r;
	}
	r = measure(owned, ret, ret_size, err);
	return r < 0 ? r : publish(owned, ret, *ret_size, err);
}

void layer_pack_abort(struct layer_pack *job)
{
	if (job->pid > 0)
		(void)kill(job->pid, SIGKILL);
	reap(job);
	(void)fd_close(job->report_fd);
	/* What cannot be removed now is the sweeper's once the lock is gone. */
	if (job->tmp_fd >= 0)
		(void)!file_remove_tree(store_dirfd(job->store), job->tmp, NULL);
	(void)fd_close(job->tmp_fd);
	free(job);
}

/* --- waiting for it --- */

int layer_blob_sniff(
	struct store *s, const struct digest *blob, enum media_compression *ret, struct err *err)
{
	uint8_t head[MEDIA_SNIFF_LEN];
	autofd int fd = -EBADF;
	ssize_t n;
	int r = blob_open(s, blob, &fd, err);

	if (r < 0)
		return r;
	n = file_read(fd, head, sizeof(head), err);
	if (n < 0)
		return (int)n;
	*ret = media_sniff(head, (size_t)n);
	return 0;
}

static int pack_and_wait(struct store *s, const struct layer_pack_how *how, struct digest *ret,
	uint64_t *ret_size, struct err *err)
{
	AUTO(layer_pack) struct layer_pack *job = NULL;
	uint64_t done;
	int r = layer_pack_begin(s, how, &job, err);

	while (r == 0)
		r = layer_pack_read(job, &done, err);
	if (r < 0)
		return r;
	return layer_pack_finish(TAKE_PTR(job), ret, ret_size, err);
}

/* 1: packed before, and the blob is still here. */
static int find_packed(struct store *s, const struct layer_pack_how *how, struct digest *ret,
	uint64_t *ret_size, struct err *err)
{
	struct digest digest;
	uint64_t size;
	int r = layer_pack_known(s, how, &digest, &size, err);

	if (r == 1)
		r = blob_has(s, &digest, NULL, err);
	if (r != 1)
		return r;
	*ret = digest;
	*ret_size = size;
	return 1;
}

int layer_packed(struct store *s, const struct descriptor *plain, enum media_compression want,
	struct descriptor *ret, struct err *err)
{
	struct layer_pack_how how = { .source = &plain->digest, .format = want };
	struct media type = { .compression = want };
	enum media_compression have;
	struct digest digest = plain->digest;
	uint64_t size = plain->size;
	int r = layer_blob_sniff(s, &plain->digest, &have, err);

	if (r >= 0)
		r = compress_check_level(want, 0, &how.level, err);
	if (r >= 0 && have != want) {
		r = find_packed(s, &how, &digest, &size, err);
		if (r == 0)
			r = pack_and_wait(s, &how, &digest, &size, err);
	}
	if (r < 0)
		return err_ctx(err, r, "layer %.19s", plain->digest.text);
	*ret = (struct descriptor){
		.media_type = xstrdup(media_layer_type(&type)),
		.digest = digest,
		.size = size,
	};
	return 0;
}
