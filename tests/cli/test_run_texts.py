"""What run says to options whose text is wrong, and how an image's settings and options merge."""
import json
import os

import pytest

import images


@pytest.fixture(scope="module")
def people_with_image(people, busybox_archive):
    """The account without ids: texts do not depend on who asks."""
    user = people["nosub"]
    user.ok("load", "-i", busybox_archive)
    return user


REFUSALS = [
    (["-e", "=x"], "--env =x: invalid environment variable: =x"),
    (["--ulimit", "nofile"], "invalid ulimit argument: nofile"),
    (["--ulimit", "nope=1"], "invalid ulimit type: nope"),
    (["--ulimit", "nofile=2:1"],
     "ulimit soft limit must be less than or equal to hard limit: 2:1"),
    (["--ulimit", "nofile=1:2:3"],
     "too many limit value arguments - 1:2:3, can only have up to two, `soft[:hard]`"),
    (["-v", "/a:/b:wat"], "invalid mode: wat"),
    (["-v", "/a:/b:ro,rw"], "invalid mode: rw is given twice or contradicted"),
    (["-v", "/a:/"], "invalid specification: destination can't be '/'"),
    (["-v", "/a:ro"], "invalid volume specification: '/a:ro'"),
    (["-v", ":/b"], "invalid volume specification: ':/b'"),
    (["-v", "a/b:/c"], "\"a/b\" includes invalid characters for a local volume name"),
    (["--mount", "type=bind,src=/a"], "target is required"),
    (["--mount", "type=bind,dst=/a"],
     "invalid mount config for type \"bind\": field Source must not be empty"),
    (["--mount", "type=bind,src=/a,dst=/b,wat=1"], "unexpected key 'wat' in 'wat=1'"),
    (["--mount", "type=bind,src=/a,dst=/b,tmpfs-size=1m"],
     "cannot mix 'tmpfs-*' options with mount type 'bind'"),
    (["--mount", "type=wat,dst=/b"], "mount type unknown: \"wat\""),
    (["--mount", "bind"], "invalid field 'bind' must be a key=value pair"),
    (["--tmpfs", "/t:size=x"], "invalid tmpfs option \"size=x\""),
    (["--tmpfs", "t"], "invalid mount path: 't' mount path must be absolute"),
    (["--tmpfs", "/t", "--tmpfs", "/t/"], "Duplicate mount point: /t"),
    (["-h", "a_b."], "invalid hostname format: a_b."),
    (["--platform", "a/b/c/d"], "\"a/b/c/d\" is an invalid platform"),
    (["--entrypoint", ""], "no command specified"),
    (["--user=-1"], "invalid user \"-1\""),
    (["--user=0x0"], "invalid user \"0x0\""),
    (["--user=:0"], "invalid user \":0\": the user is empty"),
    (["--user=1:2:3"], "invalid user \"1:2:3\": want USER[:GROUP]"),
    (["--user=4294967296"], "uids and gids must be in range 0-2147483647"),
]


@pytest.mark.parametrize("options,message", REFUSALS, ids=[" ".join(o) for o, _ in REFUSALS])
def test_refusals(people_with_image, options, message):
    command = [] if options[0] == "--entrypoint" else ["true"]
    text = people_with_image.fails(125, "run", "--rm", *options, "busybox", *command)
    assert text.startswith("proa: run: ")
    assert message in text
    assert text.count("proa: ") == 1
    assert not people_with_image.leftovers()


@pytest.mark.parametrize("name,message", [
    ("Busybox", "invalid reference format: repository name (Busybox) must be lowercase"),
    ("a b", "invalid reference format"),
    ("busybox@sha256:12", "invalid reference format: invalid digest \"sha256:12\""),
    ("-", "invalid reference format"),
])
def test_bad_names(people_with_image, name, message):
    text = people_with_image.fails(125, "run", "--rm", "--pull=never", name, "true")
    assert message in text


ENV_FILES = [
    (b"a b=1\n", "variable 'a b' contains whitespaces"),
    (b"ok=1\n=x\n", "no variable name on line '=x'"),
    (b"ok=1\nX=\xff\n", "invalid utf8 bytes at line 2"),
]


@pytest.mark.parametrize("content,message", ENV_FILES, ids=["blank", "no name", "bytes"])
def test_bad_env_files(people_with_image, content, message):
    path = os.path.join(people_with_image.home, "bad.env")
    with open(path, "wb") as f:
        f.write(content)
    os.chmod(path, 0o644)
    text = people_with_image.fails(125, "run", "--rm", "--env-file", path, "busybox", "true")
    assert text == f"proa: run: --env-file {path}: {message}\n"


@pytest.fixture(scope="module")
def merged(people, scratch):
    """An image that sets everything, among it entries that are no KEY=value."""
    user = people["nosub"]
    path = images.docker_archive(
        os.path.join(scratch, "merge.tar"), ["merge:1"],
        Env=["PATH=/bin", "A=image", "B=image", "CANARY", "*", "=x"],
        Entrypoint=["/bin/echo", "entry"], Cmd=["image", "cmd"])
    user.ok("load", "-i", path)
    return user


@pytest.mark.parametrize("options,args,expected", [
    ([], [], "entry image cmd\n"),
    ([], ["mine"], "entry mine\n"),
    (["--entrypoint", "/bin/printf"], ["%s.", "a", "b"], "a.b."),
    (["--entrypoint", '["/bin/echo","-n"]'], ["x"], "x"),
    (["--entrypoint", ""], ["/bin/echo", "bare"], "bare\n"),
])
def test_command_merge(merged, options, args, expected):
    assert merged.ok("run", "--rm", *options, "merge:1", *args) == expected


def test_environment_merge(merged):
    out = merged.ok("run", "--rm", "-e", "B=mine", "-e", "C=mine", "-e", "A", "-h", "box",
                    "--entrypoint", "/bin/env", "merge:1", env={"CANARY": "leak"})
    values = dict(line.split("=", 1) for line in out.splitlines())
    assert "leak" not in out and "CANARY" not in values and "*" not in values
    assert "A" not in values  # -e A where the caller has none removes the image's
    assert values["PATH"] == "/bin"
    assert (values["B"], values["C"], values["HOSTNAME"]) == ("mine", "mine", "box")
    names = [line.split("=", 1)[0] for line in out.splitlines()]
    assert names.index("PATH") < names.index("B") < names.index("C")


def test_no_command_is_said(people, scratch):
    user = people["nosub"]
    path = images.docker_archive(os.path.join(scratch, "nocmd.tar"), ["nocmd:1"], Cmd=None)
    user.ok("load", "-i", path)
    text = user.fails(125, "run", "--rm", "nocmd:1")
    assert "no command specified" in text
    assert json.loads(user.ok("inspect", "nocmd:1"))[0]["Config"].get("Cmd") in (None, [])
