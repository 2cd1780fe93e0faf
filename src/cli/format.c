#include "cli/format.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "cli/format_priv.h"
#include "codec/template.h"

/* Variables are a stack; a block drops what it has declared. */
struct variable {
	const char *name;
	const struct json *value;
};

struct walk {
	struct format_state state;
	const struct json *dot;
	struct variable *variables;
	size_t n_variables, cap_variables;
};

/* What a list of nodes ended with; continue and break climb up to their range. */
enum flow { FLOW_NEXT, FLOW_BREAK, FLOW_CONTINUE };

static int eval_pipeline(
	struct walk *w, const struct template_pipeline *pipe, const struct json **ret);
static int walk_nodes(struct walk *w, const struct template_node *first);

const struct json *format_keep(struct format_state *s, struct json *v)
{
	GROW(s->made, s->n_made, s->cap_made);
	return s->made[s->n_made++] = v;
}

/* "RunningFor" to "RUNNING FOR". */
static const struct json *heading(struct format_state *s, const char *name)
{
	AUTO(buf) struct buf b = BUF_INIT(1024);

	for (const char *c = name; *c; c++) {
		bool upper = *c >= 'A' && *c <= 'Z';

		if (upper && c > name && c[-1] >= 'a' && c[-1] <= 'z')
			buf_putc(&b, ' ');
		buf_putc(&b, *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c);
	}
	return format_keep(s, json_string_new(buf_str(&b)));
}

/* ".A.B" or "$x.A.B". */
static char *operand_text(const struct template_operand *op)
{
	AUTO(buf) struct buf b = BUF_INIT(FORMAT_TEXT_MAX);

	if (op->kind == TEMPLATE_VARIABLE)
		buf_printf(&b, "$%s", op->text);
	for (size_t i = 0; i < op->n_fields; i++)
		buf_printf(&b, ".%s", op->fields[i]);
	return buf_take(&b);
}

static int no_entry(struct walk *w, const struct template_operand *op, const char *name)
{
	autofree char *text = operand_text(op);

	return err_set(w->state.err, ERR_FORMAT,
		"template parsing error: template: :%u:%u: executing \"\" at <%s>: map has no "
		"entry for key \"%s\"",
		op->line, op->column, text, name);
}

static int eval_field(struct walk *w, const struct template_operand *op, const struct json *v,
	const char *name, const struct json **ret)
{
	struct format_state *s = &w->state;

	if (!v || json_type(v) == JSON_NULL)
		return err_set(s->err, ERR_FORMAT,
			"template: there is no value to take the field .%s of", name);
	if (!json_is_object(v))
		return err_set(s->err, ERR_FORMAT,
			"template: can't evaluate field %s in a value that is no object", name);
	*ret = json_get(v, name);
	if (*ret)
		return 0;
	if ((s->flags & FORMAT_INSPECT) && !format_may_lack(v, name))
		return no_entry(w, op, name);
	if (v != s->root)
		return 0;
	if (s->flags & FORMAT_HEADINGS)
		*ret = heading(s, name);
	else if (s->flags & FORMAT_STRICT)
		return err_set(s->err, ERR_FORMAT, "template: there is no field .%s", name);
	return 0;
}

static struct variable *find_variable(struct walk *w, const char *name)
{
	for (size_t i = w->n_variables; i > 0; i--) {
		if (str_eq(w->variables[i - 1].name, name))
			return &w->variables[i - 1];
	}
	return NULL;
}

static void declare(struct walk *w, const char *name, const struct json *value)
{
	GROW(w->variables, w->n_variables, w->cap_variables);
	w->variables[w->n_variables++] = (struct variable){ name, value };
}

/* The numbers of a template are JSON's. */
static int eval_number(struct walk *w, const char *text, const struct json **ret)
{
	struct json *v = NULL;
	int r = json_parse(text, strlen(text), &v, w->state.err);

	if (r < 0)
		return r;
	*ret = format_keep(&w->state, v);
	return 0;
}

