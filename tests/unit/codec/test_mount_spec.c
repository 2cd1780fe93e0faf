/* -v, --mount and --tmpfs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "base/strv.h"
#include "codec/mount_spec.h"

/* One line that holds everything: "bind /a > /b ro rslave size=1". A bind's flags begin as nosuid,
 * nodev: its line says what differs. */
static char *show(const struct mount_spec *m)
{
	static const char *const names[] = { "ro", "noexec", "nosuid", "nodev", "nonrecursive",
		"ro-top", "ro-force", "create", "z", "Z", "nocopy" };
	AUTO(buf) struct buf b = BUF_INIT(4096);
	unsigned flags = m->flags;

	if (m->type == MOUNT_TYPE_BIND)
		flags ^= MOUNT_SPEC_NOSUID | MOUNT_SPEC_NODEV;
	buf_printf(
		&b, "%s %s > %s", mount_type_name(m->type), m->source ? m->source : "-", m->target);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (flags & 1U << i)
			buf_printf(&b, " %s%s",
				m->type == MOUNT_TYPE_BIND && (i == 2 || i == 3) ? "not-" : "",
				names[i]);
	if (m->propagation)
		buf_printf(&b, " %s", mount_propagation_name(m->propagation));
	if (m->subpath)
		buf_printf(&b, " subpath=%s", m->subpath);
	STRV_FOREACH (o, m->tmpfs)
		buf_printf(&b, " %s", o);
	STRV_FOREACH (o, m->driver_options)
		buf_printf(&b, " %s", o);
	return buf_take(&b);
}

struct good {
	const char *arg, *result;
};

struct bad {
	const char *arg, *message;
	int kind;
};

enum option { VOLUME, MOUNT, TMPFS };

static int parse(enum option option, const char *arg, struct mount_spec *m, struct err *e)
{
	if (option == VOLUME)
		return mount_spec_parse_volume(arg, "/cwd", m, e);
	if (option == MOUNT)
		return mount_spec_parse_mount(arg, "/cwd", m, e);
	return mount_spec_parse_tmpfs(arg, m, e);
}

static void check_good(enum option option, const struct good *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		AUTO(mount_spec) struct mount_spec m = { 0 };
		autofree char *text = NULL;
		struct err e = { 0 };

		if (parse(option, v[i].arg, &m, &e) < 0)
			fail_msg("%s: %s", v[i].arg, e.msg);
		text = show(&m);
		assert_string_equal(text, v[i].result);
	}
}

static void check_bad(enum option option, const struct bad *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct mount_spec m = { 0 };
		struct err e = { 0 };
		int r = parse(option, v[i].arg, &m, &e);

		if (r != -(v[i].kind ? v[i].kind : ERR_USAGE))
			fail_msg("%s: %d %s", v[i].arg, r, e.msg);
		assert_string_equal(e.msg, v[i].message);
		assert_null(m.target);
	}
}

#define N(v) (sizeof(v) / sizeof((v)[0]))

