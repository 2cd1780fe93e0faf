"""A sample of the faults of each run: SIGKILL, errors, short writes, power cuts.

PROA_FAULT_SEED=N draws another sample, PROA_FAULT=all takes every place (see run-all, which is
quicker because it uses all processors, and prints totals). PROA_FAULT_KEEP=1 keeps the store of a
case that went wrong.
"""

import os
import random
import tempfile

import pytest

import accounts
import harness
import scenes

SEED = os.environ.get("PROA_FAULT_SEED", "1")
EVERYTHING = os.environ.get("PROA_FAULT") == "all"
# How many places of each kind the sample has, for each scene; of the rest, two kinds are drawn.
KINDS = {"kill:changes": 2, "kill-after:changes": 1, "power-names:changes": 2, "EIO": 2}
REST = ("kill", "kill-one:changes", "power:changes", "ENOSPC", "EMFILE", "EDQUOT", "short",
        "ENOSPC:sticky")
SCENES = ("pull", "pull-more", "load", "tag", "tag-over", "rmi", "prune", "prune-all", "import",
          "run", "save", "push")


@pytest.fixture(scope="module", name="context")
def fixture_context(proa_binary):
    if os.getuid() != 0:
        pytest.skip("tracing the extractor needs root")
    if harness.is_sanitized(proa_binary):
        pytest.skip("a sanitizer makes calls of its own, and cannot be traced")
    if not harness.built("fault_driver"):
        pytest.fail("no fault_driver: build it (ninja tests/fault/fault_driver)")
    place = tempfile.mkdtemp(prefix="proa-fault-", dir=harness.fast_place())
    context = harness.Context(proa_binary, place)
    yield context
    context.close()
    accounts.remove_tree(place)


@pytest.fixture(scope="module", name="every")
def fixture_every(context):
    return scenes.every_scene(context)


@pytest.mark.parametrize("name", SCENES)
def test_faults(context, every, name):
    scene, rnd, bad = every[name], random.Random(f"{SEED} {name}"), []
    scene.set_up(context)
    kinds = dict.fromkeys(REST if EVERYTHING else rnd.sample(REST, 2), 1)
    for kind, wanted in {**KINDS, **kinds}.items():
        total = harness.count(context, scene, kind)
        places = range(1, total + 1) if EVERYTHING else harness.sample(total, wanted, rnd)
        for n in places:
            bad += harness.run_case(context, scene, kind, n)[1]
    assert not bad, "\n".join(bad)
