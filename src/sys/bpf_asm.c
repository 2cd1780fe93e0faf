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
