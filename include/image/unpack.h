/*
 * Unpacking one layer in a sandbox, while its blob may still be arriving.
 *
 * unpack_start runs this program again (/proc/self/exe, argv[0] "proa-extract") as a child that
 * holds nothing but the blob, the empty tree to fill, the parents' trees and two channels: no
 * token, no environment, no other descriptor. main() must hand over first thing:
 *
 *	if (extract_is_me(argv))
 *		return extract_main(argc, argv);
 *
 * The child fills tree_fd in overlay's form: whiteouts are character devices 0:0, opaque
 * directories carry user.overlay.opaque=y (for root as well: mount with userxattr). Rules:
 * docs and reference security notes 4.1; what an archive may not do is an error and the caller
 * throws the tree away. Nothing is synced, nothing is published here.
 *
 *	unpack_start(&args, &u, err);
 *	unpack_more(u, bytes);			whenever more of the blob can be read
 *	unpack_end(u, total);
 *	r = unpack_finish(u, &result, err);	waits; u is gone afterwards
 *
 * The blob's own digest is the caller's to check, the diff id in the result is the caller's to
 * compare: only then may the tree be published.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/err.h"
#include "codec/digest.h"

struct idmap;

/* Budgets; 0 = the default. */
struct unpack_limits {
	uint64_t entries;     /* 1,000,000 */
	uint64_t bytes;	      /* 64 GiB of file content, holes included, and of tar stream */
	uint64_t ratio_floor; /* 4 GiB: above it, more than 1,000 : 1 is an error */
};

enum unpack_flag {
	UNPACK_STRICT_DEVICES = 1 << 0, /* a device that cannot be made is an error */
};

struct unpack_args {
	int blob_fd; /* read with pread; stays the caller's */
	int tree_fd; /* empty directory to fill; stays the caller's */
	const struct idmap *map;
	const int *lower_fds; /* fs directories of the parent layers, top first; the caller's */
	size_t n_lower;
	int owners_fd;	/* for what the tree cannot say (image/owners.h); -1 = it is not kept */
	unsigned flags; /* enum unpack_flag */
	struct unpack_limits limits;
};

enum unpack_warning {
	UNPACK_WARN_TRAILING = 1 << 0,	     /* bytes behind the end of the archive */
	UNPACK_WARN_DEVICES = 1 << 1,	     /* device nodes left out: not permitted here */
	UNPACK_WARN_FORGED = 1 << 2,	     /* a device 0:0 in the archive, left out */
	UNPACK_WARN_XATTRS = 1 << 3,	     /* attributes that this file system refuses */
	UNPACK_WARN_XATTRS_DROPPED = 1 << 4, /* attributes that are never restored */
	UNPACK_WARN_OWNERS = 1 << 5,	     /* single map: owners flattened and recorded */
	UNPACK_WARN_RATIO = 1 << 6,	     /* compressed more than 200 : 1 */
	UNPACK_WARN_NO_LANDLOCK = 1 << 7,    /* the kernel has none: filter and namespace only */
};
#define UNPACK_WARNINGS 8

struct unpack_result {
	struct digest diff_id; /* of the whole uncompressed stream, trailing bytes included */
	uint64_t entries;
	uint64_t tar_bytes;  /* uncompressed stream */
	uint64_t file_bytes; /* apparent size of the regular files */
	uint64_t devices_skipped;
	uint64_t owners_recorded;
	unsigned warnings; /* enum unpack_warning */
	/*
	 * Something depended on the parent layers (a directory without an entry, a device left
	 * out, a hard link into them): if lower_fds was not all of them, the tree may be wrong and
	 * has to be made again.
	 */
	bool asked_parents;
	/* No entry for the root: its mode and time are those of lower_fds[0], else 0755 and 0. */
	bool root_implied;
	uint32_t codec; /* enum decompress_kind of the blob */
};

/* One line for a bit of result.warnings, NULL for none. */
const char *unpack_warning_text(unsigned bit);

struct unpack;

/* Child processes exist on success. Needs /proc. */
int unpack_start(const struct unpack_args *args, struct unpack **ret, struct err *err) must_check;

/* The first `total` bytes of the blob can be read now. Never blocks, may be called at any rate. */
void unpack_more(struct unpack *u, uint64_t total);

/* The blob is complete and `total` bytes long. Never blocks. */
void unpack_end(struct unpack *u, uint64_t total);

/* Readable when unpack_finish would not block. The unpack's, do not close. */
int unpack_pollfd(const struct unpack *u);

/*
 * Wait for the child, free u. Fails with what the child reports: -ERR_FORMAT, -ERR_LIMIT,
 * -ENOSPC, -ERR_UNSUPPORTED (an owner outside the map; the hint names the cure) and so on. ret is
 * written only on success.
 */
int unpack_finish(struct unpack *u, struct unpack_result *ret, struct err *err) must_check;

/* Kill the child, wait, free u. NULL is allowed. The tree is left half filled. */
void unpack_abort(struct unpack *u);
DEFINE_AUTO_PTR(unpack, struct unpack, unpack_abort)

/* For main(): is this process an extractor, and its whole life. */
bool extract_is_me(char *const *argv);
int extract_main(int argc, char **argv);
