/*
 * Go templates, the part that `docker ... --format` uses: text to a tree. Pure; what a tree means
 * for a value is cli/format.h.
 *
 * Understood: {{.A.B}}, {{.}}, {{$}}, {{$x.A}}, pipelines, parentheses, string ("..", `..`),
 * number, true, false and nil literals, {{.Label "key"}}, {{$x := ...}}, {{$x = ...}}, if / else if / else, with,
 * range (also `$v :=` and `$i, $v :=`), break, continue, comments, and the trim markers {{- and -}}.
 * Not understood, with -ERR_UNSUPPORTED: define, template, block. Grammar: pkg.go.dev/text/template.
 *
 *	AUTO(template) struct template *t = NULL;
 *	r = template_parse("{{.ID}}", &t, err);
 *
 * The tree owns all its parts; they live as long as it does.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/auto.h"
#include "base/err.h"

#define TEMPLATE_LEN_MAX   65536
#define TEMPLATE_DEPTH_MAX 32 /* nested blocks and parentheses together */

enum template_operand_kind {
	TEMPLATE_DOT,	   /* . */
	TEMPLATE_VARIABLE, /* $ or $name: text is the name without '$', "" for $ */
	TEMPLATE_STRING,   /* text */
	TEMPLATE_NUMBER,   /* text as written, a JSON number */
	TEMPLATE_TRUE,
	TEMPLATE_FALSE,
	TEMPLATE_NIL,
	TEMPLATE_FUNCTION, /* text is its name; only as the first word of a command */
	TEMPLATE_GROUP,	   /* (pipeline) */
};

struct template_pipeline;

struct template_operand {
	enum template_operand_kind kind;
	const char *text;
	const struct template_pipeline *group;
	const char *const *fields; /* NULL-terminated: .A.B behind the operand */
	size_t n_fields;
	unsigned line, column; /* of the second field, else of the operand: where Go says it is */
};

/* A function and its arguments, {{.Label "key"}}, or one operand alone. */
struct template_command {
	struct template_operand *operands;
	size_t n;
};

struct template_pipeline {
	const char *variables[2]; /* declared or assigned, without '$'; NULL = none */
	bool assigns;		  /* "=" instead of ":=" */
	struct template_command *commands;
	size_t n;
};

enum template_node_kind {
	TEMPLATE_TEXT,
	TEMPLATE_ACTION,
	TEMPLATE_IF,
	TEMPLATE_WITH,
	TEMPLATE_RANGE,
	TEMPLATE_BREAK,
	TEMPLATE_CONTINUE,
};

struct template_node {
	enum template_node_kind kind;
	const char *text; /* TEMPLATE_TEXT, after trimming */
	const struct template_pipeline *pipeline;
	struct template_node *body, *otherwise; /* first of a list; may be NULL */
	struct template_node *next;
};

struct template
{
	struct template_node *first;
	void **owned; /* every allocation of the tree */
	size_t n_owned, cap_owned;
};

/* -ERR_FORMAT with the position and what was expected; the caller frees *ret. */
int template_parse(const char *text, struct template **ret, struct err *err) must_check;
void template_free(struct template *t);
DEFINE_AUTO_PTR(template, struct template, template_free)
