"""The same pull as root, as a user with subordinate ids and as one without."""

import json
import os

import registry_images as images


def layer_dirs(user):
    return sorted(os.listdir(os.path.join(user.store, "layers")))


def owned_layer():
    """A file of root, one of 1000:100 with a set-id bit, one in a directory of 7:7."""
    return images.Layer(images.tar({
        "root": b"root\n",
        "theirs": (b"theirs\n", {"uid": 1000, "gid": 100, "mode": 0o4755}),
        "dir": (None, {"uid": 7, "gid": 7}),
        "dir/inside": (b"inside\n", {"uid": 7, "gid": 7}),
    }))


def test_pull_and_owners(user, plain_registry):
    image = images.Image([owned_layer(), images.Layer({"second": b"2\n"})])
    plain_registry.push("owners", "1", image)
    name = f"{plain_registry.host}/owners:1"
    out = user.ok("pull", name)
    assert out == (f"Digest: {image.digest}\n"
                   f"Status: Downloaded newer image for {name}\n{name}\n")
    out = user.ok("pull", name)
    assert f"Status: Image is up to date for {name}\n" in out

    key = {"root": "root", "nosub": "one"}.get(user.kind, "r")
    found = [d for d in layer_dirs(user)
             if d.startswith(image.layers[0].diff_id.split(":")[1] + "." + key)]
    assert len(found) == 1
    layer = os.path.join(user.store, "layers", found[0])
    status = os.lstat(os.path.join(layer, "fs", "theirs"))
    owners = {"root": (1000, 100), "nosub": (user.uid, user.gid)}
    if user.kind in owners:
        assert (status.st_uid, status.st_gid) == owners[user.kind]
    else:
        # Inside id N is subordinate id N - 1.
        base = status.st_uid - 999
        assert (status.st_uid, status.st_gid) == (base + 999, base + 99)
        assert base > 65535
    recorded = os.path.join(layer, "owners")
    if user.kind == "nosub":
        with open(recorded, encoding="ascii") as f:
            assert "1000 100 4755 f theirs\n" in f.read().splitlines(keepends=True)
    else:
        assert not os.path.exists(recorded)
    with open(os.path.join(layer, "meta.json"), encoding="utf-8") as f:
        meta = json.load(f)
    assert (meta["diffId"], meta["blob"], meta["entries"]) == (
        image.layers[0].diff_id, image.layers[0].digest, 4)
    assert user.leftovers() == []


def test_one_store_for_each_user(user, plain_registry):
    """Stores are private: nobody else can read what was pulled."""
    plain_registry.push("private-store", "1", images.Image([images.Layer({"a": b"a"})]))
    user.ok("pull", "-q", f"{plain_registry.host}/private-store:1")
    assert os.stat(user.store).st_mode & 0o777 == 0o700
    assert os.stat(user.store).st_uid == user.uid
