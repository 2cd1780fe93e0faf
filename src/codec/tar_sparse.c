#include "codec/tar_sparse.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/alloc.h"

void tar_sparse_begin(struct tar_sparse *map, uint64_t real_size)
{
	map->n = 0;
	map->stored = 0;
	map->real_size = real_size;
}

void tar_sparse_done(struct tar_sparse *map)
{
	free(map->ranges);
	*map = (struct tar_sparse){ 0 };
}

int tar_sparse_add(struct tar_sparse *map, uint64_t offset, uint64_t length, struct err *err)
{
	const struct tar_sparse_range *last = map->n ? &map->ranges[map->n - 1] : NULL;

	if (map->n >= TAR_SPARSE_MAX)
		return err_set(
			err, ERR_LIMIT, "sparse map has more than %d ranges", TAR_SPARSE_MAX);
	if (offset > map->real_size || length > map->real_size - offset)
		return err_set(err, ERR_FORMAT, "sparse map passes the end of the file");
	if (last && offset < last->offset + last->length)
		return err_set(err, ERR_FORMAT, "sparse map overlaps or descends");
	/* GNU tar pads each range to whole blocks, others do not: a map where it matters is a trap. */
	if (length && map->stored % 512)
		return err_set(
			err, ERR_FORMAT, "sparse map has a part of a block before its last range");
	GROW(map->ranges, map->n, map->cap);
	map->ranges[map->n++] = (struct tar_sparse_range){ offset, length };
	map->stored += length; /* cannot overflow: ranges are disjoint and inside real_size */
	return 0;
}

int tar_sparse_end(struct tar_sparse *map, uint64_t stored_size, struct err *err)
{
	if (map->stored != stored_size)
		return err_set(err, ERR_FORMAT,
			"sparse map covers %llu bytes, the archive holds %llu",
			(unsigned long long)map->stored, (unsigned long long)stored_size);
	return 0;
}
