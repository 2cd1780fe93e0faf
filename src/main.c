/*
 * proa: one process from the command line to the container. main only decides who this process
 * is: the user's command, or the sandboxed extractor that a command has re-executed.
 */
#include "cmd/dispatch.h"
#include "image/unpack.h"
#include "sys/process.h"

int main(int argc, char **argv)
{
	if (extract_is_me(argv))
		return extract_main(argc, argv);
	process_keep_arguments(argc, argv);
	return dispatch_main(argc, argv);
}
