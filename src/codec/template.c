/*
 * Recursive descent over the characters; no separate token list. Every allocation is entered into
 * the tree's list at once, so that an error anywhere frees everything by one call.
 */
#include "codec/template.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"

/* What ended a list of nodes. */
enum ending { END_OF_TEXT, END_KEYWORD, END_ELSE, END_ELSE_IF };

struct parser {
	struct template *tree;
	const char *text; /* the whole of it, for positions */
	const char *at;	  /* next character */
	unsigned depth;
	unsigned loops; /* range blocks around: break and continue are allowed in one */
	struct err *err;
};

static int parse_pipeline(struct parser *p, const struct template_pipeline **ret);
static int parse_nodes(struct parser *p, struct template_node **ret, enum ending *ret_end);

static void *own(struct parser *p, void *block)
{
	struct template *t = p->tree;

	GROW(t->owned, t->n_owned, t->cap_owned);
	return t->owned[t->n_owned++] = block;
}

void template_free(struct template *t)
{
	for (size_t i = 0; i < t->n_owned; i++)
		free(t->owned[i]);
	free(t->owned);
	free(t);
}

static int fail(const struct parser *p, const char *what)
{
	return err_set(p->err, ERR_FORMAT, "template parsing error: character %zu: %s",
		(size_t)(p->at - p->text) + 1, what);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static void skip_blanks(struct parser *p)
{
	while (is_blank(*p->at))
		p->at++;
}

/* Length of the identifier at the cursor, 0 when there is none. */
static size_t word_len(const struct parser *p)
{
	size_t n = 0;

	if (!is_letter(*p->at))
		return 0;
	while (is_letter(p->at[n]) || is_digit(p->at[n]))
		n++;
	return n;
}

/* Step over `word` if the identifier at the cursor is exactly that. */
static bool take_word(struct parser *p, const char *word)
{
	size_t n = word_len(p);

	if (n != strlen(word) || strncmp(p->at, word, n) != 0)
		return false;
	p->at += n;
	return true;
}

/* "}}" or " -}}" at the cursor? */
static bool at_close(const struct parser *p)
{
	return str_after(p->at, "}}") || str_after(p->at, "-}}");
}

/* The end of an action, and the blanks that a trim marker eats behind it. */
static int take_close(struct parser *p)
{
	skip_blanks(p);
	if (str_after(p->at, "}}")) {
		p->at += 2;
		return 0;
	}
	if (str_after(p->at, "-}}") && p->at > p->text && is_blank(p->at[-1])) {
		p->at += 3;
		skip_blanks(p);
		return 0;
	}
	return *p->at ? fail(p, "expected }}") : fail(p, "unclosed action");
}

/* Lines count from 1 and columns from 0, as Go's do. */
static void mark_place(const struct parser *p, struct template_operand *op)
{
	const char *line = p->at;

	while (line > p->text && line[-1] != '\n')
		line--;
	op->column = (unsigned)(p->at - line);
	op->line = 1;
	for (const char *c = p->text; c < p->at; c++)
		op->line += *c == '\n';
}

/* The one method: {{.Label "key"}}, also of a variable. */
static bool takes_arguments(const struct template_operand *op)
{
	if (op->kind == TEMPLATE_FUNCTION)
		return true;
	return op->n_fields > 0 && str_eq(op->fields[op->n_fields - 1], "Label");
}

/* .A.B behind an operand (or the beginning of one, for a field of the dot). */
static int parse_fields(struct parser *p, struct template_operand *op)
{
	const char **fields = NULL;
	size_t n = 0;

	while (*p->at == '.') {
		size_t len;

		if (n == 1)
			mark_place(p, op);
		p->at++;
		len = word_len(p);
		if (len == 0) {
			free(fields);
			return fail(p, "expected a field name behind the dot");
		}
		fields = xrealloc_array(fields, n + 2, sizeof(*fields));
		fields[n++] = own(p, xstrndup(p->at, len));
		fields[n] = NULL;
		p->at += len;
	}
	if (fields)
		op->fields = own(p, fields);
	op->n_fields = n;
	return 0;
}

/* One escape of a "..." literal into *out; only those that command lines use. */
static bool unescape(char c, char *out)
{
	static const char from[] = "ntr\\\"'", to[] = "\n\t\r\\\"'";
	const char *found = c ? strchr(from, c) : NULL;

	if (found)
		*out = to[found - from];
	return found;
}

static int parse_string(struct parser *p, struct template_operand *op)
{
	char quote = *p->at++;
	char *value = own(p, xmalloc(strlen(p->at) + 1));
	size_t n = 0;

	while (*p->at != quote) {
		char c = *p->at;

		if (!c || (quote == '"' && c == '\n'))
			return fail(p, "unterminated quoted string");
		if (quote == '"' && c == '\\' && !unescape(*++p->at, &c))
			return fail(p, "unknown escape in a quoted string");
		value[n++] = c;
		p->at++;
	}
	p->at++;
	value[n] = '\0';
	op->kind = TEMPLATE_STRING;
	op->text = value;
	return 0;
}

/* JSON's numbers; Go's other spellings (0x1F, 1_000, 'a') are refused. */
static int parse_number(struct parser *p, struct template_operand *op)
{
	const char *start = p->at;
	const char *digits = start + (*start == '-' || *start == '+');

	p->at = digits;
	while (is_digit(*p->at))
		p->at++;
	if (*p->at == '.' && is_digit(p->at[1])) {
		p->at++;
		while (is_digit(*p->at))
			p->at++;
	}
	if (is_letter(*p->at) || (*digits == '0' && is_digit(digits[1])))
		return fail(p, "bad number syntax");
	op->kind = TEMPLATE_NUMBER;
	op->text = own(p, xstrndup(*start == '+' ? digits : start,
				  (size_t)(p->at - (*start == '+' ? digits : start))));
	return 0;
}

static int parse_group(struct parser *p, struct template_operand *op)
{
	int r;

	if (++p->depth > TEMPLATE_DEPTH_MAX)
		return fail(p, "nested too deeply");
	p->at++;
	r = parse_pipeline(p, &op->group);
	if (r < 0)
		return r;
	skip_blanks(p);
	if (*p->at != ')')
		return fail(p, "unclosed left paren");
	p->at++;
	p->depth--;
	op->kind = TEMPLATE_GROUP;
	return parse_fields(p, op);
}

static int parse_word(struct parser *p, struct template_operand *op)
{
	size_t len = word_len(p);
	char *word = own(p, xstrndup(p->at, len));

	p->at += len;
	op->text = word;
	op->kind = str_eq(word, "true")	   ? TEMPLATE_TRUE
		   : str_eq(word, "false") ? TEMPLATE_FALSE
		   : str_eq(word, "nil")   ? TEMPLATE_NIL
					   : TEMPLATE_FUNCTION;
	return 0;
}

static int parse_operand(struct parser *p, struct template_operand *op)
{
	char c = *p->at;

	if (c == '"' || c == '`')
		return parse_string(p, op);
	if (c == '(')
		return parse_group(p, op);
	if (is_digit(c) || ((c == '-' || c == '+') && is_digit(p->at[1])))
		return parse_number(p, op);
	if (c == '$') {
		size_t len;

		p->at++;
		len = word_len(p);
		op->kind = TEMPLATE_VARIABLE;
		op->text = own(p, xstrndup(p->at, len));
		p->at += len;
		return parse_fields(p, op);
	}
	if (c == '.') {
		op->kind = TEMPLATE_DOT;
		if (is_letter(p->at[1]))
			return parse_fields(p, op);
		p->at++;
		return 0;
	}
	if (is_letter(c))
		return parse_word(p, op);
	return fail(p, "unexpected character in an action");
}

/* Operands up to a bar, a closing paren or the end of the action. */
static int parse_command(struct parser *p, struct template_command *ret)
{
	struct template_operand *operands = NULL;
	size_t n = 0, cap = 0;
	int r = 0;

	for (;;) {
		skip_blanks(p);
		if (at_close(p) || *p->at == '|' || *p->at == ')' || !*p->at)
			break;
		if (n > 0 && !is_blank(p->at[-1])) {
			r = fail(p, "expected a blank between operands");
			break;
		}
		GROW(operands, n, cap);
		operands[n] = (struct template_operand){ .kind = TEMPLATE_DOT };
		mark_place(p, &operands[n]);
		r = parse_operand(p, &operands[n]);
		if (r < 0)
			break;
		n++;
	}
	ret->operands = operands ? own(p, operands) : NULL;
	ret->n = n;
	if (r < 0)
		return r;
	if (n == 0)
		return fail(p, "missing value for command");
	if (n > 1 && !takes_arguments(&operands[0]))
		return fail(p, "can't give argument to a value that is no function");
	return 0;
}

/* "$i, $v :=" and "$x =" before a pipeline; the cursor stays where it was when there is none. */
static void parse_variables(struct parser *p, struct template_pipeline *ret)
{
	const char *start = p->at;
	const char *names[2] = { NULL, NULL };
	size_t n = 0;

	while (n < 2 && *p->at == '$') {
		size_t len;

		p->at++;
		len = word_len(p);
		names[n++] = own(p, xstrndup(p->at, len));
		p->at += len;
		skip_blanks(p);
		if (*p->at != ',')
			break;
		p->at++;
		skip_blanks(p);
	}
	if (n > 0 && (str_after(p->at, ":=") || *p->at == '=')) {
		ret->assigns = *p->at == '=';
		p->at += ret->assigns ? 1 : 2;
		ret->variables[0] = names[0];
		ret->variables[1] = names[1];
	} else {
		p->at = start;
	}
}

static int parse_pipeline(struct parser *p, const struct template_pipeline **ret)
{
	struct template_pipeline *pipe = own(p, NEW(struct template_pipeline));
	size_t cap = 0;
	int r;

	skip_blanks(p);
	parse_variables(p, pipe);
	for (;;) {
		struct template_command command = { .n = 0 };

		r = parse_command(p, &command);
		if (r >= 0) {
			GROW(pipe->commands, pipe->n, cap);
			pipe->commands[pipe->n++] = command;
		}
		if (r < 0 || *p->at != '|')
			break;
		p->at++;
	}
	if (pipe->commands)
		own(p, pipe->commands);
	if (r < 0)
		return r;
	for (size_t i = 1; i < pipe->n; i++) {
		if (pipe->commands[i].operands[0].kind != TEMPLATE_FUNCTION)
			return fail(p, "non executable command in pipeline");
	}
	*ret = pipe;
	return 0;
}

/* The rest of if, with or range, up to and with its end. */
static int parse_block(struct parser *p, struct template_node *node)
{
	enum ending end = END_OF_TEXT;
	int r;

	if (++p->depth > TEMPLATE_DEPTH_MAX)
		return fail(p, "nested too deeply");
	r = parse_pipeline(p, &node->pipeline);
	if (r >= 0)
		r = take_close(p);
	if (r < 0)
		return r;
	if (node->pipeline->variables[1] && node->kind != TEMPLATE_RANGE)
		return fail(p, "two variables belong to range");

	p->loops += node->kind == TEMPLATE_RANGE;
	r = parse_nodes(p, &node->body, &end);
	p->loops -= node->kind == TEMPLATE_RANGE;
	if (r < 0)
		return r;

	if (end == END_ELSE_IF) {
		/* "else if" is an if inside the else, which shares the end. */
		node->otherwise = own(p, NEW(struct template_node));
		node->otherwise->kind = TEMPLATE_IF;
		r = parse_block(p, node->otherwise);
		p->depth--;
		return r;
	}
	if (end == END_ELSE)
		r = parse_nodes(p, &node->otherwise, &end);
	if (r < 0)
		return r;
	if (end != END_KEYWORD)
		return fail(p, end == END_OF_TEXT ? "unexpected end, {{end}} is missing"
						  : "unexpected {{else}}");
	p->depth--;
	return 0;
}

/* The text up to the next action; trims its end for "{{- ". */
static void parse_text(struct parser *p, struct template_node *node)
{
	const char *open = strstr(p->at, "{{");
	size_t len = open ? (size_t)(open - p->at) : strlen(p->at);
	size_t keep = len;

	if (open && open[2] == '-' && is_blank(open[3])) {
		while (keep > 0 && is_blank(p->at[keep - 1]))
			keep--;
	}
	node->kind = TEMPLATE_TEXT;
	node->text = own(p, xstrndup(p->at, keep));
	p->at += len;
}

/* else, else if, end: true, with what it was; the cursor stands behind the keyword. */
static bool take_ending(struct parser *p, enum ending *ret)
{
	if (take_word(p, "end")) {
		*ret = END_KEYWORD;
		return true;
	}
	if (take_word(p, "else")) {
		skip_blanks(p);
		*ret = take_word(p, "if") ? END_ELSE_IF : END_ELSE;
		return true;
	}
	return false;
}

static int parse_action(struct parser *p, struct template_node *node)
{
	int r;

	if (take_word(p, "if"))
		node->kind = TEMPLATE_IF;
	else if (take_word(p, "with"))
		node->kind = TEMPLATE_WITH;
	else if (take_word(p, "range"))
		node->kind = TEMPLATE_RANGE;
	else if (take_word(p, "break"))
		node->kind = TEMPLATE_BREAK;
	else if (take_word(p, "continue"))
		node->kind = TEMPLATE_CONTINUE;
	else if (take_word(p, "define") || take_word(p, "template") || take_word(p, "block"))
		return err_set(p->err, ERR_UNSUPPORTED,
			"template parsing error: define, template and block are not supported");
	else
		node->kind = TEMPLATE_ACTION;

	if (node->kind == TEMPLATE_IF || node->kind == TEMPLATE_WITH ||
		node->kind == TEMPLATE_RANGE)
		return parse_block(p, node);
	if (node->kind != TEMPLATE_ACTION)
		return p->loops ? take_close(p) : fail(p, "break and continue belong in range");

	r = parse_pipeline(p, &node->pipeline);
	if (r < 0)
		return r;
	if (node->pipeline->variables[1])
		return fail(p, "two variables belong to range");
	return take_close(p);
}

/* Step over "{{", a trim marker and a comment; 1 when it was a comment. */
static int open_action(struct parser *p)
{
	const char *end;

	p->at += 2;
	if (*p->at == '-' && is_blank(p->at[1]))
		p->at++;
	skip_blanks(p);
	if (!str_after(p->at, "/*"))
		return 0;
	end = strstr(p->at + 2, "*/");
	if (!end)
		return fail(p, "unclosed comment");
	p->at = end + 2;
	return take_close(p) < 0 ? -ERR_FORMAT : 1;
}

/* Nodes up to the end of the text, {{end}} or {{else}}. */
static int parse_nodes(struct parser *p, struct template_node **ret, enum ending *ret_end)
{
	struct template_node **tail = ret;

	*ret_end = END_OF_TEXT;
	while (*p->at) {
		struct template_node *node = own(p, NEW(struct template_node));
		int r = 0;

		if (!str_after(p->at, "{{")) {
			parse_text(p, node);
		} else {
			r = open_action(p);
			if (r == 1)
				continue;
			if (r == 0 && take_ending(p, ret_end))
				return *ret_end == END_ELSE_IF ? 0 : take_close(p);
			if (r == 0)
				r = parse_action(p, node);
		}
		if (r < 0)
			return r;
		*tail = node;
		tail = &node->next;
	}
	return 0;
}

int template_parse(const char *text, struct template **ret, struct err *err)
{
	AUTO(template) struct template *tree = NEW(struct template);
	struct parser p = { .tree = tree, .text = text, .at = text, .err = err };
	enum ending end;
	int r;

	if (strlen(text) > TEMPLATE_LEN_MAX)
		return err_set(err, ERR_LIMIT, "template parsing error: longer than %d bytes",
			TEMPLATE_LEN_MAX);
	r = parse_nodes(&p, &tree->first, &end);
	if (r < 0)
		return r;
	if (end != END_OF_TEXT)
		return fail(&p, end == END_KEYWORD ? "unexpected {{end}}" : "unexpected {{else}}");
	*ret = TAKE_PTR(tree);
	return 0;
}
