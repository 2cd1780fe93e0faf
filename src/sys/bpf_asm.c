#include "sys/bpf_asm.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/err.h"

void bpf_asm_done(struct bpf_asm *a)
{
	free(a->insns);
	free(a->to_end);
	*a = (struct bpf_asm){ 0 };
}

static void emit(struct bpf_asm *a, uint16_t code, uint32_t k)
{
	GROW(a->insns, a->n, a->cap);
	a->insns[a->n++] = (struct sock_filter){ .code = code, .k = k };
}

void bpf_load(struct bpf_asm *a, uint32_t offset)
{
	emit(a, BPF_LD | BPF_W | BPF_ABS, offset);
}

void bpf_and(struct bpf_asm *a, uint32_t mask)
{
	emit(a, BPF_ALU | BPF_AND | BPF_K, mask);
}

void bpf_return(struct bpf_asm *a, uint32_t value)
{
	emit(a, BPF_RET | BPF_K, value);
}

size_t bpf_unless_equal(struct bpf_asm *a, uint32_t k)
{
	emit(a, BPF_JMP | BPF_JEQ | BPF_K, k);
	return a->n - 1;
}

size_t bpf_unless_greater(struct bpf_asm *a, uint32_t k)
{
	emit(a, BPF_JMP | BPF_JGT | BPF_K, k);
	return a->n - 1;
}

void bpf_land(struct bpf_asm *a, size_t jump)
{
	size_t distance = a->n - jump - 1;

	assert_that(distance <= UINT8_MAX);
	a->insns[jump].jf = (uint8_t)distance;
}

/* Equal jumps over the unconditional jump, whose distance has 32 bits. */
size_t bpf_far_unless_equal(struct bpf_asm *a, uint32_t k)
{
	emit(a, BPF_JMP | BPF_JEQ | BPF_K, k);
	a->insns[a->n - 1].jt = 1;
	emit(a, BPF_JMP | BPF_JA, 0);
	return a->n - 1;
}

void bpf_land_far(struct bpf_asm *a, size_t jump)
{
	a->insns[jump].k = (uint32_t)(a->n - jump - 1);
}

/* From this value on, up to the start of the next range. */
struct range {
	uint32_t start, verdict;
};

static int by_value(const void *a, const void *b)
{
	const struct bpf_case *x = a, *y = b;

	return (x->value > y->value) - (x->value < y->value);
}

static size_t add_range(struct range *ranges, size_t n, uint32_t start, uint32_t verdict)
{
	if (n > 0 && ranges[n - 1].start == start)
		n--; /* nothing was left of the gap before it */
	if (n > 0 && ranges[n - 1].verdict == verdict)
		return n;
	ranges[n] = (struct range){ start, verdict };
	return n + 1;
}

/* The lower half follows the comparison; the upper half is reached by a jump of any length. */
static void emit_ranges(struct bpf_asm *a, const struct range *ranges, size_t n)
{
	size_t half = n / 2, jump;

	if (n == 1) {
		bpf_return(a, ranges[0].verdict);
		return;
	}
	emit(a, BPF_JMP | BPF_JGE | BPF_K, ranges[half].start);
	jump = a->n - 1;
	if (2 * half - 1 > UINT8_MAX) { /* instructions of the lower half */
		a->insns[jump].jf = 1;
		emit(a, BPF_JMP | BPF_JA, 0);
	}
	emit_ranges(a, ranges, half);
	if (a->insns[jump].jf)
		bpf_land_far(a, jump + 1);
	else
		a->insns[jump].jt = (uint8_t)(a->n - jump - 1);
	emit_ranges(a, ranges + half, n - half);
}

void bpf_switch(struct bpf_asm *a, struct bpf_case *cases, size_t n, uint32_t otherwise)
{
	struct range *ranges = NEW_ARRAY(struct range, 2 * n + 1);
	size_t n_ranges = add_range(ranges, 0, 0, otherwise);

	qsort(cases, n, sizeof(*cases), by_value);
	for (size_t i = 0; i < n; i++) {
		assert_that(i == 0 || cases[i].value != cases[i - 1].value ||
			    cases[i].verdict == cases[i - 1].verdict);
		n_ranges = add_range(ranges, n_ranges, cases[i].value, cases[i].verdict);
		n_ranges = add_range(ranges, n_ranges, cases[i].value + 1, otherwise);
	}
	emit_ranges(a, ranges, n_ranges);
	free(ranges);
}

void bpf_jump_end(struct bpf_asm *a)
{
	GROW(a->to_end, a->n_to_end, a->cap_to_end);
	a->to_end[a->n_to_end++] = a->n;
	emit(a, BPF_JMP | BPF_JA, 0);
}

void bpf_append_end(struct bpf_asm *a, const struct sock_filter *insns, size_t n)
{
	for (size_t i = 0; i < a->n_to_end; i++)
		a->insns[a->to_end[i]].k = (uint32_t)(a->n - a->to_end[i] - 1);
	a->n_to_end = 0;
	for (size_t i = 0; i < n; i++) {
		GROW(a->insns, a->n, a->cap);
		a->insns[a->n++] = insns[i];
	}
}