static void volumes(void **state)
{
	static const struct good good[] = {
		{ "/a:/b", "bind /a > /b create" },
		{ "/a:/b:ro", "bind /a > /b ro create" },
		{ "/a:/b:rw", "bind /a > /b create" },
		{ "/a:/b:", "bind /a > /b create" },
		{ "/a//x/../y/:/b/./c/", "bind /a/y > /b/c create" },
		{ "/:/host:ro,rslave", "bind / > /host ro create rslave" },
		{ "/a:/b:rw,z", "bind /a > /b create z" },
		{ "/a:/b:Z,ro,shared", "bind /a > /b ro create Z shared" },
		{ "/a:/b:cached", "bind /a > /b create" },
		{ "/a:/b:noexec,nosuid,nodev", "bind /a > /b noexec create" },
		{ "/a:/b:suid", "bind /a > /b not-nosuid create" },
		{ "/a:/b:dev,ro", "bind /a > /b ro not-nodev create" },
		{ "/a:/b:bind", "bind /a > /b nonrecursive create" },
		{ "/a b:/c d", "bind /a b > /c d create" },
		{ "./x:/b", "bind /cwd/x > /b create" },
		{ ".:/b", "bind /cwd > /b create" },
		{ "..:/b", "bind / > /b create" },
		{ "../x:/b", "bind /x > /b create" },
		{ "data:/b", "volume data > /b" },
		{ "data.1-x_y:/b:ro,nocopy", "volume data.1-x_y > /b ro nocopy" },
		{ "/b", "volume - > /b" },
		{ "/a:/a:ro", "bind /a > /a ro create" },
	};
	static const struct bad bad[] = {
		{ "", "invalid volume specification: ''", 0 },
		{ ":", "invalid volume specification: ':'", 0 },
		{ ":/b", "invalid volume specification: ':/b'", 0 },
		{ "/a:", "invalid volume specification: '/a:'", 0 },
		{ "/a:/b:ro:x", "invalid volume specification: '/a:/b:ro:x'", 0 },
		{ "/a:ro", "invalid volume specification: '/a:ro'", 0 },
		{ "/a:/b:wat", "invalid mode: wat", 0 },
		{ "/a:/b:ro,rw", "invalid mode: rw is given twice or contradicted", 0 },
		{ "/a:/b:ro,ro", "invalid mode: ro is given twice or contradicted", 0 },
		{ "/a:/b:z,Z", "invalid mode: Z is given twice or contradicted", 0 },
		{ "/a:/b:shared,slave", "invalid mode: slave is given twice or contradicted", 0 },
		{ "/a:/b:RO", "invalid mode: RO", 0 },
		{ "/a:/b:ro,", "invalid mode: ", 0 },
		{ "/a:/b:nocopy", "invalid mode: nocopy", 0 },
		{ "data:/b:shared", "invalid mode: shared", 0 },
		{ "/a:b",
			"invalid volume specification: invalid mount path: 'b' mount path must be "
			"absolute",
			0 },
		{ "b",
			"invalid volume specification: invalid mount path: 'b' mount path must be "
			"absolute",
			0 },
		{ "/a:/",
			"invalid volume specification: invalid specification: destination can't be "
			"'/'",
			0 },
		{ "/a:/x/..",
			"invalid volume specification: invalid specification: destination can't be "
			"'/'",
			0 },
		{ "/a:/b\nc", "invalid volume specification: control character in the mount path",
			0 },
		{ "/a\n:/b", "control character in the source path", 0 },
		{ "a/b:/c",
			"\"a/b\" includes invalid characters for a local volume name, only "
			"\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed\nhint: to pass a host "
			"directory, use an "
			"absolute path, or one with ./",
			0 },
		{ "/a:/b:O",
			"volume option \"O\": overlay mounts of host directories are not "
			"implemented",
			ERR_UNSUPPORTED },
		{ "/a:/b:U",
			"volume option \"U\": changing the owner of a host directory is not "
			"implemented",
			ERR_UNSUPPORTED },
	};

	(void)state;
	check_good(VOLUME, good, N(good));
	check_bad(VOLUME, bad, N(bad));
}

static const struct good good_mounts[] = {
	{ "type=bind,source=/a,target=/b", "bind /a > /b" },
	{ "type=bind,src=/a,dst=/b,ro", "bind /a > /b ro" },
	{ "type=bind,src=/a,destination=/b,readonly", "bind /a > /b ro" },
	{ "readonly=true,type=bind,src=/a,dst=/b", "bind /a > /b ro" },
	{ "type=bind,src=/a,dst=/b,ro=false", "bind /a > /b" },
	{ "TYPE=Bind,Source=/A,Target=/B", "bind /A > /B" },
	{ "type=bind,src=./x,dst=/b", "bind /cwd/x > /b" },
	{ "type=bind,\"src=/a,b\",dst=/b", "bind /a,b > /b" },
	{ "type=bind,\"src=/a \"\"q\"\"\",dst=/b", "bind /a \"q\" > /b" },
	{ "type=bind,src=/a=b,dst=/b", "bind /a=b > /b" },
	{ "type=bind,src=/a,dst=/b,bind-propagation=rslave", "bind /a > /b rslave" },
	{ "type=bind,src=/a,dst=/b,bind-nonrecursive", "bind /a > /b nonrecursive" },
	{ "type=bind,src=/a,dst=/b,bind-recursive=disabled", "bind /a > /b nonrecursive" },
	{ "type=bind,src=/a,dst=/b,ro,bind-recursive=writable", "bind /a > /b ro ro-top" },
	{ "type=bind,src=/a,dst=/b,ro,bind-recursive=readonly", "bind /a > /b ro ro-force" },
	{ "type=bind,src=/a,dst=/b,bind-create-src", "bind /a > /b create" },
	{ "type=bind,src=/a,dst=/b,consistency=cached", "bind /a > /b" },
	{ "type=bind,src=/a,dst=/b,dst=/c", "bind /a > /c" },
	{ "type=tmpfs,target=/t", "tmpfs - > /t noexec nosuid nodev" },
	{ "type=tmpfs,dst=/t,tmpfs-size=64m,tmpfs-mode=1777",
		"tmpfs - > /t noexec nosuid nodev size=67108864 mode=1777" },
	{ "type=tmpfs,dst=/t,tmpfs-mode=0700,ro", "tmpfs - > /t ro noexec nosuid nodev mode=700" },
	{ "target=/v", "volume - > /v" },
	{ "type=volume,src=data,dst=/v,volume-nocopy", "volume data > /v nocopy" },
	{ "src=data,dst=/v,volume-nocopy=false,volume-subpath=x/"
	  "y,volume-driver=local,volume-opt=o=1",
		"volume data > /v subpath=x/y volume-driver=local volume-opt=o=1" },
};

