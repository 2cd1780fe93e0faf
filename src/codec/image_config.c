#include "codec/image_config.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/strv.h"
#include "codec/json.h"

#define ENTRIES_MAX 65536

static void history_done(struct image_history *h)
{
	free(h->created);
	free(h->created_by);
	free(h->author);
	free(h->comment);
}

void image_config_done(struct image_config *c)
{
	free(c->architecture);
	free(c->os);
	free(c->variant);
	free(c->created);
	free(c->author);
	strv_free(c->env);
	strv_free(c->entrypoint);
	strv_free(c->cmd);
	free(c->user);
	free(c->workdir);
	strv_free(c->volumes);
	strv_free(c->exposed);
	strv_free(c->labels);
	free(c->stop_signal);
	strv_free(c->shell);
	strv_free(c->on_build);
	free(c->diff_ids);
	for (size_t i = 0; i < c->n_history; i++)
		history_done(&c->history[i]);
	free(c->history);
	*c = (struct image_config){ 0 };
}

static int want_copy(const struct json *v, const char *key, char **ret, struct err *err)
{
	const char *s = NULL;
	int r = json_want_string(v, key, &s, err);

	if (r >= 0)
		*ret = xstrdup(s);
	return r;
}

/* Entrypoint and Cmd were once bare strings. */
static int want_words(const struct json *v, const char *key, char ***ret, struct err *err)
{
	const char *s = json_get_string(v, key);

	if (!s)
		return json_want_strv(v, key, ret, err);
	strv_push(ret, s);
	return 1;
}

/* {"/data":{}}: a Go map used as a set. */
static int want_keys(const struct json *v, const char *key, char ***ret, struct err *err)
{
	struct json *set;
	size_t n = 0;
	int r = json_want_object(v, key, &set, err);

	if (r <= 0)
		return r;
	*ret = NEW_ARRAY(char *, json_len(set) + 1);
	JSON_FOREACH(member, set)
	(*ret)[n++] = xstrdup(json_key(member));
	return 1;
}

static int parse_process(const struct json *v, struct image_config *c, struct err *err)
{
	int r = json_want_strv(v, "Env", &c->env, err);

	if (r >= 0)
		r = want_words(v, "Entrypoint", &c->entrypoint, err);
	if (r >= 0)
		r = want_words(v, "Cmd", &c->cmd, err);
	if (r >= 0)
		r = want_copy(v, "User", &c->user, err);
	if (r >= 0)
		r = want_copy(v, "WorkingDir", &c->workdir, err);
	if (r >= 0)
		r = want_keys(v, "Volumes", &c->volumes, err);
	if (r >= 0)
		r = want_keys(v, "ExposedPorts", &c->exposed, err);
	if (r >= 0)
		r = json_want_string_map(v, "Labels", &c->labels, err);
	if (r >= 0)
		r = want_copy(v, "StopSignal", &c->stop_signal, err);
	if (r >= 0)
		r = want_words(v, "Shell", &c->shell, err);
	if (r >= 0)
		r = json_want_strv(v, "OnBuild", &c->on_build, err);
	return r;
}

static int parse_rootfs(const struct json *doc, struct image_config *c, struct err *err)
{
	struct json *rootfs, *ids;
	int r;

	r = json_want_object(doc, "rootfs", &rootfs, err);
	if (r == 0)
		return err_set(
			err, ERR_UNSUPPORTED, "it has no rootfs: this is no image that can be run");
	if (r > 0)
		r = json_want_array(rootfs, "diff_ids", &ids, err);
	if (r <= 0)
		return r;
	if (json_len(ids) > ENTRIES_MAX)
		return err_set(err, ERR_FORMAT, "too many diff_ids");
	c->diff_ids = NEW_ARRAY(struct digest, json_len(ids) + 1);
	JSON_FOREACH(id, ids)
	{
		if (!json_is_string(id))
			return err_set(err, ERR_FORMAT, "a diff_id is not a string");
		r = digest_parse(json_string(id), &c->diff_ids[c->n_diff_ids], err);
		if (r < 0)
			return r;
		c->n_diff_ids++;
	}
	return 0;
}

static int parse_history_entry(const struct json *v, struct image_history *h, struct err *err)
{
	int r;

	if (!json_is_object(v))
		return err_set(err, ERR_FORMAT, "a history entry is not an object");
	r = want_copy(v, "created", &h->created, err);
	if (r >= 0)
		r = want_copy(v, "created_by", &h->created_by, err);
	if (r >= 0)
		r = want_copy(v, "author", &h->author, err);
	if (r >= 0)
		r = want_copy(v, "comment", &h->comment, err);
	if (r >= 0)
		r = json_want_bool(v, "empty_layer", &h->empty_layer, err);
	return r;
}

