"""config.toml: keys that are not known, durability, max-size."""
import os
import shutil

import pytest

import images
import registry as registries
import registry_images


@pytest.fixture
def configured(user):
    """A function that writes the account's config.toml; an empty store."""
    shutil.rmtree(user.store, ignore_errors=True)
    path = os.path.join(user.home, ".config/proa/config.toml")

    def write(text):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        for place in (path, os.path.dirname(path), os.path.dirname(os.path.dirname(path))):
            os.chown(place, user.uid, user.gid)
        return path
    yield write
    shutil.rmtree(os.path.dirname(path), ignore_errors=True)
    shutil.rmtree(user.store, ignore_errors=True)


@pytest.mark.parametrize("text,line,what", [
    ('[store]\nmax-sizes = "1g"\n', 2,
     "max-sizes: no such key: [store] has durability and max-size"),
    ('\n[network]\na = 1\n', 2, "network: only the table [store] is known"),
    ('durability = "fast"\n', 1, "durability: only the table [store] is known"),
    ('[store]\n\ndurability = "quick"\n', 3, 'durability: "full" or "fast" is wanted'),
    ('[store]\nmax-size = "much"\n', 2, 'max-size: a size as "20g" is wanted')])
def test_what_is_refused(user, configured, text, line, what):
    path = configured(text)
    assert user.fails(1, "images") == f"proa: images: {path}: line {line}: {what}\n"


def store_path(user, *parts):
    return os.path.join(user.store, *parts)


def end_boot(user):
    """As if the machine had been started again since."""
    with open(store_path(user, "locks/unsynced"), "r+", encoding="utf-8") as f:
        f.write("00000000")


def test_fast_is_verified_after_the_boot(user, configured, scratch):
    configured('[store]\ndurability = "fast"\nmax-size = 0\n')
    archive = os.path.join(scratch, "fast.tar")
    images.docker_archive(archive, ["fast:1"],
                          layers=[images.busybox_tar(), registry_images.tar({"data": b"x" * 9000})])
    user.ok("load", "-i", archive)
    with open(store_path(user, "locks/unsynced"), encoding="utf-8") as f:
        listed = f.read().splitlines()
    assert len(listed) == 7 and not [n for n in os.listdir(store_path(user, "layers")) if "~" in n]
    assert user.ok("system", "check", "--deep").endswith("no damage found\n")
    # Nothing was lost: everything stays.
    end_boot(user)
    assert user.ok("run", "--rm", "fast:1", "wc", "-c", "/data") == "9000 /data\n"
    assert not os.path.exists(store_path(user, "locks/unsynced"))
    assert len(os.listdir(store_path(user, "layers"))) == 2
    # The end of a file and a blob were: they go, and the rest is unpacked again.
    user.ok("rmi", "-f", "fast:1")
    user.ok("load", "-i", archive)
    end_boot(user)
    layer = [store_path(user, "layers", n) for n in os.listdir(store_path(user, "layers"))
             if os.path.exists(store_path(user, "layers", n, "fs/data"))][0]
    os.truncate(f"{layer}/fs/data", 0)
    with open(store_path(user, "images/torn.json"), "wb"):
        pass
    os.chown(store_path(user, "images/torn.json"), user.uid, user.gid)
    assert user.ok("images", "--format", "{{.Repository}}") == "fast\n"
    assert not os.path.exists(layer) and not os.path.exists(store_path(user, "images/torn.json"))
    assert user.ok("run", "--rm", "fast:1", "wc", "-c", "/data") == "9000 /data\n"
    assert user.ok("system", "check", "--deep").endswith("no damage found\n")
    os.unlink(archive)


def test_max_size_takes_what_was_not_used_for_longest(user, configured):
    server = registries.FaultyRegistry()
    try:
        for k in range(4):
            server.add(f"app{k}", "1", registry_images.Image(
                [registry_images.Layer({"data": os.urandom(400000)})]))
        names = [f"{server.host}/app{k}:1" for k in range(4)]
        configured('[store]\nmax-size = "3000k"\n')
        for name in names[:3]:
            assert user.proa("pull", "-q", name).stderr == ""
        user.ok("create", "--name", "user-of-0", names[0], "x")
        user.ok("create", "--name", "was", names[1], "x")
        user.ok("rm", "was")  # used later than the third
        done = user.proa("pull", "-q", names[3])
        assert done.returncode == 0
        assert done.stderr == (f"proa: warning: {names[2]} was removed, as it was not used for "
                               "longest: max-size is 3.07MB\n")
        left = sorted(user.ok("images", "--format", "{{.Repository}}:{{.Tag}}").split())
        assert left == [names[0], names[1], names[3]]
        configured('[store]\nmax-size = "100k"\n')
        done = user.proa("pull", "-q", names[3])
        assert done.stderr.startswith(f"proa: warning: {names[1]} was removed")
        assert done.stderr.splitlines()[1].endswith(
            ": the rest is in use or did not come from a registry")
        assert user.ok("system", "check", "--deep").endswith("no damage found\n")
        user.ok("rm", "user-of-0")
    finally:
        server.stop()
