#include "sys/seccomp.h"
