/*
 * `system check`: store/check.h first, then what images need. Of each reference: manifest, config
 * and index with their digests, the blob and size of each layer, diff ids. Deep: each unpacked
 * layer is unpacked a second time from its blob, in the same sandbox, and the two trees are
 * compared: names, types, owners, modes, times, attributes and every byte. So nothing has to be
 * recorded at a pull, and what is compared is what a run would see. A layer whose blob is gone (its
 * image was removed while a container uses it), or that was unpacked for another owner map, cannot
 * be compared and is passed over.
 *
 * A repair moves damaged layers away and unpacks them again, and fetches blobs again from where
 * their image came from. It removes neither images' names nor containers.
 */
#pragma once

#include "base/err.h"
#include "registry/client.h"
#include "store/check.h"
#include "userns/idmap.h"

struct image_check_options {
	const struct idmap *map;
	const struct client_options *client; /* for a repair */
};

/*
 * Fill c, whose store and flags are set. Findings are no failure: that is a store which cannot be
 * read or written.
 */
int image_check(
	struct check *c, const struct image_check_options *options, struct err *err) must_check;
