#include "codec/tar_header.h"

#include <string.h>

/* The block's fields; everything is text, so there is no alignment or byte order to it. */
struct raw_header {
	uint8_t name[100];
	uint8_t mode[8];
	uint8_t uid[8];
	uint8_t gid[8];
	uint8_t size[12];
	uint8_t mtime[12];
	uint8_t chksum[8];
	uint8_t typeflag;
	uint8_t linkname[100];
	uint8_t magic[6];
	uint8_t version[2];
	uint8_t uname[32];
	uint8_t gname[32];
	uint8_t devmajor[8];
	uint8_t devminor[8];
	uint8_t prefix[155];
	uint8_t pad[12];
};

_Static_assert(sizeof(struct raw_header) == TAR_BLOCK, "a tar header is one block");

bool tar_block_is_zero(const uint8_t block[TAR_BLOCK])
{
	return block[0] == 0 && memcmp(block, block + 1, TAR_BLOCK - 1) == 0;
}

/* Two's complement in big-endian order, the topmost bit of the first byte being the marker. */
static int base256_parse(
	const uint8_t *field, size_t len, const char *what, int64_t *ret, struct err *err)
{
	bool negative = field[0] & 0x40;
	uint64_t v = negative ? UINT64_MAX : 0;

	for (size_t i = 0; i < len; i++) {
		uint8_t c = field[i];

		if (i == 0)
			c = negative ? (c | 0x80) : (c & 0x7f);
		/* What is shifted out, and the bit that becomes the sign, must be sign bits. */
		if (v >> 55 != (negative ? 0x1ff : 0))
			return err_set(err, ERR_FORMAT, "tar header: %s is out of range", what);
		v = v << 8 | c;
	}
	*ret = (int64_t)v;
	return 0;
}

int tar_number_parse(
	const uint8_t *field, size_t len, const char *what, int64_t *ret, struct err *err)
{
	uint64_t v = 0;
	size_t i = 0;

	if (field[0] & 0x80)
		return base256_parse(field, len, what, ret, err);
	while (i < len && field[i] == ' ')
		i++;
	for (; i < len && field[i] >= '0' && field[i] <= '7'; i++) {
		if (v >> 60)
			return err_set(err, ERR_FORMAT, "tar header: %s is out of range", what);
		v = v << 3 | (uint64_t)(field[i] - '0');
	}
	/* Old writers end a field by blanks, by NUL, or by neither; bytes behind a NUL are junk. */
	while (i < len && field[i] == ' ')
		i++;
	if (i < len && field[i] != '\0')
		return err_set(err, ERR_FORMAT, "tar header: %s is not a number", what);
	*ret = (int64_t)v;
	return 0;
}

static int checksum_verify(const uint8_t block[TAR_BLOCK], struct err *err)
{
	const struct raw_header *raw = (const struct raw_header *)block;
	int64_t want = -1, plus = 0, minus = 0;
	bool is_number =
		tar_number_parse(raw->chksum, sizeof(raw->chksum), "checksum", &want, NULL) >= 0;

	for (size_t i = 0; i < TAR_BLOCK; i++)
		plus += block[i];
	for (size_t i = 0; i < TAR_BLOCK; i++)
		minus += block[i] >> 7;
	minus = plus - 256 * minus; /* the same sum over signed bytes */
	for (size_t i = 0; i < sizeof(raw->chksum); i++) {
		plus += ' ' - raw->chksum[i];
		minus += ' ' - (int8_t)raw->chksum[i];
	}
	if (!is_number || (want != plus && want != minus))
		return err_set(err, ERR_FORMAT, "tar header: wrong checksum (not a tar archive?)");
	return 0;
}

static int field_u64(
	const uint8_t *field, size_t len, const char *what, uint64_t *ret, struct err *err)
{
	int64_t v;
	int r = tar_number_parse(field, len, what, &v, err);

	if (r < 0)
		return r;
	if (v < 0)
		return err_set(err, ERR_FORMAT, "tar header: %s is negative", what);
	*ret = (uint64_t)v;
	return 0;
}

static int device_parse(const struct raw_header *raw, struct tar_header *h, struct err *err)
{
	uint64_t major = 0, minor = 0;
	int r;

	if (h->dialect == TAR_V7 || (h->typeflag != '3' && h->typeflag != '4'))
		return 0;
	r = field_u64(raw->devmajor, sizeof(raw->devmajor), "devmajor", &major, err);
	if (r < 0)
		return r;
	r = field_u64(raw->devminor, sizeof(raw->devminor), "devminor", &minor, err);
	if (r < 0)
		return r;
	if (major > UINT32_MAX || minor > UINT32_MAX)
		return err_set(err, ERR_FORMAT, "tar header: device number is out of range");
	h->major = (uint32_t)major;
	h->minor = (uint32_t)minor;
	return 0;
}

static int numbers_parse(const struct raw_header *raw, struct tar_header *h, struct err *err)
{
	uint64_t mode = 0;
	int r;

	/* Some writers put the type bits of st_mode there as well. */
	r = field_u64(raw->mode, sizeof(raw->mode), "mode", &mode, err);
	if (r < 0)
		return r;
	h->mode = (uint32_t)mode & 07777;
	r = field_u64(raw->uid, sizeof(raw->uid), "uid", &h->uid, err);
	if (r < 0)
		return r;
	r = field_u64(raw->gid, sizeof(raw->gid), "gid", &h->gid, err);
	if (r < 0)
		return r;
	r = field_u64(raw->size, sizeof(raw->size), "size", &h->size, err);
	if (r < 0)
		return r;
	r = tar_number_parse(raw->mtime, sizeof(raw->mtime), "mtime", &h->mtime, err);
	if (r < 0)
		return r;
	return device_parse(raw, h, err);
}

/* A field that fills its room has no NUL. */
static size_t field_copy(char *dst, const uint8_t *field, size_t len)
{
	size_t n = strnlen((const char *)field, len);

	memcpy(dst, field, n);
	dst[n] = '\0';
	return n;
}

int tar_header_parse(const uint8_t block[TAR_BLOCK], struct tar_header *ret, struct err *err)
{
	const struct raw_header *raw = (const struct raw_header *)block;
	struct tar_header h = { .dialect = TAR_V7, .typeflag = (char)raw->typeflag };
	size_t n = 0;
	int r;

	r = checksum_verify(block, err);
	if (r < 0)
		return r;
	if (memcmp(block + 257, "ustar\0", 6) == 0)
		h.dialect = TAR_USTAR;
	else if (memcmp(block + 257, "ustar  ", 8) == 0)
		h.dialect = TAR_GNU;
	r = numbers_parse(raw, &h, err);
	if (r < 0)
		return r;

	/* In the GNU dialect the prefix field holds other things: times, the sparse map. */
	if (h.dialect == TAR_USTAR && raw->prefix[0]) {
		n = field_copy(h.name, raw->prefix, sizeof(raw->prefix));
		h.name[n++] = '/';
	}
	field_copy(h.name + n, raw->name, sizeof(raw->name));
	field_copy(h.linkname, raw->linkname, sizeof(raw->linkname));
	*ret = h;
	return 0;
}
