/*
 * May this image be taken? policy.json of the containers tools decides, from
 * ~/.config/containers/policy.json, else /etc/containers/policy.json; without either, every image
 * may, as with docker. Accepting and rejecting is honoured; where a signature is required the image
 * is refused, because nobody here can verify one. Asked before anything is fetched or read.
 */
#pragma once

#include "base/err.h"
#include "codec/reference.h"

/* From a registry, by the name that the user gave (not a mirror's). -ERR_DENIED, -ERR_UNSUPPORTED,
 * -ERR_FORMAT for a broken file. */
int policy_check_pull(const struct reference *ref, struct err *err) must_check;

/*
 * From a file or directory: transport "docker-archive", "oci-archive", "oci" or "dir". path is NULL
 * for standard input, to which only the transport's general rules apply.
 */
int policy_check_file(const char *transport, const char *path, struct err *err) must_check;
