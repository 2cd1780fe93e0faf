"""Devices of an image that nobody here can make: an export has them all the same."""
import io
import os
import tarfile

import images


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
    path = images.docker_archive(os.path.join(scratch, f"devices-{user.kind}.tar"), ["devices:1"],
                                 layers=[out.getvalue()], Cmd=["/x"])
    user.ok("load", "-i", path)
    user.ok("create", "--name", "devices", "devices:1")
    exported = os.path.join(user.home, "exported.tar")
    user.ok("export", "-o", exported, "devices")
    user.ok("rm", "devices")
    with tarfile.open(exported) as tar:
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
    path = images.docker_archive(os.path.join(scratch, f"devices2-{user.kind}.tar"),
                                 ["devices:2"], layers=[lower.getvalue(), upper.getvalue()],
                                 Cmd=["/x"])
    user.ok("load", "-i", path)
    user.ok("create", "--name", "devices2", "devices:2")
    exported = os.path.join(user.home, "exported2.tar")
    user.ok("export", "-o", exported, "devices2")
    user.ok("rm", "devices2")
    with tarfile.open(exported) as tar:
        place = tar.getmember("place")
        assert (place.type, place.devmajor, place.devminor, place.mode) == (
            tarfile.CHRTYPE, 1, 5, 0o600)
