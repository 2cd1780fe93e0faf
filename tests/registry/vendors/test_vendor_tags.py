"""Lists of tags as vendors give them: too long for one answer, null, with things that are no tags."""

import pytest

from simulator import FLAGS, faults

ALL = sorted(set(FLAGS) - {"plain"})


def tags(proa, sim, *args):
    return proa.run("image", "tags", "--tls-verify", "--creds", sim.creds, *args,
                    f"{sim.host}/team/app")


@pytest.fixture
def served(start, image):
    def make(flag, names=("1",)):
        sim = start(flag)
        for name in names:
            sim.add("team/app", name, image)
        return sim
    return make


@pytest.mark.parametrize("flag", ALL)
def test_tags(trusting, served, flag):
    """Digests, nulls and rubbish are left out; the page is never larger than a vendor allows."""
    sim = served(flag, ("1", "latest", "v2.0-rc_1"))
    p = tags(trusting, sim)
    assert (p.returncode, p.stdout.split()) == (0, ["1", "latest", "v2.0-rc_1"]), p.stderr


def test_more_than_one_page(trusting, served):
    names = [f"t{i:04}" for i in range(2300)]
    sim = served("ecr", names[:1])
    repository = sim.store.get("team/app")
    repository.tags = dict.fromkeys(names, repository.tags["t0000"])
    p = tags(trusting, sim)
    assert (p.returncode, p.stdout.split()) == (0, names)
    assert len([e for e in sim.journal.seen("tags/list") if e.status == 200]) == 3


def test_null_for_no_tags(trusting, served):
    sim = served("odd")
    sim.store.get("team/app").tags.clear()
    p = tags(trusting, sim)
    assert (p.returncode, p.stdout) == (0, "")


@pytest.mark.parametrize("link, text", [
    ('<http://127.0.0.1:1/v2/team/app/tags/list?last=1>; rel="next"',
     "the next page of tags is at another server, 127.0.0.1"),
    ('<{base}/v2/team/app/tags/list?n=1>; rel="next"', "the pages of tags go in a circle"),
    ("nonsense", None),
])
def test_links_that_lead_nowhere(trusting, served, link, text):
    """To another origin, to the same page for ever, or no link at all."""
    sim = served("ghcr")
    sim.script.on("GET .*/tags/list", faults.header("Link", link.format(base=sim.registry.base)))
    p = tags(trusting, sim)
    assert len(sim.journal.seen("tags/list")) <= 3
    if text is None:
        assert (p.returncode, p.stdout) == (0, "1\n")
        return
    assert (p.returncode, p.stdout) == (1, "")
    assert p.stderr.endswith(f"{sim.host}: {text}\n")
