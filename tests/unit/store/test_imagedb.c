/* References and garbage collection. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/strv.h"
#include "codec/media.h"
#include "fixture.h"
#include "store/blob.h"
#include "store/container_dir.h"
#include "store/gc.h"
#include "store/imagedb.h"
#include "store/layer.h"

/* An image whose only layer's content is `seed`; its layer is unpacked as well. */
static void make_image(struct store *s, const char *seed, struct image_record *ret, char *ret_layer)
{
	struct layer_txn *txn = NULL;
	struct digest diff;
	size_t size;
	struct err err = { 0 };
	autofree char *text = NULL;

	assert_ok(blob_put(s, seed, strlen(seed), &diff, &err), err);
	text = xasprintf("{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{},"
			 "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"%s\"]}}",
		diff.text);
	assert_ok(blob_put(s, text, strlen(text), &ret->image_id, &err), err);
	size = strlen(text);
	free(TAKE_PTR(text));
	text = xasprintf("{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_OCI_MANIFEST "\",\"config\":"
			 "{\"mediaType\":\"" MEDIA_OCI_CONFIG "\",\"digest\":\"%s\",\"size\":%zu},"
			 "\"layers\":[{\"mediaType\":\"" MEDIA_OCI_LAYER
			 "\",\"digest\":\"%s\",\"size\":%zu}]}",
		ret->image_id.text, size, diff.text, strlen(seed));
	assert_ok(blob_put(s, text, strlen(text), &ret->manifest, &err), err);
	layer_make_id(&diff, "root", ret_layer);
	assert_ok(layer_begin(s, ret_layer, LAYER_WAIT, &txn, &err), err);
	assert_ok(layer_commit(txn, "{}", 2, &err), err);
	memset(&ret->index, 0, sizeof(ret->index));
}

static void set(struct store *s, const char *name, const struct image_record *rec)
{
	AUTO(reference) struct reference ref = { 0 };
	struct err err = { 0 };

	assert_ok(reference_parse(name, &ref, &err), err);
	assert_ok(image_ref_set(s, &ref, rec, &err), err);
}

static char *names_of(struct store *s)
{
	AUTO(image_list) struct image_list list = { 0 };
	AUTO(strv) char **v = NULL;

	assert_int_equal(image_ref_list(s, &list, NULL), 0);
	for (size_t i = 0; i < list.n; i++)
		strv_push(&v, list.items[i].reference ? list.items[i].reference : "<none>");
	return strv_join(v, " ");
}

static void reference_is_found_again(void **state)
{
	struct fixture *f = *state;
	AUTO(store) struct store *other = fixture_reopen(state);
	AUTO(image_record) struct image_record got = { 0 };
	AUTO(reference) struct reference ref = { 0 };
	struct image_record rec = { .from_registry = true };
	char layer[LAYER_ID_SIZE], path[128];

	make_image(f->store, "one", &rec, layer);
	set(f->store, "[::1]:5000/a/b:Tag_1", &rec);
	assert_true(fixture_exists(state, "images/%5B%3A%3A1%5D%3A5000%2Fa%2Fb%3ATag_1.json"));
	assert_int_equal(reference_parse("[::1]:5000/a/b:Tag_1", &ref, NULL), 0);
	assert_int_equal(image_ref_get(other, &ref, &got, NULL), 0);
	assert_true(digest_equal(&got.image_id, &rec.image_id));
	assert_true(digest_equal(&got.manifest, &rec.manifest));
	assert_false(digest_is_set(&got.index));
	assert_true(got.from_registry);
	assert_true(got.created_ns > 0);
	/* What a visible reference needs has its final, durable name. */
	(void)snprintf(path, sizeof(path), "blobs/sha256/%s", digest_hex(&rec.image_id));
	assert_true(fixture_exists(state, path));
	(void)snprintf(path, sizeof(path), "layers/%s/fs", layer);
	assert_true(fixture_exists(state, path));
}

