#include <stdio.h>

#include "cmd/context.h"
#include "cmd/registry_options.h"
#include "cmd/server_name.h"
#include "registry/credentials.h"

struct logout_opts {
	struct registry_options registry;
	bool all;
};

static const struct option_spec logout_options[] = {
	OPT_FLAG(struct logout_opts, all, 'a', "all", "Log out from all registries"),
	OPT_AUTHFILE(struct logout_opts, registry),
	OPTION_END,
};

static int log_out_everywhere(const struct logout_opts *o, struct err *err)
{
	int r = credentials_erase_all(o->registry.authfile, err);

	if (r < 0)
		return r;
	printf("Removed login credentials for all registries\n");
	return 0;
}

static int logout_run(struct context *ctx, void *opts, int argc, char **argv, struct err *err)
{
	const struct logout_opts *o = opts;
	AUTO(server_name) struct server_name server = { 0 };
	int r;

	(void)ctx;
	if (o->all && argc > 0)
		return err_set(err, ERR_USAGE, "--all takes no registry");
	if (o->all)
		return log_out_everywhere(o, err);
	r = server_name_parse(argc > 0 ? argv[0] : NULL, &server, err);
	if (r >= 0)
		r = credentials_erase(o->registry.authfile, server.name, err);
	if (r < 0)
		return r;
	if (r > 0)
		printf("Removing login credentials for %s\n", server.name);
	else
		printf("Not logged in to %s\n", server.name);
	return 0;
}

const struct command cmd_logout = {
	.name = "logout",
	.group = COMMAND_IMAGES,
	.summary = "Log out from a registry",
	.usage = "[OPTIONS] [SERVER]",
	.description = "Credentials of the registry (Docker Hub when none is given) are removed "
		       "from every file where a pull would look for them, and from the "
		       "credential helpers that those files name. What $DOCKER_AUTH_CONFIG holds "
		       "stays.",
	.max_operands = 1,
	.options = logout_options,
	.options_size = sizeof(struct logout_opts),
	.examples =
		(const struct command_example[]){
			{ "Forget a registry:", "proa logout registry.lan:5000" },
			{ NULL, NULL },
		},
	.run = logout_run,
};