/* An operand without the fields behind it. */
static int eval_base(struct walk *w, const struct template_operand *op, const struct json **ret)
{
	struct format_state *s = &w->state;
	struct variable *var;

	switch (op->kind) {
	case TEMPLATE_DOT:
		*ret = w->dot;
		return 0;
	case TEMPLATE_VARIABLE:
		var = find_variable(w, op->text);
		if (!var)
			return err_set(
				s->err, ERR_FORMAT, "template: undefined variable $%s", op->text);
		*ret = var->value;
		return 0;
	case TEMPLATE_STRING:
		*ret = format_keep(s, json_string_new(op->text));
		return 0;
	case TEMPLATE_NUMBER:
		return eval_number(w, op->text, ret);
	case TEMPLATE_TRUE:
	case TEMPLATE_FALSE:
		*ret = format_keep(s, json_bool_new(op->kind == TEMPLATE_TRUE));
		return 0;
	case TEMPLATE_NIL:
		*ret = NULL;
		return 0;
	case TEMPLATE_FUNCTION:
		return format_call(s, op->text, NULL, 0, ret);
	case TEMPLATE_GROUP:
		return eval_pipeline(w, op->group, ret);
	}
	err_bug(__FILE__, __LINE__, "an operand of a known kind");
}

static int eval_operand(struct walk *w, const struct template_operand *op, const struct json **ret)
{
	const struct json *v = NULL;
	int r = eval_base(w, op, &v);

	for (size_t i = 0; r >= 0 && i < op->n_fields; i++)
		r = eval_field(w, op, v, op->fields[i], &v);
	if (r >= 0)
		*ret = v;
	return r;
}

/* `and` and `or` look no further than the argument that decides: {{and .A .A.B}}. */
static bool is_decided(const char *function, const struct json *arg)
{
	if (str_eq(function, "and"))
		return !format_is_true(arg);
	return str_eq(function, "or") && format_is_true(arg);
}

/* As docker has it: the part of the key behind its last dot. */
static const struct json *label_heading(struct format_state *s, const char *key)
{
	const char *dot = strrchr(key, '.');
	autofree char *text = xstrdup(dot ? dot + 1 : key);

	for (char *c = text; *c; c++)
		if (*c == '-' || *c == '_')
			*c = ' ';
	return format_keep(s, json_string_new(text));
}

/* {{.Label "key"}}: the label's value, or nothing. */
static int eval_label(struct walk *w, const struct template_command *c, const struct json **ret)
{
	struct template_operand object = c->operands[0];
	struct format_state *s = &w->state;
	const struct json *v = NULL, *key = NULL, *value;
	int r;

	object.n_fields--;
	r = eval_operand(w, &object, &v);
	if (r >= 0)
		r = eval_operand(w, &c->operands[1], &key);
	if (r < 0)
		return r;
	if (c->n != 2 || !json_is_string(key))
		return err_set(s->err, ERR_FORMAT, "template: Label takes one string");
	if (s->flags & FORMAT_HEADINGS) {
		*ret = label_heading(s, json_string(key));
		return 0;
	}
	if (!json_get(v, FORMAT_LABELS))
		return err_set(s->err, ERR_FORMAT, "template: there is no method .Label here");
	value = json_get(json_get(v, FORMAT_LABELS), json_string(key));
	*ret = value ? value : format_keep(s, json_string_new(""));
	return 0;
}

/* `last` is the value of the command before the bar; first: there is none. */
static int eval_command(struct walk *w, const struct template_command *c, bool first,
	const struct json *last, const struct json **ret)
{
	autofree const struct json **args = NULL;
	size_t n = 0;

	if (c->operands[0].kind != TEMPLATE_FUNCTION)
		return c->n > 1 ? eval_label(w, c, ret) : eval_operand(w, &c->operands[0], ret);

	args = xcalloc(c->n + 1, sizeof(*args));
	for (size_t i = 1; i < c->n; i++) {
		int r = eval_operand(w, &c->operands[i], &args[n]);

		if (r < 0)
			return r;
		if (is_decided(c->operands[0].text, args[n])) {
			*ret = args[n];
			return 0;
		}
		n++;
	}
	if (!first)
		args[n++] = last;
	return format_call(&w->state, c->operands[0].text, args, n, ret);
}

static int eval_pipeline(
	struct walk *w, const struct template_pipeline *pipe, const struct json **ret)
{
	const struct json *v = NULL;

	for (size_t i = 0; i < pipe->n; i++) {
		const struct json *next = NULL;
		int r = eval_command(w, &pipe->commands[i], i == 0, v, &next);

		if (r < 0)
			return r;
		v = next;
	}
	*ret = v;
	return 0;
}

/* Evaluate, and set the variable that the pipeline names, if it names one. */
static int eval_and_bind(
	struct walk *w, const struct template_pipeline *pipe, const struct json **ret)
{
	const char *name = pipe->variables[0];
	int r = eval_pipeline(w, pipe, ret);

	if (r < 0 || !name)
		return r;
	if (pipe->assigns) {
		struct variable *var = find_variable(w, name);

		if (!var)
			return err_set(
				w->state.err, ERR_FORMAT, "template: undefined variable $%s", name);
		var->value = *ret;
	} else {
		declare(w, name, *ret);
	}
	return 0;
}