static void longest_reference_fits_a_file_name(void **state)
{
	struct fixture *f = *state;
	AUTO(image_record) struct image_record got = { 0 };
	AUTO(reference) struct reference ref = { 0 };
	struct image_record rec = { 0 };
	char layer[LAYER_ID_SIZE], name[400], path[240], tag[REFERENCE_TAG_MAX + 1];

	memset(path, 'p', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	memset(tag, 't', REFERENCE_TAG_MAX);
	tag[REFERENCE_TAG_MAX] = '\0';
	(void)snprintf(name, sizeof(name), "q.io/%s:%s", path, tag);
	make_image(f->store, "one", &rec, layer);
	set(f->store, name, &rec);
	assert_int_equal(reference_parse(name, &ref, NULL), 0);
	assert_int_equal(image_ref_get(f->store, &ref, &got, NULL), 0);
	assert_string_equal(got.reference, name);
}

static void displaced_image_stays_untagged(void **state)
{
	struct fixture *f = *state;
	struct image_record one = { 0 }, two = { 0 };
	char layer[LAYER_ID_SIZE];
	autofree char *names = NULL;

	make_image(f->store, "one", &one, layer);
	make_image(f->store, "two", &two, layer);
	set(f->store, "a", &one);
	set(f->store, "a", &two);
	names = names_of(f->store);
	assert_string_equal(names, "docker.io/library/a:latest <none>");
	/* A new name takes it out of that state. */
	set(f->store, "b", &one);
	free(TAKE_PTR(names));
	names = names_of(f->store);
	assert_string_equal(names, "docker.io/library/a:latest docker.io/library/b:latest");
	/* With another name left, nothing untagged appears. */
	set(f->store, "c", &one);
	set(f->store, "b", &two);
	free(TAKE_PTR(names));
	names = names_of(f->store);
	assert_string_equal(names, "docker.io/library/a:latest docker.io/library/b:latest "
				   "docker.io/library/c:latest");
}

static void displaced_image_of_a_registry_keeps_its_digest(void **state)
{
	struct fixture *f = *state;
	struct image_record one = { .from_registry = true }, two = { .from_registry = true };
	char layer[LAYER_ID_SIZE], expected[200];
	autofree char *names = NULL;

	make_image(f->store, "one", &one, layer);
	make_image(f->store, "two", &two, layer);
	set(f->store, "a", &one);
	set(f->store, "a", &two);
	names = names_of(f->store);
	(void)snprintf(expected, sizeof(expected),
		"docker.io/library/a:latest docker.io/library/a@%s", one.manifest.text);
	assert_string_equal(names, expected);
}

/* Not knowing whom the name belongs to, nobody may take it: that image would be lost. */
static void unreadable_record_is_not_replaced(void **state)
{
	struct fixture *f = *state;
	struct image_record rec = { 0 };
	char layer[LAYER_ID_SIZE];
	struct err err = { 0 };
	AUTO(reference) struct reference ref = { 0 };

	make_image(f->store, "one", &rec, layer);
	assert_ok(reference_parse("one:latest", &ref, &err), err);
	assert_int_equal(mkdirat(store_dirfd(f->store),
				 "images/docker.io%2Flibrary%2Fone%3Alatest.json", 0700),
		0);
	assert_int_equal(image_ref_set(f->store, &ref, &rec, &err), -EISDIR);
	assert_string_equal(
		err.msg, "images/docker.io%2Flibrary%2Fone%3Alatest.json: read: Is a directory");
}

static void damaged_record_is_skipped(void **state)
{
	struct fixture *f = *state;
	AUTO(image_list) struct image_list list = { 0 };
	int fd = openat(
		store_dirfd(f->store), "images/x.json", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, "{\"imageId\":", 11), 11);
	close(fd);
	assert_int_equal(image_ref_list(f->store, &list, NULL), 0);
	assert_int_equal(list.n, 0);
}

