#include "registry/tls.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/path.h"
#include "base/str.h"
#include "base/strv.h"

#define MAX_CERTS (4 * 1024 * 1024)

/* Where distributions keep the system's certificates; directories first, see the header. */
static const char *const ca_paths[] = {
	"/etc/ssl/certs",				  /* Debian, Ubuntu, Alpine, Arch, SUSE */
	"/etc/pki/ca-trust/extracted/pem/directory-hash", /* Fedora */
	"/etc/pki/tls/certs",				  /* RHEL */
	"/var/lib/ca-certificates/openssl",		  /* SUSE */
};

static const char *const ca_files[] = {
	"/etc/ssl/certs/ca-certificates.crt",		     /* Debian, Gentoo, Arch */
	"/etc/pki/tls/certs/ca-bundle.crt",		     /* Fedora, RHEL */
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", /* CentOS */
	"/etc/ssl/ca-bundle.pem",			     /* SUSE */
	"/etc/ssl/certs/ca-bundle.crt",			     /* NixOS */
	"/etc/ca-certificates/extracted/tls-ca-bundle.pem",  /* Arch */
	"/etc/ssl/cert.pem",				     /* Alpine */
};

void tls_trust_done(struct tls_trust *t)
{
	free(t->ca_file);
	free(t->ca_path);
	free(t->ca_extra);
	free(t->client_cert);
	free(t->client_key);
	*t = (struct tls_trust){ 0 };
}

static void dir_autop(DIR **d)
{
	if (*d)
		(void)closedir(*d);
}

/* "1a2b3c4d.0": what c_rehash makes and OpenSSL looks up. */
static bool is_hash_link(const char *name)
{
	return strlen(name) >= 10 && str_is_hex_lower(name, 8) && name[8] == '.' &&
	       str_is_digits(name + 9);
}

static bool has_hash_links(const char *path)
{
	AUTO(dir) DIR *d = opendir(path);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (is_hash_link(e->d_name))
			return true;
	return false;
}

static bool is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

#define N_OF(a) (sizeof(a) / sizeof((a)[0]))

static int find_system(struct tls_trust *t, struct err *err)
{
	const char *file = getenv("SSL_CERT_FILE"), *dir = getenv("SSL_CERT_DIR");

	if (!str_empty(file) || !str_empty(dir)) {
		t->ca_file = str_empty(file) ? NULL : xstrdup(file);
		t->ca_path = str_empty(dir) ? NULL : xstrdup(dir);
		return 0;
	}
	for (size_t i = 0; i < N_OF(ca_paths); i++) {
		if (has_hash_links(ca_paths[i])) {
			t->ca_path = xstrdup(ca_paths[i]);
			return 0;
		}
	}
	for (size_t i = 0; i < N_OF(ca_files); i++) {
		if (access(ca_files[i], R_OK) == 0) {
			t->ca_file = xstrdup(ca_files[i]);
			return 0;
		}
	}
	if (t->ca_extra)
		return 0;
	return err_hint(err,
		err_set(err, ERR_NOT_FOUND,
			"no CA certificates found (looked in %s, %s, %s and others)", ca_files[0],
			ca_files[1], ca_files[3]),
		"install your distribution's ca-certificates, or set SSL_CERT_FILE");
}

/* The first certs.d directory of that name, NULL when there is none. The caller owns it. */
static char *find_certs_dir(const char *name)
{
	autofree char *home = path_env("HOME"), *config = path_env("XDG_CONFIG_HOME");
	AUTO(strv) char **dirs = NULL;

	/* The name comes from a reference or a URL: no slash is possible, but dots are. */
	if (strchr(name, '/') || name[0] == '.')
		return NULL;
	if (config)
		strv_pushf(&dirs, "%s/containers/certs.d/%s", config, name);
	else if (home)
		strv_pushf(&dirs, "%s/.config/containers/certs.d/%s", home, name);
	/* Where docker without root has them. */
	if (config)
		strv_pushf(&dirs, "%s/docker/certs.d/%s", config, name);
	else if (home)
		strv_pushf(&dirs, "%s/.config/docker/certs.d/%s", home, name);
	strv_pushf(&dirs, "/etc/containers/certs.d/%s", name);
	strv_pushf(&dirs, "/etc/docker/certs.d/%s", name);
	STRV_FOREACH (dir, dirs)
		if (is_directory(dir))
			return xstrdup(dir);
	return NULL;
}

