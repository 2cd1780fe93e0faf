"""Loads, removals, tags and runs at once on one store: nothing fails that should not, nothing stays."""
import collections
import concurrent.futures
import json
import os
import random
import shutil
import time

import pytest

import images

SECONDS = 8
WORKERS = 6
# What another worker's removal may answer.
EXPECTED = ("No such image", "conflict: ", "is not here")


@pytest.fixture
def archives(people, scratch):
    """Three images that share their first layer."""
    place = os.path.join(scratch, "race")
    os.makedirs(place)
    base = images.busybox_tar()
    for k in range(3):
        images.docker_archive(f"{place}/{k}.tar", [f"img{k}:1"],
                              layers=[base, images.busybox_tar([(f"etc/f{k}", {"data": b"abc"})])])
    yield place
    shutil.rmtree(place)


def commands(rnd, archives):
    """One command, loads being the likeliest so that there is something to remove."""
    k = rnd.randrange(3)
    run = ["run", "--rm", "--pull", "never", "--network", "none", f"img{k}:1", "cat", f"/etc/f{k}"]
    return rnd.choice([["load", "-i", f"{archives}/{k}.tar"]] * 4 + [run] * 4 + [
        ["rmi", f"img{k}:1"], ["rmi", "-f", f"img{k}:1", f"alias{k}"],
        ["tag", f"img{k}:1", f"alias{k}"], ["images"]])


def work(user, archives, seed):
    rnd, bad, done = random.Random(seed), [], collections.Counter()
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        argv = commands(rnd, archives)
        result = user.proa(*argv)
        done[argv[0], result.returncode] += 1
        good = result.returncode == 0 or any(text in result.stderr for text in EXPECTED)
        if argv[0] == "run" and result.returncode == 0 and result.stdout != "abc":
            good = False
        if not good:
            bad.append((argv, result.returncode, result.stderr))
    return bad, done


def check_closures(user):
    """Each reference has its manifest, config and layers, and each blob its own digest."""
    blobs = os.path.join(user.store, "blobs/sha256")
    for name in os.listdir(blobs):
        with open(os.path.join(blobs, name), "rb") as f:
            assert images.digest(f.read()) == "sha256:" + name
    for name in os.listdir(os.path.join(user.store, "images")):
        with open(os.path.join(user.store, "images", name), encoding="utf-8") as f:
            record = json.load(f)
        with open(os.path.join(blobs, record["manifest"][7:]), encoding="utf-8") as f:
            manifest = json.load(f)
        for part in [manifest["config"], *manifest["layers"]]:
            assert os.path.exists(os.path.join(blobs, part["digest"][7:])), name


@pytest.mark.parametrize("user", ["sub"], indirect=True)
def test_everything_at_once(user, archives):
    seed = time.time_ns()
    print(f"seed {seed}")
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        results = list(pool.map(lambda i: work(user, archives, seed + i), range(WORKERS)))
    assert [bad for bad, _ in results if bad] == []
    done = sum((count for _, count in results), collections.Counter())
    assert done["load", 0] > 0
    user.ok("images")
    assert user.leftovers() == []
    check_closures(user)
    user.proa("rmi", "--all", "--force")
    for directory in ("layers", "blobs/sha256", "images"):
        assert os.listdir(os.path.join(user.store, directory)) == []
    assert not [n for n in os.listdir(os.path.join(user.store, "locks")) if "layer" in n]
