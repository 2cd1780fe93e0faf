#include "cli/command.h"

#include "base/alloc.h"
#include "base/str.h"
#include "base/strv.h"

/* Suggestions shown at most, and how far a spelling may be off. */
#define MAX_SUGGESTIONS 3
#define MAX_DISTANCE	2

const char *command_group_title(enum command_group group)
{
	static const char *const titles[COMMAND_N_GROUPS] = {
		[COMMAND_CONTAINERS] = "Containers",
		[COMMAND_IMAGES] = "Images",
		[COMMAND_HOST] = "Host",
		[COMMAND_GENERAL] = "General",
	};

	return titles[group];
}

const char *command_title(const struct command *c)
{
	return c->flags & COMMAND_VERB ? c->aliases[0] : c->name;
}

/* Does `spelling` consist of exactly words[0] and, when it has two, words[1]? */
static int spelling_matches(const char *spelling, int n, char *const *words)
{
	const char *rest = str_after(spelling, words[0]);

	if (!rest)
		return 0;
	if (!*rest)
		return 1;
	if (*rest == ' ' && n > 1 && str_eq(rest + 1, words[1]))
		return 2;
	return 0;
}

bool command_is_object(const struct program *p, const char *word)
{
	for (const struct command *const *c = p->commands; *c; c++) {
		if ((*c)->flags & COMMAND_HIDDEN)
			continue;
		STRV_FOREACH (alias, (*c)->aliases) {
			const char *rest = str_after(alias, word);

			if (rest && *rest == ' ')
				return true;
		}
	}
	return false;
}

const struct command *command_find(
	const struct program *p, int n, char *const *words, int *ret_used)
{
	*ret_used = 0;
	for (const struct command *const *c = p->commands; *c; c++) {
		int used = spelling_matches((*c)->name, n, words);

		if (used) {
			*ret_used = used;
			return *c;
		}
		STRV_FOREACH (alias, (*c)->aliases) {
			used = spelling_matches(alias, n, words);
			if (used) {
				*ret_used = used;
				return *c;
			}
		}
	}
	if (command_is_object(p, words[0]))
		*ret_used = 1;
	return NULL;
}

/* The nearest spellings so far, nearest first. */
struct suggestions {
	const char *text[MAX_SUGGESTIONS];
	unsigned distance[MAX_SUGGESTIONS];
	size_t n;
};

/* `word` is the part of the spelling that is compared with what was typed. */
static void suggest(
	struct suggestions *s, const char *typed, const char *word, const char *spelling)
{
	/* A word of three letters that is off by two is another word. */
	unsigned max = strlen(typed) <= 3 ? 1 : MAX_DISTANCE;
	unsigned d = str_distance(typed, word, max);
	size_t at = 0;

	/* What was typed so far may be the beginning of it. */
	if (d > max && strlen(typed) >= 2 && str_after(word, typed))
		d = max;
	if (d > max)
		return;
	while (at < s->n && s->distance[at] <= d)
		at++;
	if (at == MAX_SUGGESTIONS)
		return;
	if (s->n < MAX_SUGGESTIONS)
		s->n++;
	for (size_t i = s->n - 1; i > at; i--) {
		s->text[i] = s->text[i - 1];
		s->distance[i] = s->distance[i - 1];
	}
	s->text[at] = spelling;
	s->distance[at] = d;
}

/* With an object before it only its verbs are near, else only the single words. */
static void suggest_all(
	struct suggestions *s, const struct program *p, const char *object, const char *typed)
{
	for (const struct command *const *c = p->commands; *c; c++) {
		if ((*c)->flags & COMMAND_HIDDEN)
			continue;
		if (!object && !((*c)->flags & COMMAND_VERB))
			suggest(s, typed, (*c)->name, (*c)->name);
		STRV_FOREACH (alias, (*c)->aliases) {
			const char *verb = object ? str_after(alias, object) : NULL;

			if (verb && *verb == ' ')
				suggest(s, typed, verb + 1, alias);
			else if (!object && !strchr(alias, ' '))
				suggest(s, typed, alias, alias);
		}
	}
}

/* What docker and podman have and this version has not: no guess helps there. */
static const char *const later[] = { "attach", "build", "builder", "buildx", "commit", "compose",
	"cp", "diff", "events", "exec", "info", "kill", "logs", "mount", "network", "pause", "port",
	"rename", "restart", "scp", "secret", "stats", "stop", "top", "umount", "unmount",
	"unpause", "unshare", "update", "volume", "wait" };

static bool is_for_later(const char *word)
{
	for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++) {
		if (str_eq(word, later[i]))
			return true;
	}
	return false;
}

int command_unknown(const struct program *p, int n, char *const *words, struct err *err)
{
	bool two = n > 1 && command_is_object(p, words[0]);
	autofree char *typed = two ? xasprintf("%s %s", words[0], words[1]) : xstrdup(words[0]);
	autofree char *names = NULL;
	struct suggestions s = { .n = 0 };
	int r = err_set(err, ERR_USAGE, "unknown command: %s %s", p->name, typed);

	err_exit(err, r, 1);
	if (is_for_later(words[two ? 1 : 0]))
		return err_hint(err, r, "this version of %s does not have %s", p->name, typed);
	suggest_all(&s, p, two ? words[0] : NULL, words[two ? 1 : 0]);
	if (s.n == 0)
		return err_hint(err, r, "'%s help' lists the commands", p->name);
	names = xstrdup(s.text[0]);
	for (size_t i = 1; i < s.n; i++) {
		char *longer = xasprintf("%s%s%s", names, i + 1 < s.n ? ", " : " or ", s.text[i]);

		free(names);
		names = longer;
	}
	return err_hint(err, r, "did you mean %s?", names);
}
