"""policy.json: accept and reject are honoured, signatures that cannot be checked refuse."""

import json

import pytest

ACCEPT = [{"type": "insecureAcceptAnything"}]
REJECT = [{"type": "reject"}]
SIGNED = [{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/etc/key.gpg"}]
SIGSTORE = [{"type": "sigstoreSigned", "keyPath": "/etc/key.pub"}]


@pytest.fixture
def policy(proa):
    path = proa.home / ".config" / "containers" / "policy.json"

    def write(document):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        return path

    return write


@pytest.fixture
def name(faulty, image):
    faulty.add("team/app", "1", image)
    return f"{faulty.host}/team/app:1"


def test_accepted(proa, policy, name):
    policy({"default": ACCEPT})
    assert proa.pull(name).returncode == 0


def test_rejected_before_anything_is_asked(proa, policy, name, faulty):
    path = policy({"default": REJECT})
    p = proa.pull(name)
    assert (p.returncode, p.stdout) == (1, "")
    assert p.stderr.splitlines()[-2:] == [
        f"proa: pull: image {name}: rejected by policy", f"hint: {path} says so for {name}"]
    assert faulty.requests == []


@pytest.mark.parametrize("scope, status", [
    ("{host}/team/app:1", 0), ("{host}/team/app", 0), ("{host}/team", 0), ("{host}", 0),
    ("", 0), ("{host}/team/ap", 1), ("{host}/team/app:2", 1), ("*.0.0.1", 0)])
def test_scopes(proa, policy, name, faulty, scope, status):
    policy({"default": REJECT,
            "transports": {"docker": {scope.format(host=faulty.host): ACCEPT}}})
    assert proa.pull(name).returncode == status


@pytest.mark.parametrize("requirement, text", [
    (SIGNED, "the policy wants a GPG signature (signedBy), which cannot be verified here"),
    (SIGSTORE,
     "the policy wants a sigstore signature (sigstoreSigned), which cannot be verified here"),
    (ACCEPT + SIGSTORE,
     "the policy wants a sigstore signature (sigstoreSigned), which cannot be verified here")])
def test_signatures_are_never_ignored(proa, policy, name, faulty, requirement, text):
    policy({"default": ACCEPT, "transports": {"docker": {faulty.host: requirement}}})
    p = proa.pull(name)
    assert (p.returncode, p.stdout) == (1, "")
    assert p.stderr.splitlines()[-2] == f"proa: pull: image {name}: {text}"
    assert faulty.requests == [] and proa.references() == []


@pytest.mark.parametrize("document, text", [
    ("{", "invalid JSON at byte 1: key wanted"),
    ({}, '"default": a list of at least one requirement is wanted'),
    ({"default": [{"type": "perhaps"}]},
     '"default": unknown type of requirement "perhaps"')])
def test_broken_policy_accepts_nothing(proa, policy, name, document, text):
    path = policy(document)
    p = proa.pull(name)
    assert (p.returncode, p.stdout) == (1, "")
    assert p.stderr.splitlines()[-1] == f"proa: pull: image {name}: {path}: {text}"


def test_image_that_is_here_already_is_judged_too(proa, policy, name):
    assert proa.pull(name).returncode == 0
    policy({"default": REJECT})
    assert proa.pull(name).returncode == 1


def test_the_typed_name_counts_not_the_mirrors(proa, policy, name, faulty, image):
    conf = proa.home / ".config" / "containers" / "registries.conf"
    policy({"default": REJECT, "transports": {"docker": {"example.com": ACCEPT}}})
    conf.write_text(f'[[registry]]\nprefix = "example.com"\nlocation = "{faulty.host}/team"\n')
    assert proa.pull("example.com/app:1").returncode == 0
    assert proa.pull(name).returncode == 1


# --- archives ---

@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """What docker save writes, in the smallest form."""
    import hashlib
    import io
    import tarfile

    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as t:
        t.addfile(tarfile.TarInfo("file"))
    digest = hashlib.sha256(layer.getvalue()).hexdigest()
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {
        "type": "layers", "diff_ids": [f"sha256:{digest}"]}}).encode()
    name = hashlib.sha256(config).hexdigest()
    manifest = json.dumps([{"Config": f"{name}.json", "RepoTags": ["app:1"],
                            "Layers": ["l/layer.tar"]}]).encode()
    path = tmp_path_factory.mktemp("archive") / "app.tar"
    with tarfile.open(path, "w") as t:
        for member, data in ((f"{name}.json", config), ("l/layer.tar", layer.getvalue()),
                             ("manifest.json", manifest)):
            info = tarfile.TarInfo(member)
            info.size = len(data)
            t.addfile(info, io.BytesIO(data))
    return path


@pytest.mark.parametrize("transports, status", [
    ({}, 1), ({"docker-archive": {"": ACCEPT}}, 0), ({"oci-archive": {"": ACCEPT}}, 1),
    ({"docker": {"": ACCEPT}}, 1), ({"docker-archive": {"": SIGNED}}, 1)])
def test_load(proa, policy, archive, transports, status):
    policy({"default": REJECT, "transports": transports})
    p = proa.run("load", "-i", archive)
    assert p.returncode == status, p.stderr
    assert (len(proa.references()) > 0) == (status == 0)


def test_load_of_a_path_that_is_accepted(proa, policy, archive):
    policy({"default": REJECT,
            "transports": {"docker-archive": {str(archive.resolve().parent): ACCEPT}}})
    assert proa.run("load", "-i", archive).returncode == 0


def test_load_of_a_rejected_archive_says_so(proa, policy, archive):
    path = policy({"default": REJECT})
    p = proa.run("load", "-i", archive)
    assert (p.returncode, p.stdout) == (1, "")
    assert p.stderr.splitlines()[-2:] == [
        "proa: load: rejected by policy", f"hint: {path} says so for {archive.resolve()}"]