static const struct bad bad_mounts[] = {
	{ "", "invalid field '' must be a key=value pair", 0 },
	{ "type", "invalid field 'type' must be a key=value pair", 0 },
	{ "type=bind,", "invalid field '' must be a key=value pair", 0 },
	{ "type=bind,source=/a,target", "invalid field 'target' must be a key=value pair", 0 },
	{ "type=bind,wat=1", "unexpected key 'wat' in 'wat=1'", 0 },
	{ "type=bind,bind-wat=1", "unexpected key 'bind-wat' in 'bind-wat=1'", 0 },
	{ "type=tmpfs,tmpfs-uid=1", "unexpected key 'tmpfs-uid' in 'tmpfs-uid=1'", 0 },
	{ "type=bind,src=/a,dst=/b,readonly=maybe", "invalid value for readonly: maybe", 0 },
	{ "type=tmpfs,dst=/t,tmpfs-size=x", "invalid value for tmpfs-size: x", 0 },
	{ "type=tmpfs,dst=/t,tmpfs-size=50%", "invalid value for tmpfs-size: 50%", 0 },
	{ "type=tmpfs,dst=/t,tmpfs-mode=9", "invalid value for tmpfs-mode: 9", 0 },
	{ "type=bind,src=/a,dst=/b,bind-propagation=x", "invalid propagation value: \"x\"", 0 },
	{ "type=bind,src=/a,dst=/b,bind-recursive=x",
		"invalid value for bind-recursive: x (must be \"enabled\", \"disabled\", "
		"\"writable\", or "
		"\"readonly\")",
		0 },
	{ "type=bind,src=/a,dst=/b,bind-recursive=readonly",
		"option 'bind-recursive=readonly' requires 'readonly' to be specified in "
		"conjunction",
		0 },
	{ "type=bind,src=/a", "target is required", 0 },
	{ "type=bind,dst=/b",
		"invalid mount config for type \"bind\": field Source must not be empty", 0 },
	{ "type=bind,src=,dst=/b", "invalid value for 'src': value is empty", 0 },
	{ "type=bind,src=rel,dst=/b",
		"invalid mount config for type \"bind\": invalid mount path: 'rel' mount "
		"path must be "
		"absolute",
		0 },
	{ "type=bind,src=/a,dst=b",
		"invalid mount config for type \"bind\": invalid mount path: 'b' mount "
		"path must be "
		"absolute",
		0 },
	{ "type=bind,src=/a,dst=/",
		"invalid mount config for type \"bind\": invalid specification: "
		"destination can't be '/'",
		0 },
	{ "type=tmpfs,src=/a,dst=/b",
		"invalid mount config for type \"tmpfs\": field Source must not be "
		"specified",
		0 },
	{ "type=tmpfs,dst=/b,bind-propagation=shared",
		"cannot mix 'bind-*' options with mount type 'tmpfs'", 0 },
	{ "type=bind,src=/a,dst=/b,volume-nocopy",
		"cannot mix 'volume-*' options with mount type 'bind'", 0 },
	{ "dst=/b,tmpfs-size=1m", "cannot mix 'tmpfs-*' options with mount type 'volume'", 0 },
	{ "src=a/b,dst=/b",
		"invalid mount config for type \"volume\": \"a/b\" includes invalid "
		"characters for a "
		"local volume name",
		0 },
	{ "src=d,dst=/b,volume-driver=nfs", "volume driver \"nfs\": only \"local\" exists",
		ERR_UNSUPPORTED },
	{ "type=image,src=x,dst=/b",
		"mount type \"image\" is not implemented: bind, tmpfs and volume are",
		ERR_UNSUPPORTED },
	{ "type=wat,dst=/b", "mount type unknown: \"wat\"", 0 },
	{ "type=bind,\"src=/a,dst=/b",
		"extraneous or missing \" in quoted-field: type=bind,\"src=/a,dst=/b", 0 },
	{ "type=bind,\"src=/a\"x,dst=/b",
		"extraneous or missing \" in quoted-field: type=bind,\"src=/a\"x,dst=/b", 0 },
	{ "type=bind,src=\"/a\",dst=/b", "bare \" in non-quoted-field: type=bind,src=\"/a\",dst=/b",
		0 },
};

