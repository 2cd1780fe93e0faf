"""32 processes pull, tag, run, remove and prune overlapping images on one store.

Nothing may fail that the user did not cause, and the store has to be sound afterwards. About ten
seconds; PROA_CONCURRENCY_SECONDS=120 for the long form.
"""
import collections
import concurrent.futures
import os
import pathlib
import random
import shutil
import time

import pytest

import registry as registries
import registry_images

SECONDS = float(os.environ.get("PROA_CONCURRENCY_SECONDS", "10"))
WORKERS = 32
IMAGES = 6
# What somebody else's rmi, prune or tag brings about; anything else is a defect.
CAUSED = ("No such image: ", " is not here, and --pull=never was given",
          "image is being used by", "using its referenced image",
          "image is referenced in multiple repositories", "no image is called ")


@pytest.fixture(scope="module")
def registry(scratch):
    """A real one with six images of eight layers in all; each layer is in several of them."""
    place = pathlib.Path(scratch) / "concurrency"
    server = registries.Registry(place)
    layers = [registry_images.Layer({f"l{k}": os.urandom(2000 + 40000 * k), "shared": b"%d" % k,
                                     "etc": None, f"etc/f{k}": b"x"}) for k in range(8)]
    for k in range(IMAGES):
        server.push(f"app{k % 3}", f"v{k}", registry_images.Image(layers[:2 + k % 3] + [layers[2 + k]]))
    yield server
    server.stop()
    shutil.rmtree(place)


def command(rnd, host):
    k = rnd.randrange(IMAGES)
    name, alias = f"{host}/app{k % 3}:v{k}", f"alias{rnd.randrange(3)}"
    return rnd.choice([["pull", "-q", name]] * 6 + [
        ["tag", name, alias], ["tag", name, alias], ["rmi", name], ["rmi", "-f", name, alias],
        ["image", "prune", "-f"], ["image", "prune", "-a", "-f"], ["images", "-q"],
        ["system", "df"], ["create", name, "x"], ["container", "prune", "-f"],
        ["system", "check", "-q"]])


def work(user, host, end, seed):
    rnd, bad, done = random.Random(seed), [], collections.Counter()
    # On a slow machine the time alone would let too little happen.
    while time.monotonic() < end or sum(done.values()) < 5:
        argv = command(rnd, host)
        if argv[0] == "create":
            argv = ["create", "--pull", "never", *argv[1:]]
        began = time.monotonic()
        result = user.proa(*argv)
        verb = " ".join(argv[:2]) if argv[0] in ("image", "system", "container") else argv[0]
        done[verb, result.returncode] += 1
        lines = [line for line in result.stderr.splitlines()
                 if not line.startswith("hint: ") and not any(text in line for text in CAUSED)]
        if result.returncode != 0 and (lines or verb == "system check") or time.monotonic() - began > 60:
            bad.append((argv, result.returncode, result.stdout[-2000:], result.stderr))
    return bad, done


@pytest.mark.parametrize("user", ["root", "sub"], indirect=True)
def test_32_processes_on_one_store(user, registry):
    shutil.rmtree(user.store, ignore_errors=True)
    user.ok("images")
    seed = time.time_ns()
    print(f"seed {seed}")
    end = time.monotonic() + SECONDS
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        results = list(pool.map(lambda i: work(user, registry.host, end, seed + i), range(WORKERS)))
    done = sum((count for _, count in results), collections.Counter())
    print(sum(done.values()), "commands:", dict(done))
    assert [bad for bad, _ in results if bad] == []
    assert done["pull", 0] > 0 and done["image prune", 0] > 0
    assert user.ok("system", "check", "--deep").endswith(": no damage found\n")
    assert os.listdir(os.path.join(user.store, "tmp")) == []
    user.ok("system", "prune", "-a", "-f")
    for name in ("layers", "blobs/sha256", "images", "containers", "ingest", "trash"):
        assert os.listdir(os.path.join(user.store, name)) == [], name
