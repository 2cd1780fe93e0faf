/* Dockerfile lines on a config: `import --change`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/strv.h"
#include "image/change.h"

static void applies(struct image_config *c, const char *line)
{
	struct err err = { 0 };

	if (change_apply(c, line, &err) < 0)
		fail_msg("%s: %s", line, err.msg);
}

static void fails(const char *line, const char *message)
{
	AUTO(image_config) struct image_config c = { 0 };
	struct err err = { 0 };

	assert_int_equal(change_apply(&c, line, &err), -ERR_FORMAT);
	assert_string_equal(err.msg, message);
}

static void assert_strv(char *const *v, const char *joined)
{
	autofree char *have = strv_join(v, "|");

	assert_string_equal(have, joined);
}

static void commands_have_two_forms(void **state)
{
	AUTO(image_config) struct image_config c = { 0 };

	(void)state;
	applies(&c, "CMD [\"a\", \"b c\"]");
	assert_strv(c.cmd, "a|b c");
	applies(&c, "cmd echo \"$HOME\" 'x'");
	assert_strv(c.cmd, "/bin/sh|-c|echo \"$HOME\" 'x'");
	applies(&c, "SHELL [\"/bin/bash\", \"-ec\"]");
	applies(&c, "  ENTRYPOINT\texec top");
	assert_strv(c.entrypoint, "/bin/bash|-ec|exec top");
	/* What is no array of strings is a shell's line. */
	applies(&c, "CMD [1, 2]");
	assert_strv(c.cmd, "/bin/bash|-ec|[1, 2]");
	applies(&c, "CMD []");
	assert_int_equal(strv_len(c.cmd), 0);
}

static void pairs_are_split_like_words(void **state)
{
	AUTO(image_config) struct image_config c = { 0 };

	(void)state;
	applies(&c, "ENV A=1 B=\"two words\" C='x\\y' D=a\\ b");
	assert_strv(c.env, "A=1|B=two words|C=x\\y|D=a b");
	applies(&c, "ENV A the rest = as it is");
	assert_strv(c.env, "A=the rest = as it is|B=two words|C=x\\y|D=a b");
	applies(&c, "LABEL \"com.example\"=v other=");
	assert_strv(c.labels, "com.example=v|other=");
}

static void paths_and_ports(void **state)
{
	AUTO(image_config) struct image_config c = { 0 };

	(void)state;
	applies(&c, "WORKDIR a");
	applies(&c, "WORKDIR ../b/./c/");
	assert_string_equal(c.workdir, "/b/c");
	applies(&c, "EXPOSE 80 443/tcp 53/udp 7000-7010/sctp 80");
	assert_strv(c.exposed, "80/tcp|443/tcp|53/udp|7000-7010/sctp");
	applies(&c, "VOLUME /a /b");
	applies(&c, "VOLUME [\"/b\", \"/c d\"]");
	assert_strv(c.volumes, "/a|/b|/c d");
	applies(&c, "USER 1000:1000");
	assert_string_equal(c.user, "1000:1000");
	applies(&c, "STOPSIGNAL SIGRTMIN+3");
	assert_string_equal(c.stop_signal, "SIGRTMIN+3");
	applies(&c, "ONBUILD RUN make");
	assert_strv(c.on_build, "RUN make");
}

static void bad_lines_are_named(void **state)
{
	(void)state;
	fails("", " is not a valid change command");
	fails("RUN make", "RUN is not a valid change command");
	fails("ENV", "ENV requires an argument");
	fails("ENV A", "ENV: A has no value");
	fails("ENV A=1 B", "ENV: B is not KEY=VALUE");
	fails("ENV =x", "ENV: =x is not KEY=VALUE");
	fails("LABEL a=\"b", "LABEL: a \" is not closed");
	fails("EXPOSE 0", "EXPOSE: invalid port: 0");
	fails("EXPOSE 80-", "EXPOSE: invalid port: 80-");
	fails("EXPOSE 65536", "EXPOSE: invalid port: 65536");
	fails("EXPOSE 80/", "EXPOSE: invalid port: 80/");
	fails("USER a b", "USER: one argument is wanted");
	fails("SHELL sh", "SHELL: a JSON array is wanted");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_have_two_forms),
		cmocka_unit_test(pairs_are_split_like_words),
		cmocka_unit_test(paths_and_ports),
		cmocka_unit_test(bad_lines_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
