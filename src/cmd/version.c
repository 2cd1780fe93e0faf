#include <stdio.h>

#include "base/auto.h"
#include "cli/output.h"
#include "cmd/context.h"
#include "codec/json.h"
#include "codec/platform.h"

#ifdef __GLIBC__
#define LIBC_NAME "glibc"
#else
#define LIBC_NAME "musl"
#endif

#ifdef __clang__
#define COMPILER_NAME "clang " __clang_version__
#else
#define COMPILER_NAME "gcc " __VERSION__
#endif

struct version_opts {
	const char *format;
};

static const struct option_spec version_options[] = {
	OPT_FORMAT(struct version_opts, format),
	OPTION_END,
};

/* docker's keys, as far as there is something to say: proa has no server. */
static struct json *version_document(const struct context *ctx, const struct platform *host)
{
	struct json *doc = json_object_new();
	struct json *client = json_set(doc, "Client", json_object_new());

	json_set_string(client, "Name", ctx->program->name);
	json_set_string(client, "Version", ctx->program->version);
	json_set_string(client, "Os", host->os);
	json_set_string(client, "Arch", host->architecture);
	json_set_string(client, "Compiler", COMPILER_NAME);
	json_set_string(client, "Libc", LIBC_NAME);
	json_set(doc, "Server", json_null_new());
	return doc;
}

static int version_run(struct context *ctx, void *opts, int argc, char **argv, struct err *err)
{
	struct version_opts *o = opts;
	AUTO(json) struct json *doc = NULL;
	struct platform host;

	(void)argc;
	(void)argv;
	platform_host(&host);
	if (o->format) {
		doc = version_document(ctx, &host);
		return output_document(o->format, doc, err);
	}
	printf("Client: %s\n"
	       " Version:  %s\n"
	       " OS/Arch:  %s/%s\n"
	       " Built by: %s, %s\n",
		ctx->program->name, ctx->program->version, host.os, host.architecture,
		COMPILER_NAME, LIBC_NAME);
	return 0;
}

const struct command cmd_version = {
	.name = "version",
	.group = COMMAND_GENERAL,
	.summary = "Show what this is",
	.usage = "[OPTIONS]",
	.operands = { COMPLETE_NONE, COMPLETE_NONE },
	.options = version_options,
	.options_size = sizeof(struct version_opts),
	.examples =
		(const struct command_example[]){
			{ "Only the number:", "proa version --format '{{.Client.Version}}'" },
			{ NULL },
		},
	.run = version_run,
};
