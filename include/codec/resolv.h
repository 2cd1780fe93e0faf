/*
 * The three files that a container gets from outside, as text: /etc/resolv.conf, /etc/hosts,
 * /etc/hostname, in docker's form. Pure: the caller reads the host's files and binds the results.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

#define RESOLV_BYTES_MAX (256U << 10)

enum resolv_flags {
	RESOLV_DROP_LOOPBACK = 1 << 0,	 /* own network namespace: 127.* and ::1 are someone else */
	RESOLV_DEFAULT_SERVERS = 1 << 1, /* 8.8.8.8 and 8.8.4.4 when no server is left */
};

struct resolv_options {
	unsigned flags;	      /* enum resolv_flags */
	char *const *servers; /* --dns: replace the host's; each checked by resolv_check_server */
	char *const *search;  /* --dns-search: replace; "." alone means none */
	char *const *options; /* --dns-option: replace */
};

/*
 * From the host's file (bytes, len; 0 when it has none) to the container's, appended to out.
 * Without flags and options it is a copy, comments included. Bytes that are not printable text
 * are left out.
 */
void resolv_filter(const char *bytes, size_t len, const struct resolv_options *o, struct buf *out);

/* -ERR_USAGE "1.2.3 is not an ip address". */
int resolv_check_server(const char *s, struct err *err) must_check;

/*
 * /etc/hosts: localhost and the IPv6 names, then `extra` ("name:address" of --add-host, checked),
 * then a line for the container's own address when there is one, else 127.0.1.1 is not invented.
 * domainname may be NULL.
 */
struct hosts_options {
	const char *hostname;
	const char *domainname;
	const char *address; /* NULL: no line */
	char *const *extra;
};
void hosts_format(const struct hosts_options *o, struct buf *out);
/* The lines of `extra` alone, for behind a file of the host's. */
void hosts_append_extra(char *const *extra, struct buf *out);

/* --add-host NAME:ADDRESS (or NAME=ADDRESS). -ERR_USAGE 'invalid IP address in add-host: "x"'. */
int hosts_check_extra(const char *arg, struct err *err) must_check;

/* A name for sethostname(2): 1..64 bytes of letters, digits, '-', '.', as RFC 1123. -ERR_USAGE. */
int hostname_check(const char *name, struct err *err) must_check;