static void collection_keeps_what_is_referred_to(void **state)
{
	struct fixture *f = *state;
	AUTO(gc_result) struct gc_result res = { 0 };
	struct image_record one = { 0 }, two = { 0 };
	char layer1[LAYER_ID_SIZE], layer2[LAYER_ID_SIZE], path[160];
	struct err err = { 0 };

	make_image(f->store, "one", &one, layer1);
	make_image(f->store, "two", &two, layer2);
	set(f->store, "a", &one);
	assert_int_equal(store_sync(f->store, NULL), 0);
	assert_ok(gc_run(f->store, &res, &err), err);
	assert_int_equal(strv_len(res.chain_ids), 1);
	assert_memory_equal(res.chain_ids[0] + 7, layer2, 64);
	assert_int_equal(strv_len(res.blobs), 3);
	(void)snprintf(path, sizeof(path), "layers/%s", layer2);
	assert_false(fixture_exists(state, path));
	(void)snprintf(path, sizeof(path), "layers/%s/fs", layer1);
	assert_true(fixture_exists(state, path));
	assert_int_equal(blob_has(f->store, &one.manifest, NULL, NULL), 1);
	assert_int_equal(blob_has(f->store, &two.manifest, NULL, NULL), 0);
}

static void collection_keeps_layers_of_containers(void **state)
{
	struct fixture *f = *state;
	AUTO(container_dir) struct container_dir dir = CONTAINER_DIR_INIT;
	AUTO(gc_result) struct gc_result res = { 0 };
	char layer[LAYER_ID_SIZE], id[CONTAINER_ID_LEN + 1];
	struct image_record one = { 0 };
	autofree char *config = NULL;
	struct err err = { 0 };

	make_image(f->store, "one", &one, layer);
	container_dir_new_id(id);
	config = xasprintf("{\"name\":\"web\",\"image_id\":\"%s\",\"layers\":[\"%s\"]}",
		one.image_id.text, layer);
	assert_ok(container_dir_create(f->store,
			  &(struct container_new){ .id = id,
				  .name = "web",
				  .config = config,
				  .config_len = strlen(config),
				  .flags = CONTAINER_EPHEMERAL },
			  &dir, &err),
		err);
	assert_ok(gc_run(f->store, &res, &err), err);
	assert_int_equal(strv_len(res.chain_ids), 0);
	assert_int_equal(strv_len(res.blobs), 3);
	assert_int_equal(layer_has(f->store, layer, NULL), 1);
	gc_result_done(&res);
	assert_ok(container_dir_remove(f->store, &dir, "web", NULL, &err), err);
	assert_ok(gc_run(f->store, &res, &err), err);
	assert_int_equal(strv_len(res.chain_ids), 1);
}

static void collection_leaves_leased_and_open_things(void **state)
{
	struct fixture *f = *state;
	AUTO(store) struct store *other = fixture_reopen(state);
	AUTO(gc_result) struct gc_result res = { 0 };
	char layer[LAYER_ID_SIZE];
	struct image_record one = { 0 };
	struct err err = { 0 };
	autofd int fd = -EBADF;

	assert_ok(store_lease_begin(other, &err), err);
	make_image(other, "one", &one, layer);
	assert_ok(gc_run(f->store, &res, &err), err);
	assert_int_equal(strv_len(res.chain_ids), 0);
	assert_int_equal(strv_len(res.blobs), 0);
	store_lease_end(other);
	assert_ok(layer_open_fs(f->store, layer, &fd, &err), err);
	assert_ok(gc_run(f->store, &res, &err), err);
	assert_int_equal(strv_len(res.chain_ids), 0);
	assert_int_equal(strv_len(res.blobs), 3);
	gc_result_done(&res);
	fd = fd_close(fd);
	assert_ok(gc_run(f->store, &res, &err), err);
	assert_int_equal(strv_len(res.chain_ids), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)
		T(reference_is_found_again),
		T(longest_reference_fits_a_file_name),
		T(displaced_image_stays_untagged),
		T(displaced_image_of_a_registry_keeps_its_digest),
		T(unreadable_record_is_not_replaced),
		T(damaged_record_is_skipped),
		T(collection_keeps_what_is_referred_to),
		T(collection_keeps_layers_of_containers),
		T(collection_leaves_leased_and_open_things),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
