/*
 * Scopes of docker's token protocol: "repository:library/x:pull,push", several divided by blanks.
 * The name may hold a colon (a port): the type ends at the first, the actions begin at the last.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"

/* Does one scope give all that the other one asks for? */
bool scope_covers(const char *scope, const char *asked);

/*
 * What to ask a token for: the scopes that the registry named in its challenge (NULL: none), first
 * and with all actions that we want of those resources anyway; behind them, when we want several
 * (a mount from another repository), the rest of ours. The caller owns it.
 */
char *scope_merge(const char *challenged, const char *own) must_check;
