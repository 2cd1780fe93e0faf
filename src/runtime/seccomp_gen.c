/*
 * Build-time program: the default filter of one machine, as a C file on standard output.
 * Runs on the build machine; usage: seccomp_gen x86_64
 */
#include <stdio.h>

#include "runtime/seccomp_table.h"
#include "sys/caps.h"

static int print_program(const struct seccomp_program *p)
{
	(void)printf("/* Made by seccomp_gen. */\n"
		     "#include \"runtime/seccomp_profile.h\"\n\n"
		     "const struct sock_filter seccomp_default_insns[] = {\n");
	for (size_t i = 0; i < p->n_insns; i++)
		(void)printf("\t{ 0x%02x, %u, %u, 0x%08x },\n", p->insns[i].code, p->insns[i].jt,
			p->insns[i].jf, p->insns[i].k);
	(void)printf("};\nconst unsigned short seccomp_default_count = %u;\n", p->n_insns);
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}

int main(int argc, char **argv)
{
	AUTO(seccomp_program) struct seccomp_program program = { 0 };
	struct err err = { 0 };

	if (argc != 2) {
		(void)fprintf(stderr, "usage: seccomp_gen MACHINE\n");
		return 2;
	}
	if (seccomp_table_compile(argv[1], CAPS_DEFAULT, &program, &err) < 0) {
		(void)fprintf(stderr, "seccomp_gen: %s\n", err.msg);
		return 1;
	}
	return print_program(&program);
}
