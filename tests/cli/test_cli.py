"""The command line itself: what is said, and the exit status, when it is wrong."""
import json
import subprocess

import pytest

ENV = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}


@pytest.fixture
def proa(proa_binary, tmp_path):
    def run(*args, **kwargs):
        return subprocess.run(
            [proa_binary, "--root", str(tmp_path / "store"), "--runroot", str(tmp_path / "run"),
             *args], capture_output=True, text=True, timeout=20, env=ENV, check=False, **kwargs)
    return run


@pytest.mark.parametrize("args,status,message", [
    (["imges"], 1, "proa: unknown command: proa imges\nhint: did you mean images?\n"
                   "See 'proa --help'.\n"),
    (["rnu", "--foo"], 1, "proa: unknown command: proa rnu\nhint: did you mean run?\n"
                          "See 'proa --help'.\n"),
    (["frobnicate"], 1, "proa: unknown command: proa frobnicate\n"
                        "hint: 'proa help' lists the commands\nSee 'proa --help'.\n"),
    (["image", "lss"], 1, "proa: unknown command: proa image lss\n"
                          "hint: did you mean image ls?\nSee 'proa --help'.\n"),
    (["image", "mount", "x"], 1, "proa: unknown command: proa image mount\n"
                                 "hint: this version of proa does not have image mount\n"
                                 "See 'proa --help'.\n"),
    (["manifest", "lst"], 1, "proa: unknown command: proa manifest lst\n"
                             "hint: 'proa help' lists the commands\nSee 'proa --help'.\n"),
    (["help", "frobnicate"], 1, "proa: help: unknown command: proa frobnicate\n"
                                "hint: 'proa help' lists the commands\n"),
    (["help", "run", "rm"], 1, "proa: help: there is no command \"run rm\"\n"),
    (["run", "--foo", "x"], 125, "proa: run: unknown flag: --foo\n"
                                 "Usage:  proa run [OPTIONS] IMAGE [COMMAND] [ARG...]\n"
                                 "See 'proa run --help'.\n"),
    (["container", "run", "--nmae=x", "x"], 125,
     "proa: container run: unknown flag: --nmae\nhint: did you mean --name?\n"
     "Usage:  proa container run [OPTIONS] IMAGE [COMMAND] [ARG...]\n"
     "See 'proa container run --help'.\n"),
    (["images", "--foo"], 125, "proa: images: unknown flag: --foo\n"
                               "Usage:  proa images [OPTIONS] [REPOSITORY[:TAG]]\n"
                               "See 'proa images --help'.\n"),
    (["run"], 1, "proa: run: requires at least 1 argument\n"
                 "Usage:  proa run [OPTIONS] IMAGE [COMMAND] [ARG...]\n"
                 "See 'proa run --help'.\n"),
    (["version", "x"], 1, "proa: version: takes no arguments\n"
                          "Usage:  proa version [OPTIONS]\nSee 'proa version --help'.\n"),
    (["-H", "tcp://x", "ps"], 125,
     "proa: --host is not supported: there is no daemon to connect to\nSee 'proa --help'.\n"),
    (["--bogus", "version"], 125, "proa: unknown flag: --bogus\nSee 'proa --help'.\n"),
    (["--log-level", "loud", "version"], 125,
     "proa: log level \"loud\" is none of error, warn, info, debug\nSee 'proa --help'.\n"),
    (["version", "--format", "{{.Client.Nope.X}}"], 1,
     "proa: version: template: there is no value to take the field .X of\n"),
    (["version", "--format", "{{"], 1,
     "proa: version: template parsing error: character 3: missing value for command\n"),
])
def test_refusals(proa, args, status, message):
    r = proa(*args)
    assert (r.returncode, r.stdout, r.stderr) == (status, "", message)


def test_no_command_is_help(proa):
    assert proa().stdout == proa("help").stdout == proa("--help").stdout == proa("-h").stdout
    assert proa().returncode == 0


def test_version(proa):
    number = proa("version", "--format", "{{.Client.Version}}").stdout.strip()
    assert number.count(".") == 2
    assert proa("--version").stdout == proa("-v").stdout == f"proa version {number}\n"
    doc = json.loads(proa("version", "--json").stdout)
    assert doc["Client"]["Version"] == number and doc["Client"]["Os"] == "linux"
    lines = proa("version").stdout.splitlines()
    assert lines[0] == "Client: proa" and lines[1].split() == ["Version:", number]


def test_version_makes_no_store(proa, tmp_path):
    assert proa("version").returncode == 0
    assert not (tmp_path / "store").exists() and not (tmp_path / "run").exists()


def test_empty_lists(proa):
    r = proa("images")
    assert (r.returncode, r.stderr) == (0, "")
    assert r.stdout == "REPOSITORY   TAG       IMAGE ID   CREATED   SIZE\n"
    assert proa("images", "--json").stdout == proa("images", "-q").stdout == ""
    assert proa("image", "ls").stdout == r.stdout


def test_full_disk_is_reported(proa_binary):
    with open("/dev/full", "w", encoding="utf-8") as full:
        r = subprocess.run([proa_binary, "version"], stdout=full, stderr=subprocess.PIPE,
                           text=True, env=ENV, check=False)
    assert r.returncode == 1
    assert r.stderr == "proa: write to standard output: No space left on device\n"


@pytest.mark.parametrize("closed", [0, 1, 2])
def test_closed_descriptors_are_filled(proa_binary, closed):
    """Nothing that is opened later may become standard error."""
    script = f"exec {closed}>&-; exec {proa_binary} version"
    r = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, env=ENV,
                       check=False)
    assert r.returncode == 0
    assert r.stderr == ""


def test_a_name_cannot_steer_the_terminal(proa):
    r = proa("\033[2Jrun")
    assert r.returncode == 1 and "\033" not in r.stderr


def test_debug_levels(proa):
    for flags in (["-D"], ["--debug"], ["--log-level", "debug"]):
        assert proa(*flags, "images").returncode == 0
