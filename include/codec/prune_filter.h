/*
 * The filters of docker's prune commands: until=TIME (a moment, or how long ago), label=KEY[=VALUE]
 * and label!=KEY[=VALUE]. Text to struct and a question; nothing else.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/err.h"

struct prune_filter {
	int64_t until_ns;  /* wall clock; 0: any age */
	char **labels;	   /* all of these, */
	char **not_labels; /* and none of those */
};

/* -ERR_USAGE quotes the filter. now_ns is what "24h" counts back from. */
int prune_filter_parse(
	char *const *filters, int64_t now_ns, struct prune_filter *ret, struct err *err) must_check;
void prune_filter_done(struct prune_filter *f);
DEFINE_AUTO(prune_filter, struct prune_filter, prune_filter_done)

/* labels are "key=value". Something of unknown age (0) is not older than any moment. */
bool prune_filter_matches(const struct prune_filter *f, int64_t created_ns, char *const *labels);