/* Run nodes with another dot; what they declare ends with them. */
static int walk_with_dot(struct walk *w, const struct template_node *first, const struct json *dot)
{
	const struct json *saved = w->dot;
	size_t n = w->n_variables;
	int r;

	w->dot = dot;
	r = walk_nodes(w, first);
	w->dot = saved;
	w->n_variables = n;
	return r;
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(json_key(*(struct json *const *)a), json_key(*(struct json *const *)b));
}

/* Elements in the order in which Go visits them: members of an object by name. */
static struct json **elements(const struct json *v, size_t *ret_n)
{
	struct json **items = xcalloc(json_len(v) + 1, sizeof(*items));
	size_t n = 0;

	JSON_FOREACH(item, v)
	items[n++] = item;
	if (json_is_object(v) && n)
		qsort(items, n, sizeof(*items), compare_keys);
	*ret_n = n;
	return items;
}

static int range_item(
	struct walk *w, const struct template_node *node, const struct json *item, size_t i)
{
	const struct template_pipeline *pipe = node->pipeline;
	size_t n = w->n_variables;
	int r;

	if (pipe->variables[1]) {
		const char *key = json_key(item);

		declare(w, pipe->variables[0],
			format_keep(
				&w->state, key ? json_string_new(key) : json_int_new((int64_t)i)));
		declare(w, pipe->variables[1], item);
	} else if (pipe->variables[0]) {
		declare(w, pipe->variables[0], item);
	}
	r = walk_with_dot(w, node->body, item);
	w->n_variables = n;
	return r;
}

static int walk_range(struct walk *w, const struct template_node *node)
{
	autofree struct json **items = NULL;
	const struct json *v = NULL;
	size_t n = 0;
	int r = eval_pipeline(w, node->pipeline, &v);

	if (r < 0)
		return r;
	if (v && json_type(v) != JSON_NULL && !json_is_array(v) && !json_is_object(v))
		return err_set(w->state.err, ERR_FORMAT, "template: range can't iterate over this");

	items = elements(v, &n);
	for (size_t i = 0; i < n; i++) {
		r = range_item(w, node, items[i], i);
		if (r < 0)
			return r;
		if (r == FLOW_BREAK)
			break;
	}
	return n == 0 ? walk_with_dot(w, node->otherwise, w->dot) : FLOW_NEXT;
}

static int walk_node(struct walk *w, const struct template_node *node)
{
	const struct json *v = NULL;
	size_t n = w->n_variables;
	bool yes;
	int r;

	switch (node->kind) {
	case TEMPLATE_TEXT:
		buf_puts(w->state.out, node->text);
		return FLOW_NEXT;
	case TEMPLATE_BREAK:
		return FLOW_BREAK;
	case TEMPLATE_CONTINUE:
		return FLOW_CONTINUE;
	case TEMPLATE_RANGE:
		return walk_range(w, node);
	case TEMPLATE_ACTION:
		r = eval_and_bind(w, node->pipeline, &v);
		if (r >= 0 && !node->pipeline->variables[0])
			format_print_value(w->state.out, v);
		return r < 0 ? r : FLOW_NEXT;
	case TEMPLATE_IF:
	case TEMPLATE_WITH:
		break;
	}

	r = eval_and_bind(w, node->pipeline, &v);
	if (r < 0)
		return r;
	yes = format_is_true(v);
	r = walk_with_dot(w, yes ? node->body : node->otherwise,
		yes && node->kind == TEMPLATE_WITH ? v : w->dot);
	w->n_variables = n;
	return r;
}

static int walk_nodes(struct walk *w, const struct template_node *first)
{
	for (const struct template_node *node = first; node; node = node->next) {
		int r = walk_node(w, node);

		if (r != FLOW_NEXT)
			return r;
	}
	return FLOW_NEXT;
}

int format_eval(const struct template *t, const struct json *value, enum format_flags flags,
	struct buf *out, struct err *err)
{
	struct walk w = {
		.state = { .root = value, .flags = flags, .out = out, .err = err },
		.dot = value,
	};
	int r;

	declare(&w, "", value);
	r = walk_nodes(&w, t->first);
	for (size_t i = 0; i < w.state.n_made; i++)
		json_free(w.state.made[i]);
	free(w.state.made);
	free(w.variables);
	if (r >= 0 && buf_failed(out))
		return err_set(err, ERR_LIMIT, "template: the result is too long");
	return r < 0 ? r : 0;
}
