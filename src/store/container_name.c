/* Container names, and which container a word means. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "base/strv.h"
#include "store/container_priv.h"
#include "store/store_priv.h"
#include "sys/file.h"

#define NAME_MAX_LEN	200
#define NAME_TARGET_LEN 48

void container_path(const char *id, bool complete, char ret[STORE_PATH_SIZE])
{
	(void)snprintf(ret, STORE_PATH_SIZE, "containers/%s%s", complete ? "" : ".", id);
}

static bool is_name_char(char c, bool first)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
		return true;
	return !first && (c == '_' || c == '.' || c == '-');
}

int container_dir_check_name(const char *name, struct err *err)
{
	size_t len = strlen(name);
	bool good = len >= 2 && len <= NAME_MAX_LEN;

	for (size_t i = 0; good && i < len; i++)
		good = is_name_char(name[i], i == 0);
	if (good)
		return 0;
	return err_set(err, ERR_USAGE,
		"Invalid container name (%s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed", name);
}

/*
 * A name is a link to the first digits of its id: a target below 60 bytes lies in the inode of ext4
 * and xfs, where a whole id would take a block that has to be found, and freed again.
 */
static void link_target(const char *id, char ret[NAME_TARGET_LEN + 1])
{
	(void)snprintf(ret, NAME_TARGET_LEN + 1, "%.*s", NAME_TARGET_LEN, id);
}

static int read_name(struct store *s, const char *name, char ret_target[NAME_TARGET_LEN + 1])
{
	char path[STORE_PATH_SIZE];
	ssize_t n;

	(void)snprintf(path, sizeof(path), "names/%s", name);
	n = readlinkat(s->fd, path, ret_target, NAME_TARGET_LEN + 1);
	if (n < 0)
		return -errno;
	if (n != NAME_TARGET_LEN || !str_is_hex_lower(ret_target, NAME_TARGET_LEN))
		return -ENOENT;
	ret_target[NAME_TARGET_LEN] = '\0';
	return 0;
}

/*
 * The container whose id begins like this, complete or (`hidden` too) still being made: 1 and its
 * id, or 0. Creation takes the name between making ".ID" and renaming it to "ID", and one reading
 * of the directory may miss what is renamed meanwhile: two cannot.
 */
static int find_id(struct store *s, const char *target, bool hidden,
	char ret_id[CONTAINER_ID_LEN + 1], struct err *err)
{
	for (int pass = 0; pass < 2; pass++) {
		AUTO(strv) char **names = NULL;
		int r = file_list_dir(s->fd, "containers", &names, err);

		if (r < 0)
			return r;
		STRV_FOREACH (name, names) {
			const char *id = hidden && *name == '.' ? name + 1 : name;

			if (strlen(id) == CONTAINER_ID_LEN && str_after(id, target)) {
				memcpy(ret_id, id, CONTAINER_ID_LEN + 1);
				return 1;
			}
		}
	}
	return 0;
}

static int name_taken(const char *name, const char *id, struct err *err)
{
	return err_set(err, ERR_EXISTS,
		"Conflict. The container name \"/%s\" is already in use by container \"%s\". "
		"You have to remove (or rename) that container to be able to reuse that name.",
		name, id);
}

/*
 * One symlink call decides who gets a name. A link whose container is gone (its maker or remover
 * died in between) is replaced, under a lock so that only one of the finders does it.
 */
int container_name_claim(struct store *s, const char *name, const char *id, struct err *err)
{
	AUTO(lock) struct lock l = LOCK_INIT;
	char path[STORE_PATH_SIZE], target[NAME_TARGET_LEN + 1], old[NAME_TARGET_LEN + 1];
	char owner[CONTAINER_ID_LEN + 1];
	int r;

	link_target(id, target);
	(void)snprintf(path, sizeof(path), "names/%s", name);
	if (symlinkat(target, s->fd, path) == 0)
		return 0;
	if (errno != EEXIST)
		return err_sys(err, errno, "take name %s", name);
	r = lock_file(s->fd, "locks/names", LOCK_EXCLUSIVE, &l, err);
	if (r >= 0 && read_name(s, name, old) == 0)
		r = find_id(s, old, true, owner, err);
	if (r != 0)
		return r < 0 ? r : name_taken(name, owner, err);
	if (unlinkat(s->fd, path, 0) < 0 && errno != ENOENT)
		return err_sys(err, errno, "free name %s", name);
	if (symlinkat(target, s->fd, path) == 0)
		return 0;
	if (errno == EEXIST && read_name(s, name, old) == 0)
		return name_taken(name, old, err);
	return err_sys(err, errno, "take name %s", name);
}

/* Only a link that leads to this container. Needs no lock: while our directory exists, nobody
 * replaces the link. */
void container_name_release(struct store *s, const char *name, const char *id)
{
	char path[STORE_PATH_SIZE], target[NAME_TARGET_LEN + 1];

	if (read_name(s, name, target) < 0 || !str_after(id, target))
		return;
	(void)snprintf(path, sizeof(path), "names/%s", name);
	(void)unlinkat(s->fd, path, 0);
}

bool container_name_is_void(struct store *s, const char *name)
{
	char target[NAME_TARGET_LEN + 1], id[CONTAINER_ID_LEN + 1];
	int r = read_name(s, name, target);

	/* What is no link of ours is void as well; what cannot be read now is not. */
	if (r < 0)
		return r == -ENOENT || r == -EINVAL;
	return find_id(s, target, true, id, NULL) == 0;
}

void container_name_remove(struct store *s, const char *name)
{
	char path[STORE_PATH_SIZE];

	(void)snprintf(path, sizeof(path), "names/%s", name);
	(void)unlinkat(s->fd, path, 0);
}

bool container_name_leads_to(struct store *s, const char *name, const char *id)
{
	char target[NAME_TARGET_LEN + 1];

	return read_name(s, name, target) == 0 && str_after(id, target);
}

static int find_by_prefix(
	struct store *s, const char *prefix, char ret_id[CONTAINER_ID_LEN + 1], struct err *err)
{
	AUTO(strv) char **ids = NULL;
	const char *found = NULL;
	int r = container_dir_list(s, &ids, err);

	if (r < 0)
		return r;
	STRV_FOREACH (id, ids) {
		if (!str_after(id, prefix))
			continue;
		if (found)
			return err_set(err, ERR_USAGE,
				"multiple IDs found with provided prefix: %s", prefix);
		found = id;
	}
	if (!found)
		return err_set(err, ERR_NOT_FOUND, "No such container: %s", prefix);
	memcpy(ret_id, found, CONTAINER_ID_LEN + 1);
	return 0;
}

int container_dir_find(
	struct store *s, const char *name_or_id, char ret_id[CONTAINER_ID_LEN + 1], struct err *err)
{
	const char *name = *name_or_id == '/' ? name_or_id + 1 : name_or_id;
	char path[STORE_PATH_SIZE], target[NAME_TARGET_LEN + 1];
	int r;

	if (strlen(name) == CONTAINER_ID_LEN && str_is_hex_lower(name, CONTAINER_ID_LEN)) {
		container_path(name, true, path);
		if (faccessat(s->fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
			memcpy(ret_id, name, CONTAINER_ID_LEN + 1);
			return 0;
		}
	}
	if (container_dir_check_name(name, NULL) >= 0 && read_name(s, name, target) == 0) {
		r = find_id(s, target, false, ret_id, err);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	if (!str_empty(name) && str_is_hex_lower(name, strlen(name)))
		return find_by_prefix(s, name, ret_id, err);
	return err_set(err, ERR_NOT_FOUND, "No such container: %s", name_or_id);
}
