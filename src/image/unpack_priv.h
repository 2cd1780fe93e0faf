/*
 * Inside of the extractor: what its three processes and their modules share. Who does what:
 *
 *	unpack.c		the caller's side: starts the child, feeds it, takes its report
 *	extract.c		main of the child: gives up rights, forks, runs all three, reports
 *	extract_inflate.c	blob -> tar stream into a pipe; the only process that sees the blob
 *	extract_hash.c		pipe -> pipe, hashed on the way; parses nothing
 *	extract_untar.c		pipe -> tar reader, one call below for each event
 *	extract_entry.c		makes one entry: file, directory, link, device, pipe
 *	extract_place.c		names -> descriptors of parent directories; the only path resolver
 *	extract_lower.c		what the parent layers have at a path; copying up
 *	extract_whiteout.c	.wh. names -> overlay's form
 *	extract_attr.c		owners, modes, times, attributes; those of directories at the end
 *
 * The half that inflates never touches the tree, the half that writes never touches the blob, and
 * the bytes between them are hashed by a third: a fault in either parser cannot forge the diff id.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"
#include "codec/tar_path.h"
#include "codec/tar_reader.h"
#include "image/owners.h"
#include "image/unpack.h"
#include "userns/idmap.h"

#define EXTRACT_ARGV0 "proa-extract"
#define EXTRACT_MAGIC 0x70726f31

/* Descriptors that the child is born with. */
enum extract_fd {
	EXTRACT_FD_BLOB = 3,
	EXTRACT_FD_TREE = 4,
	EXTRACT_FD_FEED = 5,   /* socket: config first, then struct extract_feed */
	EXTRACT_FD_REPORT = 6, /* pipe: one struct extract_report */
	EXTRACT_FD_DIGEST = 7, /* pipe: the diff id, 64 hex digits */
	EXTRACT_FD_OWNERS = 8, /* /dev/null when not wanted */
	EXTRACT_FD_LOWER = 9,  /* and up, top layer first */
};

struct extract_config {
	uint32_t magic;
	uint32_t map_kind; /* enum idmap_kind */
	uint32_t n_lower;
	uint32_t flags; /* enum unpack_flag */
	uint32_t uid_count, gid_count;
	struct unpack_limits limits; /* no zeros */
};

struct extract_feed {
	uint64_t total; /* bytes of the blob that can be read */
	uint32_t end;	/* there will be no more */
	uint32_t pad;
};

struct extract_report {
	uint32_t magic;
	int32_t r; /* 0, or what the failing function returned; then err says why */
	struct err err;
	struct unpack_result result;
};
/* One write is one message only up to PIPE_BUF. */
_Static_assert(sizeof(struct extract_report) <= 4096, "the report is written at once");

/*
 * Where the inflating half and the hasher say how they ended, in memory that all three have mapped:
 * words for the error message. What is believed is the digest.
 */
struct extract_shared {
	atomic_int done;   /* 0 while running, 1 complete, < 0 failed: -kind, err is filled */
	atomic_int hashed; /* 1 once the hasher has handed on all and told the digest */
	uint32_t codec;
	uint32_t ratio_warning;
	struct err err;
};

int extract_inflate(const struct extract_config *config, int out_fd, struct extract_shared *shared);

/* False when a neighbour is gone: there is nothing to tell, and nobody. hash is fresh. */
struct hash;
bool extract_hash(struct hash *hash, int in_fd, int out_fd);

/* A directory of the tree that is held open because entries below it are coming. */
struct place {
	char *lexical; /* as the archive names it, cleaned; NULL = the slot is no longer valid */
	char *canon;   /* the same place without symbolic links */
	char **via;    /* links of the parent layers that led here, as canon; NULL = none */
	int fd;	       /* O_PATH */
	uint64_t stamp;
};
#define PLACES 16

/* What is applied to an entry once the map is taken into account. */
struct attrs {
	uint32_t mode, uid, gid;
	int64_t mtime;
	uint32_t mtime_nsec;
};

struct extract {
	const struct extract_config *config;
	int tree_fd;
	const int *lower;
	int owners_fd;

	struct place root;
	struct place places[PLACES];
	uint64_t clock; /* for the stamps */

	struct buf dirs;   /* records of extract_attr.c: directories whose attributes come last */
	char *dirs_last;   /* path of the newest record */
	struct buf owners; /* lines not yet written */

	/* the entry that is being read */
	const struct tar_entry *entry;
	char path[TAR_PATH_MAX + 1]; /* cleaned */
	struct attrs attrs;
	int file_fd;   /* regular file being written, or -EBADF: content is passed over */
	bool replaced; /* something of this layer stood there before */
	bool left_out; /* it is a device that could not be made */

	bool devices_recorded; /* from then on every entry is: it may stand where a device did not */

	int doubt; /* errno of the first question about a tree that got no answer: see extract_absent */

	uint64_t unchecked; /* bytes written since the free space was looked at */
	struct unpack_result result;
};

