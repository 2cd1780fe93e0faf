/*
 * Options as tables. One `static const struct option_spec` table per command drives the parser,
 * `--help`, the OPTIONS section of the man page and the completions of three shells; nothing about
 * an option is written twice. The module owns no state and prints nothing but one warning for an
 * option that is accepted and ignored.
 *
 *	struct pull_opts {
 *		bool quiet;
 *		const char *platform;
 *		char **env;
 *	};
 *
 *	static const struct option_spec pull_options[] = {
 *		OPT_FLAG(struct pull_opts, quiet, 'q', "quiet", "Suppress progress output"),
 *		OPT_STRING(struct pull_opts, platform, 0, "platform", "OS/ARCH[/VARIANT]",
 *			"Set platform if the image is multi-platform capable"),
 *		OPT_LIST(struct pull_opts, env, 'e', "env", "KEY[=VALUE]",
 *			"Set an environment variable"),
 *		OPT_UNSUPPORTED(0, "link", OPTION_STRING, "links are a legacy feature; use networks"),
 *		OPTION_END,
 *	};
 *
 * The macros check at compile time that the field has the type that its kind stores. Anything else
 * of struct option_spec may follow as a designated initialiser:
 * OPT_STRING(..., "Image to use", .complete = COMPLETE_IMAGE).
 *
 * What is accepted is what docker accepts: `--name val`, `--name=val`, `-n val`, `-nval`, `-n=val`,
 * bundles of flags (`-it`, `-itp 80:80`), `--flag=false`, `--` as the end of options; names are
 * never abbreviated. Options and operands may be mixed, unless the command stops at its first
 * operand (run, create, exec).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum option_kind {
	OPTION_END_KIND, /* end of the table */
	OPTION_FLAG,	 /* bool: --x, --x=true, --x=false */
	OPTION_STRING,	 /* const char *: points into argv, not owned */
	OPTION_LIST,	 /* char **: a strv, one element each time the option is given */
	OPTION_MAP,	 /* char **: a strv of KEY=VALUE, the last one of a key wins */
	OPTION_INT,	 /* int, within .min and .max */
	OPTION_U64,	 /* uint64_t, up to .max */
	OPTION_BYTES,	 /* uint64_t: 64m, 2g */
	OPTION_DURATION, /* int64_t nanoseconds: 10, 1m30s */
	OPTION_ENUM,	 /* int: the position in .values */
	OPTION_OPTIONAL, /* const char *: --x stores .fallback, --x=val stores val; takes no next word */
	OPTION_CONST, /* const char *: a flag that stores .fallback (--json is --format json) */
};

/* What a value or an operand names, for the completions. */
enum option_complete {
	COMPLETE_DEFAULT, /* enum values where there are some, else nothing */
	COMPLETE_NONE,
	COMPLETE_FILE,
	COMPLETE_DIR,
	COMPLETE_IMAGE,
	COMPLETE_CONTAINER,	    /* any */
	COMPLETE_CONTAINER_RUNNING, /* running or paused */
	COMPLETE_CONTAINER_STOPPED, /* created or exited */
	COMPLETE_SIGNAL,
	COMPLETE_SHELL,	  /* that has a completion script */
	COMPLETE_COMMAND, /* proa's own commands (for help) */
};

enum option_status {
	OPTION_ACTIVE,
	OPTION_HIDDEN,	    /* works, not shown: old spellings (--net) */
	OPTION_IGNORED,	    /* accepted without effect; help and a warning say so, with .reason */
	OPTION_UNSUPPORTED, /* refused with .reason, exit 125; not shown in help */
};

/* Kept small: tables hold pointers, and a static-pie program relocates each at every start. */
struct option_spec {
	const char *name; /* long name without dashes */
	char letter;	  /* short name or 0 */
	enum option_kind kind : 8;
	enum option_status status : 8;
	enum option_complete complete : 8;
	uint16_t offset;   /* of the field in the options struct */
	uint16_t seen;	   /* 1 + offset of a bool that tells "was given", 0 = none */
	const char *value; /* what help shows for the value: "KEY[=VALUE]" */
	const char *help;  /* one line without a full stop; `--help` wraps it */
	union {
		const char *reason;   /* of OPTION_IGNORED and OPTION_UNSUPPORTED */
		const char *fallback; /* OPTION_OPTIONAL, OPTION_CONST */
	};
	const char *detail;	   /* further sentences for the man page, or NULL */
	const char *default_text;  /* shown as (default X), or NULL */
	const char *const *values; /* OPTION_ENUM: names, NULL-terminated; else for completion */
	int32_t min, max;	   /* OPTION_INT, OPTION_U64; both 0 = whole range of the type */
};

/* Offset of a field, and a compile error where the field is not of type `t`. */
#define OPT_FIELD(T, f, t) (offsetof(T, f) + 0 * sizeof(_Generic(((T *)0)->f, t : 0)))

#define OPT_ROW(T, f, t, k, sh, lg, ...)                                                 \
	{                                                                                \
		.name = (lg), .letter = (sh), .kind = (k), .offset = OPT_FIELD(T, f, t), \
		__VA_ARGS__                                                              \
	}

