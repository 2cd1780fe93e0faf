/* The last check of a start, against the mounts of this very process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "runtime/child_priv.h"
#include "sys/mount.h"

struct fixture {
	struct spec spec;
	struct plan plan;
	struct child child;
	struct child_mount mounts[4];
	int slots[PLAN_SLOT_BIND];
};

static void open_slot(struct fixture *f, int slot, const char *path)
{
	f->slots[slot] = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(f->slots[slot] >= 0);
}

static void fill(struct fixture *f)
{
	*f = (struct fixture){ .plan = { .n_slots = PLAN_SLOT_BIND, .n_ops = 4 } };
	f->child = (struct child){
		.spec = &f->spec, .plan = &f->plan, .slots = f->slots, .mounts = f->mounts
	};
	open_slot(f, PLAN_SLOT_ROOT, "/");
	open_slot(f, PLAN_SLOT_PROC, "/proc");
	open_slot(f, PLAN_SLOT_SYS, "/sys");
	open_slot(f, PLAN_SLOT_DEV, "/dev");
}

static void done(struct fixture *f)
{
	for (int i = PLAN_SLOT_ROOT; i < PLAN_SLOT_BIND; i++)
		if (f->slots[i] > 0)
			(void)close(f->slots[i]);
}

static void strangers(void **state)
{
	struct fixture f;
	struct err err = { 0 };

	(void)state;
	fill(&f);
	assert_int_equal(child_op_check(&f.child, NULL, &err), -ERR_DENIED);
	assert_non_null(strstr(err.msg, " in the container is a mount that was not made for it"));
	/* Known, but nothing may be below it. */
	assert_int_equal(child_note_mount(&f.child, f.slots[PLAN_SLOT_ROOT], false), 0);
	assert_int_equal(child_op_check(&f.child, NULL, &err), -ERR_DENIED);
	assert_non_null(strstr(err.msg, " in the container is a mount that was not made for it"));
	done(&f);
}

static void below_a_clone(void **state)
{
	struct fixture f;
	struct err err = { 0 };

	(void)state;
	fill(&f);
	assert_int_equal(child_note_mount(&f.child, f.slots[PLAN_SLOT_ROOT], true), 0);
	assert_int_equal(child_note_mount(&f.child, f.slots[PLAN_SLOT_PROC], false), 0);
	assert_int_equal(child_op_check(&f.child, NULL, &err), 0);
	done(&f);
}

static void missing(void **state)
{
	struct fixture f;
	struct err err = { 0 };

	(void)state;
	fill(&f);
	assert_int_equal(child_note_mount(&f.child, f.slots[PLAN_SLOT_ROOT], true), 0);
	assert_int_equal(child_note_mount(&f.child, f.slots[PLAN_SLOT_PROC], false), 0);
	f.mounts[1].id = UINT32_MAX;
	assert_int_equal(child_op_check(&f.child, NULL, &err), -ERR_DENIED);
	assert_string_equal(err.msg, "2 mounts were made for the container and 1 are there");
	done(&f);
}

static void another_mount(void **state)
{
	struct fixture f;
	struct err err = { 0 };

	(void)state;
	fill(&f);
	assert_true(dup2(f.slots[PLAN_SLOT_SYS], f.slots[PLAN_SLOT_PROC]) >= 0);
	assert_int_equal(child_op_check(&f.child, NULL, &err), -ERR_DENIED);
	assert_string_equal(
		err.msg, "/proc in the container is not the mount that was made for it");
	done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strangers),
		cmocka_unit_test(below_a_clone),
		cmocka_unit_test(missing),
		cmocka_unit_test(another_mount),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
