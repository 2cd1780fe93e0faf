/*
 * Absolute http and https URLs, as a registry client meets them: typed, redirected to, named by
 * a challenge. Strict on purpose, so that what was checked here is what libcurl connects to: the
 * text given to libcurl is always printed anew from the parsed parts. No user names inside a URL,
 * no backslashes or control characters, no IPv6 zones, and an IPv4 address only as four plain
 * decimal numbers. Owns no descriptors; works on memory only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/err.h"

struct url {
	bool https;
	char *host;    /* lower case; an IPv6 address without its brackets */
	uint16_t port; /* always set: 80 or 443 when the text named none */
	char *path;    /* begins with '/', percent-encoding kept as it came */
	char *query;   /* without the '?', NULL when there is none */
};

/* Where a host written as an address points; a name is URL_HOST_NAME ("localhost": loopback). */
enum url_host {
	URL_HOST_NAME,
	URL_HOST_PUBLIC,
	URL_HOST_LOOPBACK,
	URL_HOST_LINK_LOCAL,
	URL_HOST_PRIVATE,
};

void url_done(struct url *u);
DEFINE_AUTO(url, struct url, url_done)

/* RFC 3986 absolute form. -ERR_FORMAT quotes the text without its query. */
int url_parse(const char *text, struct url *ret, struct err *err) must_check;

/* A Location or realm against the URL that answered (RFC 3986 5.2); the fragment is dropped. */
int url_resolve(
	const struct url *base, const char *location, struct url *ret, struct err *err) must_check;

/* A deep copy; ret owns it and owned nothing before. */
void url_copy(const struct url *u, struct url *ret);

/* The whole text, for the wire. The caller owns it. */
char *url_format(const struct url *u) must_check;

/* The same without the query, which may hold a signature: for messages. The caller owns it. */
char *url_display(const struct url *u) must_check;

/* "host" or "host:port" when the port is not the scheme's own. The caller owns it. */
char *url_authority(const struct url *u) must_check;

/* Same scheme, host and port: the only case in which a credential travels on. */
bool url_same_origin(const struct url *a, const struct url *b);

enum url_host url_host_class(const struct url *u);

/* Append key=value to the query, value percent-encoded. */
void url_add_query(struct url *u, const char *key, const char *value);

struct buf;

/* application/x-www-form-urlencoded: "key=value", with '&' before all but the first. */
void url_form_add(struct buf *b, const char *key, const char *value);
