/* Deleting by rename first. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/strv.h"
#include "store/store_priv.h"
#include "store/trash.h"
#include "sys/file.h"
#include "userns/userns.h"

int trash_move(struct store *s, const char *path, char ret_name[TRASH_NAME_SIZE], struct err *err)
{
	char target[STORE_PATH_SIZE];

	random_hex(ret_name, (TRASH_NAME_SIZE - 1) / 2);
	(void)snprintf(target, sizeof(target), "trash/%s", ret_name);
	if (renameat(s->fd, path, s->fd, target) < 0)
		return store_explain(s, err_sys(err, errno, "move %s to trash", path), err);
	return 0;
}

struct removal {
	int dirfd;
	const char *path;
};

static int remove_in_userns(void *arg)
{
	const struct removal *job = arg;
	int r = file_remove_tree(job->dirfd, job->path, NULL);

	return r < 0 ? (-r < 256 ? -r : 255) : 0;
}

/* As the owner of every mapped id. */
static int delete_mapped(
	struct store *s, const char *path, const struct idmap *map, struct err *err)
{
	struct removal job = { .dirfd = s->fd, .path = path };
	int status, r;
	pid_t pid;

	r = userns_spawn(map, remove_in_userns, &job, &pid, err);
	if (r < 0)
		return r;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_sys(err, errno, "wait");
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return err_sys(err, WIFEXITED(status) ? WEXITSTATUS(status) : EINTR, "remove %s", path);
}

int trash_delete(struct store *s, const char *name, const struct idmap *map, struct err *err)
{
	struct idmap detected;
	char path[STORE_PATH_SIZE];
	int r;

	(void)snprintf(path, sizeof(path), "trash/%s", name);
	r = file_remove_tree(s->fd, path, err);
	if (r != -EACCES && r != -EPERM)
		return r;
	if (!map) {
		if (idmap_detect(&detected, NULL) < 0)
			return r;
		map = &detected;
	}
	if (map->kind == IDMAP_NONE)
		return r;
	return delete_mapped(s, path, map, err);
}

int trash_remove(struct store *s, const char *path, const struct idmap *map, struct err *err)
{
	char name[TRASH_NAME_SIZE];
	struct err why = { 0 };
	int r = trash_move(s, path, name, err);

	if (r < 0)
		return r;
	if (trash_delete(s, name, map, &why) < 0)
		log_debug("trash: %s", why.msg);
	return 0;
}

void trash_empty(struct store *s, const struct idmap *map)
{
	AUTO(strv) char **names = NULL;
	struct err why = { 0 };

	if (file_list_dir(s->fd, "trash", &names, &why) < 0) {
		log_debug("trash: %s", why.msg);
		return;
	}
	STRV_FOREACH (name, names)
		if (trash_delete(s, name, map, &why) < 0)
			log_debug("trash: %s", why.msg);
}