static int parse_history(const struct json *doc, struct image_config *c, struct err *err)
{
	struct json *history;
	int r = json_want_array(doc, "history", &history, err);

	if (r <= 0)
		return r;
	if (json_len(history) > ENTRIES_MAX)
		return err_set(err, ERR_FORMAT, "too many history entries");
	c->history = NEW_ARRAY(struct image_history, json_len(history) + 1);
	JSON_FOREACH(entry, history)
	{
		r = parse_history_entry(entry, &c->history[c->n_history++], err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int parse_document(const struct json *doc, struct image_config *c, struct err *err)
{
	struct json *config;
	int r;

	if (!json_is_object(doc))
		return err_set(err, ERR_FORMAT, "not an object");
	r = want_copy(doc, "architecture", &c->architecture, err);
	if (r >= 0)
		r = want_copy(doc, "os", &c->os, err);
	if (r >= 0)
		r = want_copy(doc, "variant", &c->variant, err);
	if (r >= 0)
		r = want_copy(doc, "created", &c->created, err);
	if (r >= 0)
		r = want_copy(doc, "author", &c->author, err);
	if (r >= 0)
		r = json_want_object(doc, "config", &config, err);
	if (r >= 0)
		r = parse_process(config, c, err);
	if (r >= 0)
		r = parse_rootfs(doc, c, err);
	if (r >= 0)
		r = parse_history(doc, c, err);
	if (r >= 0 && !platform_from(c->os, c->architecture, c->variant, &c->platform))
		r = err_set(err, ERR_FORMAT, "os or architecture is too long");
	return r;
}

int image_config_parse(const void *bytes, size_t len, struct image_config *ret, struct err *err)
{
	AUTO(image_config) struct image_config c = { 0 };
	AUTO(json) struct json *doc = NULL;
	int r;

	if (len > IMAGE_CONFIG_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "image config is larger than %u bytes",
			IMAGE_CONFIG_BYTES_MAX);
	r = json_parse(bytes, len, &doc, err);
	if (r >= 0)
		r = parse_document(doc, &c, err);
	if (r < 0)
		return err_ctx(err, r, "image config");
	*ret = c;
	c = (struct image_config){ 0 };
	return 0;
}

int image_config_check_layers(const struct image_config *c, size_t n_layers, struct err *err)
{
	size_t n = 0;

	if (c->n_diff_ids != n_layers)
		return err_set(err, ERR_FORMAT, "image config has %zu diff_ids for %zu layers",
			c->n_diff_ids, n_layers);
	for (size_t i = 0; i < c->n_history; i++)
		n += !c->history[i].empty_layer;
	if (c->n_history > 0 && n != n_layers)
		return err_set(err, ERR_FORMAT,
			"image config's history has %zu layers, the image %zu", n, n_layers);
	return 0;
}

static void set_if(struct json *v, const char *key, const char *s)
{
	if (!str_empty(s))
		json_set_string(v, key, s);
}

static void set_strv_if(struct json *v, const char *key, char *const *list)
{
	if (list && *list)
		json_set_strv(v, key, list);
}

static void set_keys_if(struct json *v, const char *key, char *const *list)
{
	struct json *set;

	if (!list || !*list)
		return;
	set = json_set(v, key, json_object_new());
	STRV_FOREACH (s, list)
		json_set(set, s, json_object_new());
}

static struct json *process_json(const struct image_config *c)
{
	struct json *v = json_object_new();

	set_if(v, "User", c->user);
	set_keys_if(v, "ExposedPorts", c->exposed);
	set_strv_if(v, "Env", c->env);
	set_strv_if(v, "Entrypoint", c->entrypoint);
	set_strv_if(v, "Cmd", c->cmd);
	set_keys_if(v, "Volumes", c->volumes);
	set_if(v, "WorkingDir", c->workdir);
	if (c->labels && *c->labels)
		json_set_string_map(v, "Labels", c->labels);
	set_if(v, "StopSignal", c->stop_signal);
	set_strv_if(v, "Shell", c->shell);
	set_strv_if(v, "OnBuild", c->on_build);
	return v;
}

static struct json *history_json(const struct image_config *c)
{
	struct json *list = json_array_new();

	for (size_t i = 0; i < c->n_history; i++) {
		const struct image_history *h = &c->history[i];
		struct json *v = json_append(list, json_object_new());

		set_if(v, "created", h->created);
		set_if(v, "created_by", h->created_by);
		set_if(v, "author", h->author);
		set_if(v, "comment", h->comment);
		if (h->empty_layer)
			json_set_bool(v, "empty_layer", true);
	}
	return list;
}

char *image_config_format(const struct image_config *c)
{
	AUTO(json) struct json *doc = json_object_new();
	struct json *rootfs = json_object_new(), *ids = json_array_new();

	set_if(doc, "created", c->created);
	set_if(doc, "author", c->author);
	json_set_string(
		doc, "architecture", c->architecture ? c->architecture : c->platform.architecture);
	set_if(doc, "variant", c->variant ? c->variant : c->platform.variant);
	json_set_string(doc, "os", c->os ? c->os : c->platform.os);
	json_set(doc, "config", process_json(c));
	json_set(doc, "rootfs", rootfs);
	json_set_string(rootfs, "type", "layers");
	json_set(rootfs, "diff_ids", ids);
	for (size_t i = 0; i < c->n_diff_ids; i++)
		json_append_string(ids, c->diff_ids[i].text);
	if (c->n_history > 0)
		json_set(doc, "history", history_json(c));
	return json_print(doc, false);
}
