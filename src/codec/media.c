#include "codec/media.h"

#include <string.h>
#include <strings.h>

#include "base/str.h"

struct known {
	const char *type;
	struct media media;
};

#define LAYER(...)                                    \
	{                                             \
		.kind = MEDIA_KIND_LAYER, __VA_ARGS__ \
	}

static const struct known known_types[] = {
	{ "", { .kind = MEDIA_KIND_GENERIC } },
	{ "application/json", { .kind = MEDIA_KIND_GENERIC } },
	{ "application/octet-stream", { .kind = MEDIA_KIND_GENERIC } },
	{ "binary/octet-stream", { .kind = MEDIA_KIND_GENERIC } },
	{ "text/plain", { .kind = MEDIA_KIND_GENERIC } },
	{ MEDIA_OCI_INDEX, { .kind = MEDIA_KIND_INDEX } },
	{ MEDIA_OCI_MANIFEST, { .kind = MEDIA_KIND_MANIFEST } },
	{ MEDIA_OCI_CONFIG, { .kind = MEDIA_KIND_CONFIG } },
	{ MEDIA_OCI_EMPTY, { .kind = MEDIA_KIND_EMPTY } },
	{ MEDIA_DOCKER_LIST, { .kind = MEDIA_KIND_INDEX, .docker = true } },
	{ MEDIA_DOCKER_MANIFEST, { .kind = MEDIA_KIND_MANIFEST, .docker = true } },
	{ MEDIA_DOCKER_CONFIG, { .kind = MEDIA_KIND_CONFIG, .docker = true } },
	{ "application/vnd.docker.distribution.manifest.v1+json",
		{ .kind = MEDIA_KIND_SCHEMA1, .docker = true } },
	{ "application/vnd.docker.distribution.manifest.v1+prettyjws",
		{ .kind = MEDIA_KIND_SCHEMA1, .docker = true } },
	{ MEDIA_OCI_LAYER, LAYER(.docker = false) },
	{ MEDIA_OCI_LAYER_GZIP, LAYER(.compression = MEDIA_GZIP) },
	{ MEDIA_OCI_LAYER_ZSTD, LAYER(.compression = MEDIA_ZSTD) },
	{ "application/vnd.oci.image.layer.nondistributable.v1.tar", LAYER(.foreign = true) },
	{ "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
		LAYER(.compression = MEDIA_GZIP, .foreign = true) },
	{ "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
		LAYER(.compression = MEDIA_ZSTD, .foreign = true) },
	{ "application/vnd.docker.image.rootfs.diff.tar", LAYER(.docker = true) },
	{ MEDIA_DOCKER_LAYER, LAYER(.compression = MEDIA_GZIP, .docker = true) },
	{ "application/vnd.docker.image.rootfs.diff.tar.zstd",
		LAYER(.compression = MEDIA_ZSTD, .docker = true) },
	{ "application/vnd.docker.image.rootfs.foreign.diff.tar",
		LAYER(.docker = true, .foreign = true) },
	{ "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
		LAYER(.compression = MEDIA_GZIP, .docker = true, .foreign = true) },
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static size_t cut_suffix(const char *s, size_t len, const char *suffix)
{
	size_t n = strlen(suffix);

	return len >= n && strncasecmp(s + len - n, suffix, n) == 0 ? len - n : len;
}

void media_classify(const char *type, struct media *ret)
{
	size_t len, plain;

	*ret = (struct media){ .kind = MEDIA_KIND_UNKNOWN };
	if (!type)
		type = "";
	while (is_blank(*type))
		type++;
	len = strcspn(type, ";");
	while (len > 0 && is_blank(type[len - 1]))
		len--;
	plain = cut_suffix(type, len, "+encrypted");
	for (size_t i = 0; i < sizeof(known_types) / sizeof(known_types[0]); i++) {
		const struct known *k = &known_types[i];

		if (strlen(k->type) == plain && strncasecmp(k->type, type, plain) == 0) {
			*ret = k->media;
			ret->encrypted = plain != len;
			return;
		}
	}
}

const char *media_layer_type(const struct media *m)
{
	/* docker's zstd is read, but it is not a type that registries and docker agree about. */
	if (m->docker && m->compression == MEDIA_ZSTD)
		return NULL;
	for (size_t i = 0; i < sizeof(known_types) / sizeof(known_types[0]); i++) {
		const struct media *k = &known_types[i].media;

		if (k->kind == MEDIA_KIND_LAYER && k->compression == m->compression &&
			k->docker == m->docker && k->foreign == m->foreign)
			return known_types[i].type;
	}
	return NULL;
}

enum media_compression media_sniff(const void *bytes, size_t len)
{
	static const unsigned char xz_magic[6] = { 0xfd, '7', 'z', 'X', 'Z', 0 };
	const unsigned char *b = bytes;

	if (len >= 2 && b[0] == 0x1f && b[1] == 0x8b)
		return MEDIA_GZIP;
	if (len >= 4 && b[0] == 0x28 && b[1] == 0xb5 && b[2] == 0x2f && b[3] == 0xfd)
		return MEDIA_ZSTD;
	if (len >= 4 && (b[0] & 0xf0) == 0x50 && b[1] == 0x2a && b[2] == 0x4d && b[3] == 0x18)
		return MEDIA_ZSTD;
	if (len >= 6 && memcmp(b, xz_magic, 6) == 0)
		return MEDIA_XZ;
	if (len >= 3 && memcmp(b, "BZh", 3) == 0)
		return MEDIA_BZIP2;
	return MEDIA_PLAIN;
}

const char *media_compression_name(enum media_compression c)
{
	switch (c) {
	case MEDIA_GZIP:
		return "gzip";
	case MEDIA_ZSTD:
		return "zstd";
	case MEDIA_XZ:
		return "xz";
	case MEDIA_BZIP2:
		return "bzip2";
	case MEDIA_PLAIN:
		break;
	}
	return "none";
}
