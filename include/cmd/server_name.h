/*
 * A registry as login and logout are told it: "quay.io", "https://h:5000/", podman's
 * "quay.io/namespace", nothing for Docker Hub.
 */
#pragma once

#include "base/auto.h"
#include "base/err.h"

struct server_name {
	char *domain; /* as in references: "docker.io", "h:5000" */
	char *path;   /* the namespace, or NULL */
	char *name;   /* what credentials are stored for: domain[/path] */
};

void server_name_done(struct server_name *s);
DEFINE_AUTO(server_name, struct server_name, server_name_done)

/* text is NULL for the default. -ERR_USAGE: not a registry that images could be named by. */
int server_name_parse(const char *text, struct server_name *ret, struct err *err) must_check;
