/*
 * Image references: [domain/]path[:tag][@digest], by the grammar and the normalisation of
 * docker's distribution/reference (registry.md 1.1, 1.2).
 *
 * What is parsed is complete: "debian" becomes docker.io, library/debian, latest. The familiar
 * form takes that back for display. The domain docker.io stays itself; its wire host and its
 * credential key are the registry floor's business.
 *
 *	AUTO(reference) struct reference ref = {};
 *	r = reference_parse(argv[0], &ref, err);
 */
#pragma once

#include <stdbool.h>

#include "base/auto.h"
#include "base/err.h"
#include "codec/digest.h"

#define REFERENCE_PATH_MAX 255 /* bytes of the path, without the domain */
#define REFERENCE_TAG_MAX  128

struct reference {
	char *domain; /* "docker.io", "localhost:5000", "[::1]:5000" */
	char *path;   /* "library/debian" */
	char *tag;    /* NULL only when there is a digest and no tag was given */
	struct digest digest;
	bool has_digest;
	bool tag_implied; /* the tag is "latest" because none was given */
};

/*
 * -ERR_FORMAT with docker's words ("invalid reference format", "... repository name (Foo) must be
 * lowercase"), -ERR_UNSUPPORTED for a digest that is not sha256. *ret is written on success and
 * then owns its strings (reference_done).
 */
int reference_parse(const char *s, struct reference *ret, struct err *err) must_check;
void reference_done(struct reference *ref);
DEFINE_AUTO(reference, struct reference, reference_done)

/* A deep copy into ret, which owned nothing before. */
void reference_copy(const struct reference *ref, struct reference *ret);
bool reference_equal(const struct reference *a, const struct reference *b);

/* Each result is the caller's. */
char *reference_format(const struct reference *ref) must_check;	    /* everything it holds */
char *reference_familiar(const struct reference *ref) must_check;   /* "debian:latest" */
char *reference_repository(const struct reference *ref) must_check; /* "docker.io/library/debian" */
char *reference_familiar_name(const struct reference *ref) must_check; /* "debian" */

/* Replace the tag, or give one; -ERR_FORMAT. The digest is dropped. */
int reference_set_tag(struct reference *ref, const char *tag, struct err *err) must_check;
