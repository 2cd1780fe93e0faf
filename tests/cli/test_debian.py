"""The main job on real input: a Debian image from a registry with TLS and a password, run as each
of the three users, with apt at work inside, and every owner, mode, time and attribute right."""
import os
import pathlib
import re
import subprocess
import tarfile

import pytest

import debian
import registry as servers
import tree


@pytest.fixture(scope="module")
def debian_registry(tmp_path_factory):
    """docker-registry with TLS and htpasswd that serves test/debian:12."""
    directory = tmp_path_factory.mktemp("debian")
    certificate = servers.Certificate(directory / "tls")
    server = servers.Registry(directory / "registry", certificate, "htpasswd")
    subprocess.run(["skopeo", "copy", "--quiet", "--dest-creds",
                    f"{servers.USER}:{servers.PASSWORD}", "--dest-cert-dir", certificate.dir,
                    f"oci:{debian.layout()}:debian", f"docker://{server.host}/test/debian:12"],
                   check=True)
    for path in (directory, *directory.parents):
        if path.owner() == "root" and str(path).startswith("/tmp/"):
            os.chmod(path, 0o755)
    yield server
    server.stop()


@pytest.fixture
def pulled(user, debian_registry):
    """(account, image name) with the image in the account's store."""
    name = f"{debian_registry.host}/test/debian:12"
    if user.proa("inspect", "--type", "image", name).returncode != 0:
        user.ok("pull", "-q", "--creds", f"{servers.USER}:{servers.PASSWORD}",
                "--cert-dir", _readable(user, debian_registry.certificate.dir), name, timeout=300)
    return user, name


def _readable(user, directory):
    """A copy of a directory that the account owns."""
    copy = pathlib.Path(user.home) / "certs"
    copy.mkdir(exist_ok=True)
    for source in pathlib.Path(directory).iterdir():
        (copy / source.name).write_bytes(source.read_bytes())
        os.chown(copy / source.name, user.uid, user.gid)
    os.chown(copy, user.uid, user.gid)
    return copy


def test_pull_needs_the_password(user, debian_registry):
    text = user.fails(1, "pull", "-q", "--cert-dir",
                      _readable(user, debian_registry.certificate.dir),
                      f"{debian_registry.host}/test/other:12")
    assert "unauthorized" in text.lower() or "authentication" in text.lower()
    assert servers.PASSWORD not in text


def test_runs(pulled):
    user, name = pulled
    assert user.ok("run", "--rm", name, "cat", "/etc/debian_version").startswith("12.")
    assert user.leftovers() == []


def test_apt_installs_and_runs_hello(pulled):
    user, name = pulled
    if user.kind == "nosub":
        # one id: apt cannot become its _apt user, and says so
        script = ("apt-get -o APT::Sandbox::User=root update -qq && "
                  "apt-get -o APT::Sandbox::User=root install -y -qq hello && hello")
    else:
        script = "apt-get update -qq && apt-get install -y -qq hello && hello"
    done = user.proa("run", "--rm", "--network", "host", name, "sh", "-c", script, timeout=900)
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-500:]
    assert done.stdout.endswith("Hello, world!\n")
    assert user.leftovers() == []


def test_user_options(pulled):
    user, name = pulled
    assert user.ok("run", "--rm", "-u", "1000", name, "id", "-u") == "1000\n"
    if user.kind != "nosub":
        assert user.ok("run", "--rm", "-u", "www-data", name, "id", "-un") == "www-data\n"


def layer_dir(user, name):
    """Directory of the image's only layer in the account's store."""
    diff_id = user.ok("inspect", "-f", "{{index .RootFS.Layers 0}}", name).strip()
    layers = os.path.join(user.store, "layers")
    (found,) = [d for d in os.listdir(layers) if d.startswith(diff_id.removeprefix("sha256:"))]
    return os.path.join(layers, found)


def tar_owners():
    """{path: (uid, gid, mode)} of every entry of the tar that went in, hard links aside."""
    with tarfile.open(debian.minbase_tar()) as tar:
        return {os.path.normpath(m.name): (m.uid, m.gid, m.mode & 0o7777)
                for m in tar if not m.islnk()}


def test_recorded_owners_equal_the_tar(people, debian_registry):
    """With a single map everything on disk is the caller's; the record has the true owners."""
    user, name = people["nosub"], f"{debian_registry.host}/test/debian:12"
    directory = layer_dir(user, name)
    recorded = {}
    with open(os.path.join(directory, "owners"), encoding="ascii") as f:
        for line in f:
            fields = line.split()
            path = re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), fields[-1])
            recorded[path] = (int(fields[0]), int(fields[1]), int(fields[2], 8))
    for path, (uid, gid, mode) in tar_owners().items():
        on_disk = os.path.join(directory, "fs", path)
        if path in recorded:
            assert recorded[path] == (uid, gid, mode), path
        else:
            st = os.lstat(on_disk)
            assert (uid, gid) == (0, 0), path
            assert st.st_mode & 0o7777 == mode or os.path.islink(on_disk), path
            assert (st.st_uid, st.st_gid) == (user.uid, user.gid), path


@pytest.mark.parametrize("user", ["root", "sub"], indirect=True)
def test_every_attribute_equals_the_tar(pulled, scratch):
    """Owners, modes, times, links and xattrs against umoci's unpack of the same layer."""
    user, name = pulled
    expected = os.path.join(scratch, "umoci-debian")
    if not os.path.exists(expected):
        subprocess.run(["umoci", "unpack", "--image", f"{debian.layout()}:debian", expected],
                       check=True, capture_output=True)
    got = tree.listing(os.path.join(layer_dir(user, name), "fs"),
                       tree.id_map(user.uid, user.kind == "sub"), devices=user.kind == "root")
    want = tree.listing(os.path.join(expected, "rootfs"), devices=user.kind == "root")
    assert tree.difference(got, want) == []
