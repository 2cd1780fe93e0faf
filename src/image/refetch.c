#include "image/refetch.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/auto.h"
#include "codec/image_config.h"
#include "codec/reference.h"
#include "image/pull.h"
#include "store/blob.h"

bool refetch_is_possible(const struct image_record *rec)
{
	return rec->from_registry && rec->reference;
}

/* Of an index the child for the platform that the image has: told by its config, if that is left. */
static bool platform_of(struct store *s, const struct image_record *rec, struct platform *ret)
{
	AUTO(buf) struct buf b = BUF_INIT(IMAGE_CONFIG_BYTES_MAX);
	AUTO(image_config) struct image_config config = { 0 };

	if (blob_read_all(s, &rec->image_id, &b, NULL) < 0 ||
		image_config_parse(buf_str(&b), b.len, &config, NULL) < 0)
		return false;
	*ret = config.platform;
	return true;
}

int image_refetch(struct store *s, const struct image_record *rec,
	const struct client_options *client, const struct idmap *map, struct err *err)
{
	AUTO(reference) struct reference ref = { 0 };
	AUTO(image_record) struct image_record got = { 0 };
	struct pull_options o = { .client = *client, .map = map, .keep_references = true };
	struct pull_result result = { 0 };
	struct platform platform;
	int r = reference_parse(rec->reference, &ref, err);

	if (r < 0)
		return r;
	ref.has_digest = true;
	ref.digest = digest_is_set(&rec->index) ? rec->index : rec->manifest;
	if (platform_of(s, rec, &platform))
		o.platform = &platform;
	r = image_pull(s, &ref, &o, &result, err);
	if (r < 0)
		return r;
	got = result.record;
	if (!digest_equal(&got.manifest, &rec->manifest))
		return err_set(
			err, ERR_NOT_FOUND, "%s leads to another image now", ref.digest.text);
	return 0;
}
