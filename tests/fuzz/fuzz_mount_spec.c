/* -v, --mount, --tmpfs: what is taken is absolute, clean and free of control characters. */
#include "fuzz.h"

#include "base/strv.h"
#include "codec/mount_spec.h"

static void check_path(const char *s)
{
	size_t n = strlen(s);

	fuzz_want(s[0] == '/' && !strstr(s, "//") && !strstr(s, "/../") && !strstr(s, "/./"));
	fuzz_want(n == 1 || s[n - 1] != '/');
	for (; *s; s++)
		fuzz_want((unsigned char)*s >= ' ' && *s != 0x7f);
}

static void check(struct mount_spec *m)
{
	check_path(m->target);
	fuzz_want(strcmp(m->target, "/") != 0);
	if (m->type == MOUNT_TYPE_BIND)
		check_path(m->source);
	else if (m->type == MOUNT_TYPE_TMPFS)
		fuzz_want(!m->source);
	else if (m->source)
		fuzz_want(!strchr(m->source, '/') && m->source[0] != '.');
	STRV_FOREACH (s, m->tmpfs)
		fuzz_want(strchr(s, '=') && !strchr(s, ','));
	(void)mount_propagation_name(m->propagation);
	fuzz_want(mount_specs_check(m, 1, NULL) == 0);
	mount_spec_done(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *s = fuzz_text(data, size);
	struct mount_spec m = { 0 };

	if (mount_spec_parse_volume(s, "/work", &m, NULL) == 0)
		check(&m);
	fuzz_want(!m.target);
	if (mount_spec_parse_mount(s, "/work", &m, NULL) == 0)
		check(&m);
	fuzz_want(!m.target);
	if (mount_spec_parse_tmpfs(s, &m, NULL) == 0)
		check(&m);
	fuzz_want(!m.target);
	free(s);
	return 0;
}
