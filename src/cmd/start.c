#include "base/log.h"
#include "cli/command.h"
#include "cmd/context.h"
#include "container/remove.h"
#include "container/run.h"
#include "container/state.h"
#include "runtime/runtime.h"

struct start_opts {
	bool attach, interactive, sig_proxy;
};

static const struct start_opts start_defaults = { .sig_proxy = true };

static const struct option_spec start_options[] = {
	OPT_FLAG(struct start_opts, attach, 'a', "attach",
		"Show the container's output and return its exit status"),
	OPT_FLAG(struct start_opts, interactive, 'i', "interactive",
		"Give the container our standard input"),
	OPT_FLAG(struct start_opts, sig_proxy, 0, "sig-proxy", "Pass signals on to the container",
		.default_text = "true"),
	OPTION_END,
};

/* Open, not running, and locked by us. */
static int take(struct store *s, const char *name, struct container *c, struct err *err)
{
	AUTO(container_state) struct container_state st = { 0 };
	int r;

	r = container_open(s, name, c, err);
	if (r >= 0)
		r = container_state_read(s, &c->dir, &st, err);
	if (r < 0)
		return r;
	if (st.status == CONTAINER_RUNNING)
		return err_set(err, ERR_WRONG_STATE, "container %s is already running", name);
	return container_dir_lock(s, &c->dir, err);
}

static int start_run(struct context *ctx, void *opts, int argc, char **argv, struct err *err)
{
	AUTO(container) struct container c = CONTAINER_INIT;
	const struct start_opts *o = opts;
	unsigned flags = RUN_ATTACH;
	const struct idmap *map;
	struct store *s;
	struct err why;
	int r, status = 0;

	(void)argc;
	r = context_idmap(ctx, &map, err);
	if (r >= 0)
		r = runtime_seal(map, err);
	if (r >= 0)
		r = context_store(ctx, &s, err);
	if (r >= 0)
		r = take(s, argv[0], &c, err);
	if (r < 0)
		return r;
	if (!o->attach && !o->interactive)
		return err_hint(err,
			err_set(err, ERR_UNSUPPORTED,
				"this version of proa does not have detached containers"),
			"proa start -a%s %s", (c.config.flags & CONTAINER_INTERACTIVE) ? "i" : "",
			argv[0]);
	if (!o->interactive && (c.config.flags & CONTAINER_TTY))
		log_warn("the container gets no input; proa start -ai %s would give it", argv[0]);
	/* As in docker, -i gives standard input only to a container that was created with -i. */
	if (o->interactive && (c.config.flags & CONTAINER_INTERACTIVE))
		flags |= RUN_INTERACTIVE;
	if (!o->sig_proxy)
		flags |= RUN_NO_PROXY;
	r = container_run(s, &c, map, flags, &status, err);
	if ((c.config.flags & CONTAINER_AUTO_REMOVE) &&
		container_remove_locked(s, &c, map, &why) < 0)
		log_warn("container %s cannot be removed: %s", argv[0], why.msg);
	return r < 0 ? r : status;
}

const struct command cmd_start = {
	.name = "start",
	.aliases = (const char *const[]){ "container start", NULL },
	.group = COMMAND_CONTAINERS,
	.flags = COMMAND_EXIT_125,
	.summary = "Start a stopped container again",
	.usage = "-a [OPTIONS] CONTAINER",
	.description = "For now -a or -i is needed: containers run in the foreground. The "
		       "container keeps its files, its command and its options.",
	.min_operands = 1,
	.max_operands = 1,
	.operands = { COMPLETE_CONTAINER_STOPPED, COMPLETE_NONE },
	.options = start_options,
	.options_size = sizeof(struct start_opts),
	.defaults = &start_defaults,
	.examples =
		(const struct command_example[]){
			{ "Back into a shell that was left:", "proa start -ai calm_heron" },
			{ NULL, NULL },
		},
	.run = start_run,
};
