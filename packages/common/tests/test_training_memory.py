"""Freed memory stays with the process while it trains, and no longer."""

import json
import platform
import subprocess
import sys

import pytest

from maskreel.common.training import _memory

PROGRAM = """
import json, resource
import torch
from maskreel.common.training._memory import freed_memory_kept

def pages():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(4):
        torch.ones(2**24)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()

before = pages()
with freed_memory_kept():
    for _ in range(8):  # what was freed first may be a little too small for the next one
        pages()
    kept, held = pages(), resident()
print(json.dumps([before, kept, pages(), held, resident()]))
"""

glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")


@glibc
def test_large_tensors_cost_no_new_pages_in_the_block_and_are_given_back_after_it() -> None:
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    before, kept, after, held, left = json.loads(run.stdout)

    assert before > 2**24 * 4 // 2**21, "even of pages of 2 MB there is one for each part of a tensor"
    assert kept < before / 10
    assert after > before / 4
    assert held - left > 2**25, "half of a tensor's memory, at the least"


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.libc_ver", lambda: ("", ""))
    monkeypatch.setattr("ctypes.CDLL", lambda _name: pytest.fail("asked for glibc's functions"))
    with _memory.freed_memory_kept():
        pass
