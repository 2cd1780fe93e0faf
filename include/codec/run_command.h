/*
 * Which command runs: image's Entrypoint and Cmd, --entrypoint and the operands (registry.md 6).
 */
#pragma once

#include "base/err.h"

/*
 * entrypoint: --entrypoint as given, NULL when it was not; "" drops the image's entrypoint and
 * command, and a JSON array of strings (as podman takes it) gives several words.
 * args: the operands behind the image, NULL or empty for none.
 *
 * Operands replace the image's Cmd; with --entrypoint the image's Cmd is dropped. *ret is the
 * caller's, never empty. -ERR_USAGE "no command specified".
 */
int run_command_merge(char *const *image_entrypoint, char *const *image_cmd, const char *entrypoint,
	char *const *args, char ***ret, struct err *err) must_check;
