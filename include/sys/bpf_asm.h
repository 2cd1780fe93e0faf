/*
 * A few instructions of classic BPF in a growing array, with jumps to a place not yet known.
 * Only what sys/seccomp.c needs to put guards in front of a compiled filter.
 */
#pragma once

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"

struct bpf_asm {
	struct sock_filter *insns; /* owned */
	size_t n, cap;
	size_t *to_end; /* indices of the jumps to the end, owned */
	size_t n_to_end, cap_to_end;
};

void bpf_asm_done(struct bpf_asm *a);
DEFINE_AUTO(bpf_asm, struct bpf_asm, bpf_asm_done)

/* A = 32-bit word at that offset of struct seccomp_data. */
void bpf_load(struct bpf_asm *a, uint32_t offset);
void bpf_and(struct bpf_asm *a, uint32_t mask);
void bpf_return(struct bpf_asm *a, uint32_t value);

/* Skip the next instructions, to be counted by bpf_land, unless A == k (or A > k). */
size_t bpf_unless_equal(struct bpf_asm *a, uint32_t k);
size_t bpf_unless_greater(struct bpf_asm *a, uint32_t k);

/* The jump made by bpf_unless_* lands behind what has been written since; at most 255 away. */
void bpf_land(struct bpf_asm *a, size_t jump);

/* The same for a part of any length; bpf_land_far takes what this returned. */
size_t bpf_far_unless_equal(struct bpf_asm *a, uint32_t k);
void bpf_land_far(struct bpf_asm *a, size_t jump);

/* One value of A and what to return for it. */
struct bpf_case {
	uint32_t value, verdict;
};

/*
 * A switch over A as a binary tree of ranges, at the end of which every path has returned: cases
 * (sorted here; a value may come twice with one verdict) or otherwise. Neighbours with one verdict are
 * one range, which makes the program a third of what a test for each value would be.
 */
void bpf_switch(struct bpf_asm *a, struct bpf_case *cases, size_t n, uint32_t otherwise);

/* Go to whatever follows the whole program; distances are filled in by bpf_append_end. */
void bpf_jump_end(struct bpf_asm *a);

/* Put these instructions at the end and let bpf_jump_end's jumps land on them. */
void bpf_append_end(struct bpf_asm *a, const struct sock_filter *insns, size_t n);
