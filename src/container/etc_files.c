#include "container/etc_files.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/str.h"
#include "codec/resolv.h"
#include "sys/file.h"

#define HOST_NAME_SIZE 65

/* A host without the file gives an empty one. */
static int load_host_file(const char *path, struct buf *b, struct err *err)
{
	int r = file_load(AT_FDCWD, path, b, err);

	return r == -ENOENT ? 0 : r;
}

static int make_resolv_conf(const struct container_config *c, struct buf *out, struct err *err)
{
	AUTO(buf) struct buf host = BUF_INIT(RESOLV_BYTES_MAX);
	const struct resolv_options o = {
		.servers = c->dns, .search = c->dns_search, .options = c->dns_options
	};
	int r;

	r = load_host_file("/etc/resolv.conf", &host, err);
	if (r < 0)
		return r;
	resolv_filter(buf_str(&host), host.len, &o, out);
	return 0;
}

static int make_hosts(const struct container_config *c, struct buf *out, struct err *err)
{
	/* Debian's address for a host's own name: programs look themselves up. */
	const struct hosts_options o = { .hostname = c->hostname,
		.domainname = c->domainname,
		.address = "127.0.1.1",
		.extra = c->extra_hosts };
	char host[HOST_NAME_SIZE] = "";
	int r;

	if (!str_eq(c->network, "host")) {
		hosts_format(&o, out);
		return 0;
	}
	r = load_host_file("/etc/hosts", out, err);
	if (r >= 0)
		hosts_append_extra(c->extra_hosts, out);
	if (r >= 0 && gethostname(host, sizeof(host) - 1) == 0 && !str_eq(host, c->hostname))
		buf_printf(out, "127.0.1.1\t%s\n", c->hostname);
	return r;
}

static int make_hostname(const struct container_config *c, struct buf *out, struct err *err)
{
	(void)err;
	buf_printf(out, "%s\n", c->hostname);
	return 0;
}

static const struct {
	const char *name, *target;
	int (*make)(const struct container_config *c, struct buf *out, struct err *err);
} files[] = {
	{ "resolv.conf", "/etc/resolv.conf", make_resolv_conf },
	{ "hosts", "/etc/hosts", make_hosts },
	{ "hostname", "/etc/hostname", make_hostname },
};

int etc_files_prepare(
	struct store *s, const struct container_config *c, struct spec *spec, struct err *err)
{
	autofd int dir = -EBADF;
	int run, r;

	r = store_rundir(s, &run, err);
	if (r >= 0)
		r = file_mkdir(run, c->id, 0700, err);
	if (r >= 0)
		r = file_open_dir(run, c->id, &dir, err);
	for (size_t i = 0; r >= 0 && i < sizeof(files) / sizeof(files[0]); i++) {
		AUTO(buf) struct buf text = BUF_INIT(RESOLV_BYTES_MAX);
		autofree char *path =
			xasprintf("%s/%s/%s", store_rundir_path(s), c->id, files[i].name);

		r = files[i].make(c, &text, err);
		if (r < 0)
			return err_ctx(err, r, "%s", files[i].target);
		r = file_write_atomic(dir, files[i].name,
			&(struct file_content){
				.data = buf_str(&text), .len = text.len, .mode = 0644 },
			FILE_NO_SYNC, err);
		spec_add_file(spec, path, files[i].target);
	}
	return r;
}
