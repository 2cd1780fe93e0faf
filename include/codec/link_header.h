/*
 * The HTTP header Link (RFC 8288), of which registries use one thing: where the next page of a
 * list is (OCI distribution-spec, "Content Discovery").
 *
 *	Link: </v2/x/tags/list?n=100&last=v9>; rel="next"
 */
#pragma once

/*
 * The target of the first link whose rel is, or has among its words, "next"; NULL when there is
 * none, and for what is no Link at all. The caller frees it. The text is not checked for being a
 * URL.
 */
char *link_header_next(const char *value);
