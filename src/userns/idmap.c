#include "userns/idmap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "userns/idmap_priv.h"

static void table_add(struct idmap_table *t, uint32_t outside, uint32_t count)
{
	struct idmap_range *last = t->n ? &t->ranges[t->n - 1] : NULL;
	uint32_t inside = last ? last->inside + last->count : 0;

	/* An id is 32 bits and the last one means "none". */
	if (count > UINT32_MAX - 1 - inside)
		count = UINT32_MAX - 1 - inside;
	if (count == 0 || t->n == IDMAP_MAX_RANGES)
		return;
	t->ranges[t->n++] = (struct idmap_range){ inside, outside, count };
}

void idmap_init_single(struct idmap *ret, uint32_t inside_uid, uint32_t inside_gid)
{
	*ret = (struct idmap){
		.kind = IDMAP_SINGLE,
		.uids = { .ranges = { { inside_uid, geteuid(), 1 } }, .n = 1 },
		.gids = { .ranges = { { inside_gid, getegid(), 1 } }, .n = 1 },
		.why_single = "asked for",
	};
}

static bool helpers_exist(void)
{
	return idmap_helper(IDMAP_HELPER_UID) && idmap_helper(IDMAP_HELPER_GID);
}

static void use_single(struct idmap *ret, const char *why)
{
	idmap_init_single(ret, 0, 0);
	ret->why_single = why;
	log_debug("user namespace with a single id: %s", why);
}

int idmap_detect(struct idmap *ret, struct err *err)
{
	struct idmap map = { .kind = IDMAP_NONE };
	const char *force = getenv("PROA_USERNS");
	struct subid_list uids, gids = { .n = 0 };
	struct subid_owner who = { .uid = getuid(), .own = geteuid() };
	char name[SUBID_NAME_SIZE];
	int r;

	if (force && str_eq(force, "single")) {
		use_single(ret, "PROA_USERNS=single");
		return 0;
	}
	if (geteuid() == 0) {
		*ret = map;
		return 0;
	}
	who.name = subid_login_name(who.uid, name) ? name : NULL;
	r = subid_read(SUBID_UIDS, &who, &uids, err);
	if (r >= 0 && uids.n > 0) {
		who.own = getegid();
		r = subid_read(SUBID_GIDS, &who, &gids, err);
	}
	if (r < 0)
		return r;
	if (uids.n == 0 || gids.n == 0) {
		use_single(ret, uids.n == 0 ? "/etc/subuid has no range for this user"
					    : "/etc/subgid has no range for this user");
		return 0;
	}
	if (!helpers_exist()) {
		use_single(ret, "newuidmap or newgidmap is not installed");
		return 0;
	}
	map.kind = IDMAP_RANGES;
	table_add(&map.uids, geteuid(), 1);
	table_add(&map.gids, getegid(), 1);
	for (unsigned i = 0; i < uids.n; i++)
		table_add(&map.uids, uids.ranges[i].start, uids.ranges[i].count);
	for (unsigned i = 0; i < gids.n; i++)
		table_add(&map.gids, gids.ranges[i].start, gids.ranges[i].count);
	*ret = map;
	return 0;
}

size_t idmap_format(const struct idmap_table *t, char *ret, size_t size)
{
	size_t len = 0;

	ret[0] = '\0';
	for (unsigned i = 0; i < t->n; i++) {
		const struct idmap_range *g = &t->ranges[i];
		int n = snprintf(
			ret + len, size - len, "%u %u %u\n", g->inside, g->outside, g->count);

		if (n < 0 || (size_t)n >= size - len)
			break;
		len += (size_t)n;
	}
	ret[len] = '\0';
	return len;
}

/* FNV-1a: the key tells maps apart, it does not protect anything. */
static uint32_t hash_text(uint32_t h, const char *s)
{
	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619U;
	return h;
}

void idmap_key(const struct idmap *map, char ret[IDMAP_KEY_SIZE])
{
	char text[IDMAP_TEXT_SIZE];
	uint32_t h = 2166136261U;

	switch (map->kind) {
	case IDMAP_NONE:
		(void)snprintf(ret, IDMAP_KEY_SIZE, "root");
		return;
	case IDMAP_SINGLE:
		(void)snprintf(ret, IDMAP_KEY_SIZE, "one");
		return;
	case IDMAP_RANGES:
		break;
	}
	(void)idmap_format(&map->uids, text, sizeof(text));
	h = hash_text(h, text);
	(void)idmap_format(&map->gids, text, sizeof(text));
	h = hash_text(hash_text(h, "/"), text);
	(void)snprintf(ret, IDMAP_KEY_SIZE, "r%08x", h);
}

static bool to_host(
	const struct idmap *map, const struct idmap_table *t, uint32_t id, uint32_t *ret)
{
	if (map->kind == IDMAP_NONE) {
		*ret = id;
		return id != IDMAP_NO_ID;
	}
	for (unsigned i = 0; i < t->n; i++) {
		const struct idmap_range *g = &t->ranges[i];

		if (id >= g->inside && id - g->inside < g->count) {
			*ret = g->outside + (id - g->inside);
			return true;
		}
	}
	return false;
}

static bool from_host(
	const struct idmap *map, const struct idmap_table *t, uint32_t id, uint32_t *ret)
{
	if (map->kind == IDMAP_NONE) {
		*ret = id;
		return id != IDMAP_NO_ID;
	}
	for (unsigned i = 0; i < t->n; i++) {
		const struct idmap_range *g = &t->ranges[i];

		if (id >= g->outside && id - g->outside < g->count) {
			*ret = g->inside + (id - g->outside);
			return true;
		}
	}
	return false;
}

bool idmap_uid_to_host(const struct idmap *map, uint32_t inside, uint32_t *ret)
{
	return to_host(map, &map->uids, inside, ret);
}

bool idmap_gid_to_host(const struct idmap *map, uint32_t inside, uint32_t *ret)
{
	return to_host(map, &map->gids, inside, ret);
}

bool idmap_uid_from_host(const struct idmap *map, uint32_t host, uint32_t *ret)
{
	return from_host(map, &map->uids, host, ret);
}

bool idmap_gid_from_host(const struct idmap *map, uint32_t host, uint32_t *ret)
{
	return from_host(map, &map->gids, host, ret);
}

static uint32_t count(const struct idmap *map, const struct idmap_table *t)
{
	uint32_t n = 0;

	if (map->kind == IDMAP_NONE)
		return UINT32_MAX;
	for (unsigned i = 0; i < t->n; i++)
		n += t->ranges[i].count;
	return n;
}

uint32_t idmap_uid_count(const struct idmap *map)
{
	return count(map, &map->uids);
}

uint32_t idmap_gid_count(const struct idmap *map)
{
	return count(map, &map->gids);
}
