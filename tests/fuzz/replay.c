/*
 * The driver where there is no libFuzzer: run the target once over each file named on the command
 * line, and over each file of the directories named there.
 */
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "fuzz.h"

#define INPUT_MAX (16U << 20)

static unsigned runs;

static void run_file(const char *path)
{
	FILE *f = fopen(path, "rbe");
	size_t cap = 65536, len = 0, n;
	char *data = malloc(cap);

	if (!f || !data) {
		(void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(1);
	}
	while ((n = fread(data + len, 1, cap - len, f)) > 0) {
		len += n;
		if (len == cap && cap < INPUT_MAX) {
			cap *= 2;
			data = realloc(data, cap);
			fuzz_want(data);
		}
	}
	(void)fclose(f);
	(void)LLVMFuzzerTestOneInput((const uint8_t *)data, len);
	free(data);
	runs++;
}

static void run_path(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;

	if (!dir) {
		run_file(path);
		return;
	}
	while ((e = readdir(dir))) {
		char file[4096];

		if (e->d_name[0] == '.')
			continue;
		(void)snprintf(file, sizeof(file), "%s/%s", path, e->d_name);
		run_file(file);
	}
	(void)closedir(dir);
}

int main(int argc, char **argv)
{
	(void)LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	for (int i = 1; i < argc; i++)
		run_path(argv[i]);
	printf("%u inputs\n", runs);
	return runs ? 0 : 1;
}
