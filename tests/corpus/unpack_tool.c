/*
 * The extractor as a command, for tests: image/unpack.h and nothing else.
 *
 *	unpack_tool [OPTION...] BLOB TREE
 *	--lower DIR	a parent layer, top first; may be repeated
 *	--owners FILE	where true owners go
 *	--entries N, --bytes N, --ratio-floor N		budgets
 *	--strict-devices
 *	--trickle N	announce the blob N bytes at a time
 *	--hold		announce one half, wait for the end of standard input, then the rest
 *	unpack_tool --list-owners FILE
 *
 * Prints "key value" lines and exits with 0, or prints "error KIND" and the message and exits
 * with 1; KIND is a name of enum err_kind or of an errno.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/parse.h"
#include "base/str.h"
#include "image/owners.h"
#include "image/unpack.h"
#include "userns/idmap.h"

#define LOWER_MAX 128

struct options {
	struct unpack_args args;
	int lower[LOWER_MAX];
	uint64_t trickle;
	bool hold;
	const char *blob, *tree;
};

static int fail(int r, const struct err *err)
{
	static const struct {
		int kind;
		const char *name;
	} names[] = {
		{ ERR_FORMAT, "FORMAT" },
		{ ERR_LIMIT, "LIMIT" },
		{ ERR_UNSUPPORTED, "UNSUPPORTED" },
		{ ELOOP, "ELOOP" },
		{ ENOTDIR, "ENOTDIR" },
		{ ENOSPC, "ENOSPC" },
		{ ENAMETOOLONG, "ENAMETOOLONG" },
		{ EPERM, "EPERM" },
		{ EPROTO, "EPROTO" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i].kind == -r) {
			printf("error %s\n%s\n", names[i].name, err->msg);
			return 1;
		}
	}
	printf("error %d\n%s\n", -r, err->msg);
	return 1;
}

static int usage(void)
{
	(void)fprintf(stderr, "unpack_tool: bad arguments\n");
	return 2;
}

static uint64_t number(const char *s)
{
	uint64_t v;

	if (parse_u64(s, UINT64_MAX, &v, NULL) < 0)
		exit(usage());
	return v;
}

static int open_or_exit(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	if (fd < 0) {
		perror(path);
		exit(2);
	}
	return fd;
}

static void options_parse(struct options *o, char **argv)
{
	for (char **a = argv + 1; *a; a++) {
		if (str_eq(*a, "--strict-devices")) {
			o->args.flags |= UNPACK_STRICT_DEVICES;
			continue;
		}
		if (str_eq(*a, "--hold")) {
			o->hold = true;
			continue;
		}
		if (!str_after(*a, "--")) {
			if (o->blob)
				o->tree = *a;
			else
				o->blob = *a;
			continue;
		}
		if (!a[1])
			exit(usage());
		if (str_eq(*a, "--lower") && o->args.n_lower < LOWER_MAX)
			o->lower[o->args.n_lower++] = open_or_exit(a[1], O_PATH | O_DIRECTORY);
		else if (str_eq(*a, "--owners"))
			o->args.owners_fd = open_or_exit(a[1], O_RDWR | O_CREAT | O_TRUNC);
		else if (str_eq(*a, "--entries"))
			o->args.limits.entries = number(a[1]);
		else if (str_eq(*a, "--bytes"))
			o->args.limits.bytes = number(a[1]);
		else if (str_eq(*a, "--ratio-floor"))
			o->args.limits.ratio_floor = number(a[1]);
		else if (str_eq(*a, "--trickle"))
			o->trickle = number(a[1]);
		else
			exit(usage());
		a++;
	}
	if (!o->blob || !o->tree)
		exit(usage());
}

static void result_print(const struct unpack_result *r)
{
	printf("diff_id %s\n", r->diff_id.text);
	printf("entries %llu\n", (unsigned long long)r->entries);
	printf("tar_bytes %llu\n", (unsigned long long)r->tar_bytes);
	printf("file_bytes %llu\n", (unsigned long long)r->file_bytes);
	printf("devices_skipped %llu\n", (unsigned long long)r->devices_skipped);
	printf("owners_recorded %llu\n", (unsigned long long)r->owners_recorded);
	printf("codec %u\n", r->codec);
	printf("asked_parents %d\n", r->asked_parents);
	printf("root_implied %d\n", r->root_implied);
	for (unsigned i = 0; i < UNPACK_WARNINGS; i++)
		if (r->warnings & 1U << i)
			printf("warning %s\n", unpack_warning_text(1U << i));
}

static int list_owners(const char *path)
{
	AUTO(owners) struct owners o = { 0 };
	struct err err = { 0 };
	int r = owners_read(open_or_exit(path, O_RDONLY), &o, &err);

	if (r < 0)
		return fail(r, &err);
	for (size_t i = 0; i < o.n; i++) {
		const struct owner *w = &o.v[i];

		printf("%u %u %o %c %u:%u ", w->uid, w->gid, w->mode, w->type, w->major, w->minor);
		(void)fwrite(w->path, 1, strlen(w->path) + 1, stdout);
	}
	return 0;
}

static int run(struct options *o, struct err *err)
{
	struct unpack_result result;
	struct idmap map;
	struct unpack *u;
	struct stat st;
	uint64_t size;
	int r = idmap_detect(&map, err);

	if (r < 0)
		return r;
	o->args.map = &map;
	o->args.lower_fds = o->lower;
	o->args.blob_fd = open_or_exit(o->blob, O_RDONLY);
	o->args.tree_fd = open_or_exit(o->tree, O_RDONLY | O_DIRECTORY);
	if (fstat(o->args.blob_fd, &st) < 0)
		return err_sys(err, errno, "stat");
	size = (uint64_t)st.st_size;
	r = unpack_start(&o->args, &u, err);
	if (r < 0)
		return r;
	for (uint64_t n = 0; o->trickle && n < size; n += o->trickle)
		unpack_more(u, n);
	if (o->hold) {
		char c;

		unpack_more(u, size / 2);
		while (read(STDIN_FILENO, &c, 1) > 0)
			continue;
	}
	unpack_end(u, size);
	r = unpack_finish(u, &result, err);
	if (r >= 0)
		result_print(&result);
	return r;
}

int main(int argc, char **argv)
{
	struct options o = { .args.owners_fd = -1 };
	struct err err = { 0 };
	int r;

	if (extract_is_me(argv))
		return extract_main(argc, argv);
	if (argc == 3 && str_eq(argv[1], "--list-owners"))
		return list_owners(argv[2]);
	options_parse(&o, argv);
	r = run(&o, &err);
	return r < 0 ? fail(r, &err) : 0;
}
