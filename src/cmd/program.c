#include "cmd/program.h"

static const struct option_spec global_options[] = {
	OPT_STRING(struct program_opts, config, 0, "config", "DIR",
		"Take registry credentials from DIR/config.json", .complete = COMPLETE_DIR,
		.detail = "The same as the environment's DOCKER_CONFIG."),
	OPT_STRING(struct program_opts, root, 0, "root", "DIR", "Keep images and containers in DIR",
		.complete = COMPLETE_DIR,
		.detail = "The default is $XDG_DATA_HOME/proa or ~/.local/share/proa, and "
			  "/var/lib/proa for root."),
	OPT_STRING(struct program_opts, runroot, 0, "runroot", "DIR",
		"Keep in DIR what a reboot makes void", .complete = COMPLETE_DIR,
		.detail = "The default is $XDG_RUNTIME_DIR/proa, /run/proa for root, and "
			  "/tmp/proa-UID where there is neither."),
	OPT_STRING(struct program_opts, log_level, 'l', "log-level", "LEVEL",
		"Verbosity: error, warn, info or debug", .default_text = "warn",
		.values = (const char *const[]){ "error", "warn", "info", "debug", NULL }),
	OPT_FLAG(struct program_opts, debug, 'D', "debug", "The same as --log-level debug"),
	OPT_FLAG(struct program_opts, help, 'h', "help", "Print this help"),
	OPT_UNSUPPORTED('H', "host", OPTION_STRING, "there is no daemon to connect to"),
	OPT_UNSUPPORTED('c', "context", OPTION_STRING, "there is no daemon to connect to"),
	OPT_FLAG(struct program_opts, version, 'v', "version", "Print the version"),
	OPTION_END,
};

static const struct program_item formats[] = {
	{ "table", "Columns with headings, which is the default." },
	{ "table TEMPLATE", "Columns made by a template; \\t separates them: "
			    "'table {{.ID}}\\t{{.Status}}'." },
	{ "json", "One JSON object a line; --json is short for it. Where a command prints one "
		  "document, "
		  "it is one line of JSON." },
	{ "TEMPLATE",
		"A Go template, as docker takes it: fields, pipelines, variables, if, else, with, "
		"range, break, continue, and the functions and, or, not, eq, ne, lt, le, gt, ge, "
		"len, "
		"index, slice, print, printf, println, json, join, split, lower, upper, title, pad "
		"and truncate." },
	{ NULL, NULL },
};

static const struct program_item exits[] = {
	{ "0", "Success. run, create and start: the status of the container's command." },
	{ "1", "The command failed, or there is no such command." },
	{ "125",
		"A flag is wrong; or run, create or start failed before the container's command." },
	{ "126", "The container's command cannot be executed." },
	{ "127", "The container's command was not found." },
	{ "128+N", "The container's command was ended by signal N." },
	{ NULL, NULL },
};

static const struct program_item environment[] = {
	{ "XDG_DATA_HOME, XDG_RUNTIME_DIR",
		"Where the store and the run directory are; see --root and --runroot." },
	{ "SSL_CERT_FILE, SSL_CERT_DIR",
		"Certificates to trust in place of the distribution's: a file in PEM form, or "
		"directories of hashed certificates." },
	{ "REGISTRY_AUTH_FILE, DOCKER_CONFIG, DOCKER_AUTH_CONFIG",
		"Where credentials for registries are: a file, the directory of a config.json, or "
		"its text." },
	{ "CONTAINERS_REGISTRIES_CONF", "In place of registries.conf; its drop-ins still count." },
	{ "HTTPS_PROXY, HTTP_PROXY, NO_PROXY", "Proxies for transfers." },
	{ "PROA_USERNS",
		"With the value single, subordinate ids are not used: the container has one user, "
		"the caller." },
	{ NULL, NULL },
};

static const struct program_item files[] = {
	{ "~/.local/share/proa/, /var/lib/proa/", "The store of a user and of root: plain "
						  "directories and JSON files. To delete one is "
						  "always legal, with what it holds." },
	{ "/etc/proa/config.toml, ~/.config/proa/config.toml",
		"Settings of the store, in the table [store]: durability is \"full\" (the default) "
		"or "
		"\"fast\", which does not wait for the disk and verifies after a crash instead; "
		"max-size, as \"20g\", is what images may take before those that were not used for "
		"longest and can be pulled again are removed. The user's file wins." },
	{ "/etc/subuid, /etc/subgid",
		"The subordinate ids of users. Without a range the container has a single user." },
	{ "~/.config/containers/certs.d/, ~/.config/docker/certs.d/, /etc/containers/certs.d/, "
	  "/etc/docker/certs.d/",
		"More certificates for one registry, in a directory of its name: *.crt to trust, "
		"*.cert and *.key to show." },
	{ "~/.config/containers/registries.conf, /etc/containers/registries.conf, "
	  "registries.conf.d/*.conf beside them",
		"Where names are fetched from: mirrors, prefixes and locations, registries that "
		"are "
		"blocked or insecure, what short names mean. See containers-registries.conf(5)." },
	{ "~/.config/containers/policy.json, /etc/containers/policy.json",
		"Which images may be pulled and loaded: accept and reject are honoured; an image "
		"that "
		"would need a signature is refused. See containers-policy.json(5)." },
	{ "~/.docker/config.json, $XDG_RUNTIME_DIR/containers/auth.json, "
	  "~/.config/containers/auth.json, ~/.dockercfg",
		"Credentials for registries, or the helpers that keep them. proa login writes the "
		"first." },
	{ NULL, NULL },
};

const struct program program = {
	.name = "proa",
	.version = PROA_VERSION,
	.date = "2026-11-24",
	.summary = "Run containers without daemon or setup, with docker's command line",
	.description =
		"proa pulls images from registries, or loads them from archives, and runs commands "
		"in "
		"them. There is no daemon and nothing to set up: each container is a child of the "
		"command that started it, for root and for any other user.\n\n"
		"Commands and options are docker's. Options of a command follow its name; those "
		"listed here stand before it.",
	.options = global_options,
	.exits = exits,
	.formats = formats,
	.environment = environment,
	.files = files,
	.commands = program_commands,
};
