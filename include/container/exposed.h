/*
 * --expose PORT[-PORT][/PROTOCOL]: the ports that a container says it listens on. Nothing is opened
 * by it: it is shown by inspect, and a later --publish-all goes by it.
 */
#pragma once

#include "base/err.h"

/* Add each port of the range to *list as "80/tcp", once. -ERR_USAGE with docker's words. */
int exposed_add(char ***list, const char *arg, struct err *err) must_check;
