/*
 * Which proxy a request goes through, read from the environment as docker (Go) does: HTTPS_PROXY
 * and HTTP_PROXY in either case, NO_PROXY with names, .suffixes, addresses, CIDR blocks and ports;
 * loopback is never proxied, HTTP_PROXY is ignored inside a CGI program (httpoxy). libcurl's own
 * reading of these variables differs and is switched off. Never logged: the text may hold a
 * password.
 */
#pragma once

#include "base/err.h"
#include "registry/url.h"

/* What libcurl takes as a proxy, or NULL for a direct connection. The caller owns it. */
char *proxy_find(const struct url *url) must_check;

/* Does this NO_PROXY text cover the URL? */
bool proxy_is_excluded(const char *no_proxy, const struct url *url);