static void mounts(void **state)
{
	(void)state;
	check_good(MOUNT, good_mounts, N(good_mounts));
	check_bad(MOUNT, bad_mounts, N(bad_mounts));
}

static void tmpfs(void **state)
{
	static const struct good good[] = {
		{ "/t", "tmpfs - > /t noexec nosuid nodev" },
		{ "/t:", "tmpfs - > /t noexec nosuid nodev" },
		{ "/t/", "tmpfs - > /t noexec nosuid nodev" },
		{ "/t:rw,exec,suid,dev", "tmpfs - > /t" },
		{ "/t:ro,size=64m,mode=1770,uid=1000,gid=5",
			"tmpfs - > /t ro noexec nosuid nodev size=67108864 mode=1770 uid=1000 "
			"gid=5" },
		{ "/t:size=50%,nr_inodes=1k",
			"tmpfs - > /t noexec nosuid nodev size=50% nr_inodes=1024" },
		{ "/t:noatime,rprivate,noexec", "tmpfs - > /t noexec nosuid nodev" },
	};
	static const struct bad bad[] = {
		{ "",
			"invalid mount config for type \"tmpfs\": invalid mount path: '' mount "
			"path must be "
			"absolute",
			0 },
		{ "t",
			"invalid mount config for type \"tmpfs\": invalid mount path: 't' mount "
			"path must be "
			"absolute",
			0 },
		{ "/",
			"invalid mount config for type \"tmpfs\": invalid specification: "
			"destination can't be '/'",
			0 },
		{ "/t:wat", "invalid tmpfs option \"wat\"", 0 },
		{ "/t:wat=1", "invalid tmpfs option \"wat=1\"", 0 },
		{ "/t:size=", "invalid tmpfs option \"size=\"", 0 },
		{ "/t:size=101%", "invalid tmpfs option \"size=101%\"", 0 },
		{ "/t:size=-1", "invalid tmpfs option \"size=-1\"", 0 },
		{ "/t:mode=8", "invalid tmpfs option \"mode=8\"", 0 },
		{ "/t:uid=root", "invalid tmpfs option \"uid=root\"", 0 },
		{ "/t:uid=4294967295", "invalid tmpfs option \"uid=4294967295\"", 0 },
		{ "/t:size=1m,size=2m", "tmpfs option \"size\" is given twice", 0 },
		{ "/t:exec,noexec", "invalid mode: noexec is given twice or contradicted", 0 },
		{ "/t:size=1m,,ro", "invalid tmpfs option \"\"", 0 },
	};

	(void)state;
	check_good(TMPFS, good, N(good));
	check_bad(TMPFS, bad, N(bad));
}

static void targets_are_unique(void **state)
{
	struct mount_spec v[3] = { 0 };
	struct err e;

	(void)state;
	assert_int_equal(parse(VOLUME, "/a:/x", &v[0], &e), 0);
	assert_int_equal(parse(TMPFS, "/y", &v[1], &e), 0);
	assert_int_equal(parse(MOUNT, "type=tmpfs,dst=/x/", &v[2], &e), 0);
	assert_int_equal(mount_specs_check(v, 2, &e), 0);
	assert_int_equal(mount_specs_check(v, 0, &e), 0);
	assert_int_equal(mount_specs_check(v, 3, &e), -ERR_USAGE);
	assert_string_equal(e.msg, "Duplicate mount point: /x");
	for (size_t i = 0; i < 3; i++)
		mount_spec_done(&v[i]);
}

static void without_a_working_directory_relative_sources_fail(void **state)
{
	struct mount_spec m = { 0 };
	struct err e;

	(void)state;
	assert_int_equal(
		mount_spec_parse_mount("type=bind,src=./x,dst=/b", NULL, &m, &e), -ERR_USAGE);
	assert_int_equal(mount_spec_parse_volume("./x:/b", NULL, &m, &e), -ERR_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(volumes),
		cmocka_unit_test(mounts),
		cmocka_unit_test(tmpfs),
		cmocka_unit_test(targets_are_unique),
		cmocka_unit_test(without_a_working_directory_relative_sources_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
