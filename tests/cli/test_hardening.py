"""What an attacker meets before the first line of main: the shape of the static file.

PROA names the program under test (default: build/proa). A dynamic build is shaped by its
distribution, so there is nothing to assert about it here.
"""

import contextlib
import os
import pathlib
import resource
import struct
import subprocess
import time

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
PROA = pathlib.Path(os.environ.get("PROA", TOP / "build" / "proa")).absolute()

SIZE_MAX = 4 << 20
RELOCATED_MAX = 80
FAULTS_MAX = 40

ET_DYN = 3
PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_GNU_STACK, PT_GNU_RELRO = 1, 2, 3, 0x6474E551, 0x6474E552
PF_X, PF_W = 1, 2
DT_NEEDED, DT_RELA, DT_RELASZ, DT_TEXTREL, DT_FLAGS, DT_FLAGS_1 = 1, 7, 8, 22, 30, 0x6FFFFFFB
DF_TEXTREL, DF_BIND_NOW, DF_1_NOW, DF_1_PIE = 0x4, 0x8, 0x1, 0x08000000
RELATIVE = {62: 8, 183: 1027}  # e_machine: its R_*_RELATIVE


class Elf:
    """As much of a 64-bit little-endian ELF file as the kernel reads."""

    def __init__(self, path):
        self.bytes = path.read_bytes()
        assert self.bytes[:6] == b"\x7fELF\x02\x01"
        self.type, self.machine = struct.unpack_from("<HH", self.bytes, 16)
        phoff, shoff = struct.unpack_from("<QQ", self.bytes, 32)
        phentsize, phnum, shentsize, shnum = struct.unpack_from("<4H", self.bytes, 54)
        keys = ("type", "flags", "offset", "vaddr", "paddr", "filesz", "memsz", "align")
        self.segments = [
            dict(zip(keys, struct.unpack_from("<IIQQQQQQ", self.bytes, phoff + i * phentsize)))
            for i in range(phnum)
        ]
        self.section_types = [
            struct.unpack_from("<I", self.bytes, shoff + i * shentsize + 4)[0] for i in range(shnum)
        ]
        self.dynamic = {}
        for segment in self.find(PT_DYNAMIC):
            for at in range(segment["offset"], segment["offset"] + segment["filesz"], 16):
                tag, value = struct.unpack_from("<QQ", self.bytes, at)
                self.dynamic.setdefault(tag, value)

    def find(self, kind):
        return [segment for segment in self.segments if segment["type"] == kind]

    def offset_of(self, vaddr):
        for s in self.find(PT_LOAD):
            if s["vaddr"] <= vaddr < s["vaddr"] + s["filesz"]:
                return vaddr - s["vaddr"] + s["offset"]
        raise AssertionError(f"{vaddr:#x} is in no segment")


@pytest.fixture(scope="module", name="elf")
def fixture_elf():
    elf = Elf(PROA)
    if elf.find(PT_INTERP) or DT_NEEDED in elf.dynamic:
        pytest.skip("PROA is a dynamic build: its shape is the distribution's")
    return elf


def test_is_static_pie(elf):
    assert elf.type == ET_DYN
    assert elf.dynamic[DT_FLAGS_1] & DF_1_PIE


def test_relocations_need_no_loader(elf):
    """The start file applies RELR and RELATIVE entries; any other would be left undone."""
    count = elf.dynamic.get(DT_RELASZ, 0) // 24
    at = elf.offset_of(elf.dynamic[DT_RELA]) if count else 0
    infos = [struct.unpack_from("<Q", elf.bytes, at + 24 * i + 8)[0] for i in range(count)]
    kinds = {info & 0xFFFFFFFF for info in infos}
    assert kinds <= {RELATIVE[elf.machine]}


def test_full_relro(elf):
    assert len(elf.find(PT_GNU_RELRO)) == 1
    assert elf.dynamic.get(DT_FLAGS, 0) & DF_BIND_NOW
    assert elf.dynamic[DT_FLAGS_1] & DF_1_NOW


def test_relro_is_applied_at_run_time(elf, tmp_path):
    """A static-pie has no loader that would write-protect it: look at the pages themselves."""
    relro = elf.find(PT_GNU_RELRO)[0]
    writable = [s for s in elf.find(PT_LOAD) if s["flags"] & PF_W][0]
    assert writable["vaddr"] <= relro["vaddr"]

    maps = maps_when_blocked([str(PROA), "version"])
    own = [line.split() for line in maps if line.rstrip().endswith(str(PROA))]
    base = min(int(fields[0].split("-")[0], 16) for fields in own)
    page = resource.getpagesize()
    first = (base + relro["vaddr"]) // page * page
    last = (base + relro["vaddr"] + relro["memsz"]) // page * page - page
    assert first <= last
    for address in (first, last):
        modes = [f[1] for f in own if inside(address, f[0])]
        assert modes == ["r--p"], hex(address - base)


def inside(address, extent):
    start, end = (int(part, 16) for part in extent.split("-"))
    return start <= address < end


def maps_when_blocked(argv):
    """The lines of /proc/PID/maps while argv sits in a write to a pipe that is full."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"x" * resource.getpagesize())
    os.set_blocking(writer, True)
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=writer) as child:
        try:
            deadline = time.monotonic() + 30
            while state(child.pid) != "S":
                assert time.monotonic() < deadline, f"{argv} never came to its write"
                time.sleep(0.01)
            return pathlib.Path(f"/proc/{child.pid}/maps").read_text().splitlines()
        finally:
            child.kill()
            os.close(writer)
            os.close(reader)


def state(pid):
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_stack_is_not_executable(elf):
    stack = elf.find(PT_GNU_STACK)
    assert len(stack) == 1
    assert not stack[0]["flags"] & PF_X


def test_no_segment_is_writable_and_executable(elf):
    assert [s for s in elf.find(PT_LOAD) if s["flags"] & PF_W and s["flags"] & PF_X] == []


def test_no_text_relocations(elf):
    assert DT_TEXTREL not in elf.dynamic
    assert not elf.dynamic.get(DT_FLAGS, 0) & DF_TEXTREL


def test_is_stripped_and_small(elf):
    sht_symtab = 2
    assert sht_symtab not in elf.section_types
    assert len(elf.bytes) <= SIZE_MAX


def test_few_pages_are_relocated(elf):
    """Each is copied at each start: tables of pointers are what this counts."""
    assert relocated_pages(elf) <= RELOCATED_MAX


def test_start_takes_few_faults(elf):
    """Relocation takes its own in one call (Linux 5.14); the kernel still counts them one by one."""
    faults = []
    null = os.open(os.devnull, os.O_RDWR)
    for _ in range(3):
        pid = os.posix_spawn(PROA, [str(PROA), "version"], os.environ,
                             file_actions=[(os.POSIX_SPAWN_DUP2, null, 1)])
        _, status, usage = os.wait4(pid, 0)
        assert status == 0
        faults.append(usage.ru_minflt)
    os.close(null)
    assert min(faults) - relocated_pages(elf) <= FAULTS_MAX


def relocated_pages(elf):
    page = resource.getpagesize()
    return sum(
        (s["vaddr"] + s["filesz"] + page - 1) // page - s["vaddr"] // page
        for s in elf.find(PT_LOAD) if s["flags"] & PF_W
    )
