"""Devices of an image that nobody here can make: an export has them all the same."""
import io
import os
import tarfile

import images


def exported(user, scratch, name, layers):
    """The archive that export makes of a container with these layers."""
    path = images.docker_archive(os.path.join(scratch, f"{name}-{user.kind}.tar"), [f"{name}:1"],
                                 layers=layers, Cmd=["/x"])
    user.ok("load", "-i", path)
    user.ok("create", "--name", name, f"{name}:1")
    out = os.path.join(user.home, f"{name}.tar")
    user.ok("export", "-o", out, name)
    user.ok("rm", name)
    return out


def test_export_has_the_devices_of_the_image(user, scratch):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, kind, major, minor in (("node", tarfile.CHRTYPE, 1, 3),
                                         ("disk", tarfile.BLKTYPE, 8, 1)):
            info = tarfile.TarInfo(name)
            info.type, info.devmajor, info.devminor, info.mode = kind, major, minor, 0o640
            info.gid = 6
            tar.addfile(info)
        tar.addfile(tarfile.TarInfo("file"), io.BytesIO())
    with tarfile.open(exported(user, scratch, "devices", [out.getvalue()])) as tar:
        found = {m.name: (m.type, m.mode, m.uid, m.gid) for m in tar.getmembers()}
        assert (tar.getmember("node").devmajor, tar.getmember("node").devminor) == (1, 3)
    assert found["node"] == (tarfile.CHRTYPE, 0o640, 0, 6)
    assert found["disk"] == (tarfile.BLKTYPE, 0o640, 0, 6)
    assert found["file"][0] == tarfile.REGTYPE


def test_a_device_in_the_place_of_a_lower_file(user, scratch):
    lower, upper = io.BytesIO(), io.BytesIO()
    with tarfile.open(fileobj=lower, mode="w") as tar:
        info = tarfile.TarInfo("place")
        info.size = 6
        tar.addfile(info, io.BytesIO(b"hidden"))
    with tarfile.open(fileobj=upper, mode="w") as tar:
        info = tarfile.TarInfo("place")
        info.type, info.devmajor, info.devminor, info.mode = tarfile.CHRTYPE, 1, 5, 0o600
        tar.addfile(info)
    layers = [lower.getvalue(), upper.getvalue()]
    with tarfile.open(exported(user, scratch, "place", layers)) as tar:
        place = tar.getmember("place")
        assert (place.type, place.devmajor, place.devminor, place.mode) == (
            tarfile.CHRTYPE, 1, 5, 0o600)
