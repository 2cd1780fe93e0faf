/*
 * What this host offers to containers, found out by trying it: each probe runs in a forked child,
 * in namespaces of its own, so that it can break nothing and nothing has to be undone.
 * `proa doctor` prints them; nobody on the path of a start calls them (a start tries the real
 * thing and says what failed).
 *
 *	for (size_t i = 0; (p = probe_at(i)); i++)
 *		probe_run(p, &env, &result);
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum probe_state {
	PROBE_OK,
	PROBE_DEGRADED, /* proa takes another way, `instead` says which */
	PROBE_MISSING,	/* what needs it does not work */
};

struct probe_result {
	enum probe_state state;
	char detail[128];  /* what was found: "65536 ids from 100000", "ABI 7" */
	char instead[224]; /* what proa does without it; "" when OK */
	char fix[256];	   /* exact command or change that provides it; "" when none is known */
	int errnum;	   /* of the call that failed, 0 if none did */
	char call[48];	   /* that call, as "mount(overlay)"; "" if none did */
};

struct idmap; /* userns/idmap.h */

/* What the probes look at; all borrowed. */
struct probe_env {
	const char *store;	 /* directory of the store; NULL when it could not be opened */
	const char *store_error; /* why not */
	const char *run_dir;	 /* $XDG_RUNTIME_DIR or NULL */
	const struct idmap *map; /* what this user's containers get; NULL when that failed */
	const char *map_error;
};

struct probe {
	const char *name;  /* short and stable, key of --json: "userns" */
	const char *title; /* what a person reads: "user namespaces" */
	const char *group; /* "kernel", "ids", "storage", "limits", "security", "network" */
	bool required;	   /* without it no container can run */
	void (*run)(const struct probe_env *env, struct probe_result *r);
};

/* The probes in the order of display; NULL past the last. */
const struct probe *probe_at(size_t index);

/* Fills ret completely; a probe that crashes or hangs (5 s) is reported as missing. */
void probe_run(const struct probe *p, const struct probe_env *env, struct probe_result *ret);

const char *probe_state_name(enum probe_state s); /* "ok", "degraded", "missing" */