static int add_ca(const char *path, struct buf *pem, struct err *err)
{
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return err_sys(err, errno, "open %s", path);
	r = buf_read_fd(pem, fd, err);
	if (r < 0)
		return err_ctx(err, r, "read %s", path);
	buf_putc(pem, '\n');
	return 0;
}

/* libcurl takes a file or a text, not both: the bundle joins the text. */
static int merge_bundle(struct tls_trust *t, struct err *err)
{
	AUTO(buf) struct buf pem = BUF_INIT(MAX_CERTS);
	int r;

	buf_puts(&pem, t->ca_extra);
	r = add_ca(t->ca_file, &pem, err);
	if (r < 0)
		return r;
	free(t->ca_extra);
	free(t->ca_file);
	t->ca_extra = buf_take(&pem);
	t->ca_file = NULL;
	return 0;
}

/* NAME.cert wants NAME.key beside it, and the reverse. */
static int add_client(const char *dir, const char *name, struct tls_trust *t, struct err *err)
{
	bool is_cert = str_has_suffix(name, ".cert");
	int stem = (int)(strrchr(name, '.') - name);
	autofree char *cert = xasprintf("%s/%.*s.cert", dir, stem, name);
	autofree char *key = xasprintf("%s/%.*s.key", dir, stem, name);

	if (access(is_cert ? key : cert, F_OK) < 0)
		return err_set(err, ERR_FORMAT, "%s/%s: the matching %.*s.%s is missing", dir, name,
			stem, name, is_cert ? "key" : "cert");
	/* The first by name, whatever order the directory has. */
	if (!is_cert || (t->client_cert && strcmp(t->client_cert, cert) < 0))
		return 0;
	free(t->client_cert);
	free(t->client_key);
	t->client_cert = TAKE_PTR(cert);
	t->client_key = TAKE_PTR(key);
	return 0;
}

static int read_certs_dir(const char *dir, struct tls_trust *t, struct err *err)
{
	AUTO(dir) DIR *d = opendir(dir);
	AUTO(buf) struct buf pem = BUF_INIT(MAX_CERTS);
	struct dirent *e;
	int r = 0;

	if (!d)
		return err_sys(err, errno, "open %s", dir);
	while (r >= 0 && (e = readdir(d))) {
		if (str_has_suffix(e->d_name, ".crt")) {
			autofree char *path = path_join(dir, e->d_name);

			r = add_ca(path, &pem, err);
		} else if (str_has_suffix(e->d_name, ".cert") ||
			   str_has_suffix(e->d_name, ".key")) {
			r = add_client(dir, e->d_name, t, err);
		}
	}
	if (r < 0)
		return r;
	if (pem.len > 0)
		t->ca_extra = buf_take(&pem);
	return 0;
}

static char *certs_dir_of(const struct tls_options *o, const struct url *url, const char *dir_name)
{
	autofree char *authority = url_authority(url);
	const char *name = dir_name ? dir_name : authority;

	if (o->cert_dir && o->registry && str_eq(o->registry, name))
		return xstrdup(o->cert_dir);
	return find_certs_dir(name);
}

/* The last word about verification, once it is known whether a certs.d directory exists. */
static bool verifies(const struct tls_options *o, const struct url *url, bool has_certs_dir)
{
	switch (o->mode) {
	case TLS_VERIFY:
		return true;
	case TLS_INSECURE:
		return false;
	case TLS_DEFAULT:
		break;
	}
	return has_certs_dir || url_host_class(url) != URL_HOST_LOOPBACK;
}

bool tls_is_insecure(const struct tls_options *o, const struct url *url, const char *dir_name)
{
	autofree char *dir = o->mode == TLS_DEFAULT ? certs_dir_of(o, url, dir_name) : NULL;

	return !verifies(o, url, dir != NULL);
}

int tls_trust_find(const struct tls_options *o, const struct url *url, const char *dir_name,
	struct tls_trust *ret, struct err *err)
{
	AUTO(tls_trust) struct tls_trust t = { 0 };
	autofree char *dir = certs_dir_of(o, url, dir_name);
	int r;

	t.has_certs_dir = dir != NULL;
	t.verify = verifies(o, url, t.has_certs_dir);
	if (dir) {
		r = read_certs_dir(dir, &t, err);
		if (r < 0)
			return r;
	}
	if (t.verify) {
		r = find_system(&t, err);
		if (r >= 0 && t.ca_extra && t.ca_file)
			r = merge_bundle(&t, err);
		if (r < 0)
			return r;
	}
	*ret = t;
	t = (struct tls_trust){ 0 };
	return 0;
}