/* extract_untar.c: everything from pipe to result; x->config, fds and lower are set. */
int extract_untar(struct extract *x, int in_fd, struct extract_shared *shared, struct err *err);

/* extract_entry.c */
int extract_entry_begin(struct extract *x, const struct tar_entry *e, struct err *err);
int extract_entry_data(
	struct extract *x, const uint8_t *data, size_t len, uint64_t offset, struct err *err);
int extract_entry_end(struct extract *x, struct err *err);

/*
 * Does this errno say that something is not there? Anything else (EIO, EMFILE) says nothing, and
 * taking it for a no would publish a wrong tree: it is remembered, and the layer fails at its end.
 */
bool extract_absent(struct extract *x, int error);

/* Another inode is about to be made: -ERR_LIMIT past the budget. */
int extract_count(struct extract *x, struct err *err);
/* So many bytes of file content are about to be made: -ERR_LIMIT. */
int extract_reserve(struct extract *x, uint64_t bytes, struct err *err);
/* All of it at that offset, the free space watched: -ENOSPC. */
int extract_write(
	struct extract *x, int fd, const uint8_t *data, size_t len, off_t offset, struct err *err);

/*
 * extract_place.c: the directory that holds `path` (cleaned), made when missing, and the last
 * component (inside path). Valid until the second call after this one.
 */
int place_parent(struct extract *x, const char *path, struct place **ret, const char **ret_leaf,
	struct err *err);

/* The same for a path without links whose directory exists; makes nothing. */
bool place_existing(struct extract *x, const char *path, struct place **ret, const char **ret_leaf);

/* Where `path` (the target of a hard link) is: nothing is made. */
struct target {
	int dir_fd; /* O_PATH, owned by the caller; -EBADF when not in this layer */
	char canon[TAR_PATH_MAX + 1]; /* without symbolic links, last component included */
	const char *leaf;	      /* inside canon */
	bool hidden;		      /* the parent layers do not show at this place */
};
int place_target(struct extract *x, const char *path, struct target *ret, struct err *err);

/* Make room for something new called `leaf`. *ret_was is the mode of what stood there. */
int place_clear(
	struct extract *x, struct place *p, const char *leaf, mode_t *ret_was, struct err *err);
void places_done(struct extract *x);

/*
 * p/leaf is new in this layer. When it covers a link of the parent layers, places that were found
 * through that link are forgotten: the next entry goes where it would in the merged tree.
 */
void place_made(struct extract *x, const struct place *p, const char *leaf);
/* A directory hides the parent layers from now on: forget all that was found through their links. */
void places_hidden(struct extract *x);

/* canon + "/" + leaf; false when longer than TAR_PATH_MAX. */
bool path_append(char dst[TAR_PATH_MAX + 1], const char *canon, const char *leaf);

/*
 * extract_lower.c: what the parent layers, merged, have at canon, and its stat: a descriptor for
 * reading if it is a file, O_PATH for all else. -ENOENT (without text) when nothing shows there.
 */
int lower_find(struct extract *x, const char *canon, struct stat *ret_st);

/* Copy the object behind src (from lower_find) to p/leaf with all its attributes. */
int lower_copy_up(struct extract *x, int src, const struct stat *st, struct place *p,
	const char *leaf, struct err *err);
/* Attributes of a lower directory onto one of ours, which is open for reading. */
int lower_copy_xattrs(struct extract *x, int src_dir, int dst, struct err *err);

/* extract_whiteout.c: 1 = the entry was one and has been dealt with, 0 = it is an ordinary one. */
int whiteout_entry(struct extract *x, const struct tar_entry *e, struct err *err);
/* Put overlay's marker into p/leaf; nothing may be there. */
int whiteout_make(struct extract *x, struct place *p, const char *leaf, struct err *err);
/* The directory p/leaf (leaf "." = p itself) hides what is below it in the parent layers. */
int whiteout_opaque(struct extract *x, struct place *p, const char *leaf, struct err *err);
bool whiteout_is(const struct stat *st);
/* Does the directory dir_fd/name (no link is followed) hide what is below it? */
bool whiteout_is_opaque(struct extract *x, int dir_fd, const char *name);

/* extract_attr.c */
int attrs_begin(struct extract *x, const struct tar_entry *e, struct err *err);
int attrs_file(struct extract *x, int fd, struct err *err);
int attrs_leaf(struct extract *x, struct place *p, const char *leaf, struct err *err);
int attrs_xattrs(struct extract *x, int fd, struct err *err);
int attrs_record(struct extract *x, const char *canon, struct err *err);
int attrs_dir_later(struct extract *x, const char *canon, const struct attrs *a, struct err *err);
int attrs_dirs_apply(struct extract *x, struct err *err);
/* Whether there is anything to write is the caller's to know: x->owners_fd may be negative. */
int attrs_owners_flush(struct extract *x, struct err *err);
void attrs_stat(const struct stat *st, struct attrs *ret);
