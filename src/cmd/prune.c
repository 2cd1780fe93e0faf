#include "cmd/prune.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/strv.h"

#define ANSWER_SIZE 16

bool prune_confirm(const char *warning)
{
	char answer[ANSWER_SIZE] = "";

	fprintf(stderr, "%s\nAre you sure you want to continue? [y/N] ", warning);
	(void)fflush(stderr);
	if (!fgets(answer, sizeof(answer), stdin))
		return false;
	answer[strcspn(answer, "\r\n")] = '\0';
	return (answer[0] == 'y' || answer[0] == 'Y') && !answer[1];
}

void prune_print(const char *heading, char *const *lines)
{
	if (!lines || !*lines)
		return;
	puts(heading);
	STRV_FOREACH (line, lines)
		puts(line);
	puts("");
}

void prune_print_total(uint64_t bytes)
{
	char size[32];

	clock_human_size(bytes, size, sizeof(size));
	printf("Total reclaimed space: %s\n", size);
}