#define OPT_FLAG(T, f, sh, lg, ...) OPT_ROW(T, f, bool, OPTION_FLAG, sh, lg, .help = __VA_ARGS__)
#define OPT_STRING(T, f, sh, lg, val, ...) \
	OPT_ROW(T, f, const char *, OPTION_STRING, sh, lg, .value = (val), .help = __VA_ARGS__)
#define OPT_LIST(T, f, sh, lg, val, ...) \
	OPT_ROW(T, f, char **, OPTION_LIST, sh, lg, .value = (val), .help = __VA_ARGS__)
#define OPT_MAP(T, f, sh, lg, val, ...) \
	OPT_ROW(T, f, char **, OPTION_MAP, sh, lg, .value = (val), .help = __VA_ARGS__)
#define OPT_INT(T, f, sh, lg, val, ...) \
	OPT_ROW(T, f, int, OPTION_INT, sh, lg, .value = (val), .help = __VA_ARGS__)
#define OPT_U64(T, f, sh, lg, val, ...) \
	OPT_ROW(T, f, uint64_t, OPTION_U64, sh, lg, .value = (val), .help = __VA_ARGS__)
#define OPT_BYTES(T, f, sh, lg, ...) \
	OPT_ROW(T, f, uint64_t, OPTION_BYTES, sh, lg, .value = "BYTES", .help = __VA_ARGS__)
#define OPT_DURATION(T, f, sh, lg, ...) \
	OPT_ROW(T, f, int64_t, OPTION_DURATION, sh, lg, .value = "DURATION", .help = __VA_ARGS__)

/* `vals` is a NULL-terminated array of names; the int field receives the position. */
#define OPT_ENUM(T, f, sh, lg, val, vals, ...)                                    \
	OPT_ROW(T, f, int, OPTION_ENUM, sh, lg, .value = (val), .values = (vals), \
		.help = __VA_ARGS__)

/* `--x` alone stores `fb`. */
#define OPT_OPTIONAL(T, f, sh, lg, val, fb, ...)                                               \
	OPT_ROW(T, f, const char *, OPTION_OPTIONAL, sh, lg, .value = (val), .fallback = (fb), \
		.help = __VA_ARGS__)
#define OPT_CONST(T, f, sh, lg, fb, ...) \
	OPT_ROW(T, f, const char *, OPTION_CONST, sh, lg, .fallback = (fb), .help = __VA_ARGS__)

/* Another name for a field, accepted and not shown; kind and field as in the shown row. */
#define OPT_HIDDEN(T, f, t, k, sh, lg, ...) \
	OPT_ROW(T, f, t, k, sh, lg, .status = OPTION_HIDDEN, .value = "", ##__VA_ARGS__)

/* `k` says whether a value is taken: OPTION_FLAG or OPTION_STRING. Nothing is stored. */
#define OPT_IGNORED(sh, lg, k, why, ...)                                             \
	{                                                                            \
		.name = (lg), .letter = (sh), .kind = (k), .status = OPTION_IGNORED, \
		.reason = (why), .help = __VA_ARGS__                                 \
	}
#define OPT_UNSUPPORTED(sh, lg, k, why)                                                  \
	{                                                                                \
		.name = (lg), .letter = (sh), .kind = (k), .status = OPTION_UNSUPPORTED, \
		.reason = (why)                                                          \
	}

/* The pair that every listing command has, both on one `const char *` field. */
#define OPT_FORMAT(T, f)                                                              \
	OPT_STRING(T, f, 0, "format", "TEMPLATE",                                     \
		"Format output: 'table', 'table TEMPLATE', 'json', or a Go template", \
		.detail = "OUTPUT FORMATS of proa(1) says more."),                    \
		OPT_CONST(T, f, 0, "json", "json", "Print JSON, one object a line")

#define OPT_SEEN(T, f) (1 + OPT_FIELD(T, f, bool))

#define OPTION_END                      \
	{                               \
		.kind = OPTION_END_KIND \
	}

enum option_flags {
	OPTION_STOP_AT_OPERAND = 1 << 0, /* the first operand ends the options */
};

/*
 * Parse argv[0..argc) (no program or command name in it) into `opts`, a struct that the caller has
 * set to its defaults; `tables` is a NULL-terminated array, searched in order, all writing to the
 * bases[] of the same position. Operands are moved to the front of argv, which stays
 * NULL-terminated.
 *
 * Returns the number of operands; -ERR_USAGE with docker's words ("unknown flag: --foo") and a
 * near miss; -ERR_UNSUPPORTED. Either asks for exit status 125. Strings keep pointing into argv.
 * "-h" and "--help" are not special here: the global table holds them.
 */
int option_parse(const struct option_spec *const *tables, void *const *bases,
	enum option_flags flags, int argc, char **argv, struct err *err) must_check;

/* Free the lists and maps inside an options struct. */
void option_done(const struct option_spec *table, void *opts);

/* Row by long name or NULL. */
const struct option_spec *option_find(const struct option_spec *table, const char *name);

/* Does the option take a value (in the same or the next word)? */
bool option_takes_value(const struct option_spec *o);
