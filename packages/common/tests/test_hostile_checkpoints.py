"""Checkpoints that would run code, lead elsewhere, or ask for memory that they bring no values for."""

from __future__ import annotations

import json
import os
import pickle
import struct
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import nn

from maskreel.common.array_file import open_npy, read_npz
from maskreel.common.errors import InputError
from maskreel.common.weights import (
    build_described,
    check_expectations,
    load_checkpoint,
    load_state_dict,
    read_metadata,
)

if TYPE_CHECKING:
    from pathlib import Path


class Bomb:
    """Makes a folder when it is unpickled by Python's own pickle."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder),)


class Memory:
    """Makes two gigabytes of zeros when PyTorch's weights-only reader reads it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return bytearray, (2 * 10**9,)


def test_the_bomb_works_where_nothing_keeps_it_from_it(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Bomb(tmp_path / "made")))
    assert (tmp_path / "made").is_dir()


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("protocol", [2, 4])
def test_pickle_bombs(tmp_path: Path, old: bool, protocol: int) -> None:
    for name in ("a.pth", "a.pt", "a.ckpt", "a.tar"):
        path = tmp_path / name
        torch.save(
            {"w": torch.zeros(2), "x": Bomb(tmp_path / "made")},
            path,
            pickle_protocol=protocol,
            _use_new_zipfile_serialization=not old,
        )
        with pytest.raises(InputError, match=rf"{name} is (refused: it asks for \w+\.mkdir|not a readable)"):
            load_state_dict(path)
    (tmp_path / "b.pth").write_bytes(pickle.dumps(Bomb(tmp_path / "made")))
    with pytest.raises(InputError, match=r"b\.pth is (refused|not a readable PyTorch checkpoint)"):
        load_checkpoint(tmp_path / "b.pth")
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("old", [False, True])
def test_pickles_that_ask_for_memory_alone(tmp_path: Path, old: bool) -> None:
    path = tmp_path / "a.pth"
    torch.save({"w": Memory()}, path, _use_new_zipfile_serialization=not old)
    with pytest.raises(InputError, match=r"a\.pth is refused: it asks for (builtins|__builtin__)\.bytearray"):
        load_checkpoint(path)


def test_few_values_repeated_to_any_size(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    torch.save({"w": torch.zeros(1).expand(10**6, 10**6)}, path)
    with pytest.raises(InputError, match=r"a\.pth is refused: it tells of tensors of 4000000000000 bytes"):
        load_state_dict(path)


def test_shared_values_are_allowed(tmp_path: Path) -> None:
    shared = torch.randn(300)
    torch.save({"a": shared, "b": shared.reshape(10, 30)}, tmp_path / "a.pth")
    assert load_state_dict(tmp_path / "a.pth")["b"].shape == (10, 30)


def repacked(source: Path, target: Path, *, name: str = "", packed: bool = False) -> None:
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for entry in old.namelist():
            new.writestr(entry, old.read(entry), zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED)
        if name:
            new.writestr(name, b"x")


def test_archives_that_lead_elsewhere_or_unpack_to_more(tmp_path: Path) -> None:
    whole, bad = tmp_path / "a.pth", tmp_path / "b.pth"
    torch.save({"w": torch.zeros(1_000_000)}, whole)
    for name in ("../../evil", "a/../../evil", "/etc/evil", "a\\..\\evil"):
        repacked(whole, bad, name=name)
        with pytest.raises(InputError, match=r"b\.pth is refused: an entry of the archive leads out of it"):
            load_state_dict(bad)
    repacked(whole, bad, packed=True)
    with pytest.raises(InputError, match=r"b\.pth is refused: an entry of the archive is packed, \d+ bytes in"):
        load_state_dict(bad)
    bad.write_bytes(whole.read_bytes()[:-30])
    with pytest.raises(InputError, match=r"b\.pth is not a readable PyTorch checkpoint"):
        load_state_dict(bad)


def safetensors(path: Path, header: bytes, *, length: int | None = None, body: bytes = b"") -> Path:
    path.write_bytes(struct.pack("<Q", len(header) if length is None else length) + header + body)
    return path


@pytest.mark.parametrize(
    ("header", "length"),
    [
        (b"{}", 2**63),
        (b"{}", 10**9),
        (b"[" * 100_000, None),
        (b'{"w":{"dtype":"F32","shape":[1000000,1000000],"data_offsets":[0,4]}}', None),
        (b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,400000000000]}}', None),
        (b'{"w":{"dtype":"F4","shape":[1],"data_offsets":[0,4]}}', None),
        (b'{"w":{"dtype":"F32","shape":[18446744073709551615,2],"data_offsets":[0,4]}}', None),
    ],
)
def test_safetensors_with_lying_headers(tmp_path: Path, header: bytes, length: int | None) -> None:
    path = safetensors(tmp_path / "a.safetensors", header, length=length, body=bytes(4))
    for read in (load_state_dict, read_metadata):
        with pytest.raises(InputError, match=r"a\.safetensors is not a readable safetensors file"):
            read(path)


def test_metadata_that_is_no_json_is_another_expectation(tmp_path: Path) -> None:
    header = json.dumps({"__metadata__": {"kind": "[" * 100_000}}).encode()
    path = safetensors(tmp_path / "a.safetensors", header)
    with pytest.raises(InputError, match=r"a\.safetensors was saved for kind .*, expected \"x\""):
        check_expectations(path, {"kind": "x"})


@dataclass(frozen=True)
class Sizes:
    width: int = 4
    layers: int = 1


def network(sizes: Sizes) -> nn.Module:
    return nn.Sequential(*(nn.Linear(sizes.width, sizes.width) for _ in range(sizes.layers)))


def test_networks_are_not_built_larger_than_their_weights() -> None:
    state = network(Sizes()).state_dict()
    assert build_described(network, Sizes(), state, source="a")[0].weight.shape == (4, 4)  # type: ignore[index]
    for sizes, fault in (
        (Sizes(width=10**9), "a tells of a network with the size 1000000000, at most 4096"),
        (Sizes(width=4096), "a does not tell of a network that can be built: it is larger than its weights, in values"),
        (Sizes(width=1, layers=4096), "larger than its weights, in layers"),
        (Sizes(width="x"), "a does not tell of a network that can be built"),  # type: ignore[arg-type]
    ):
        with pytest.raises(InputError, match=fault):
            build_described(network, sizes, state, source="a")
    assert network(Sizes(width=8, layers=2))  # nothing is counted any more


def test_arrays_of_objects_are_never_unpickled(tmp_path: Path) -> None:
    bombs = np.array([Bomb(tmp_path / "made")], dtype=object)
    np.save(tmp_path / "a.npy", bombs, allow_pickle=True)
    np.savez(tmp_path / "a.npz", a=bombs)
    with pytest.raises(InputError, match=r"a\.npy cannot be read as an \.npy array: it holds Python objects"):
        open_npy(tmp_path / "a.npy")
    with pytest.raises(InputError, match=r"a\.npz cannot be read as an \.npz archive of arrays: it holds Python obj"):
        read_npz(tmp_path / "a.npz")
    assert not (tmp_path / "made").exists()


def npy(shape: str, dtype: str = "<f4") -> bytes:
    header = f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header


@pytest.mark.parametrize(
    "head",
    [
        npy("(1000000, 1000000)"),
        npy("(-1, 5)"),
        npy("(9223372036854775807, 9223372036854775807)"),
        npy("(1,)", "V2147483647"),
        npy("__import__('os').mkdir('made')"),
        npy("(" * 5000),
        b"\x93NUMPY\x09\x09" + bytes(100),
        b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + bytes(100),
        b"\x93NU",
        b"",
    ],
)
def test_headers_of_arrays_that_lie(tmp_path: Path, head: bytes) -> None:
    (tmp_path / "a.npy").write_bytes(head + bytes(16))
    with pytest.raises(InputError, match=r"a\.npy cannot be read as an \.npy array: "):
        open_npy(tmp_path / "a.npy")
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", head + bytes(16))
    with pytest.raises(InputError, match=r"a\.npz cannot be read as an \.npz archive of arrays: "):
        read_npz(tmp_path / "a.npz")


def test_archives_of_arrays(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", a=np.arange(6).reshape(2, 3), text=np.array("word"))
    found = read_npz(tmp_path / "a.npz")
    assert found["a"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert str(found["text"]) == "word"
    with pytest.raises(InputError, match=r"a\.npz is an archive of arrays, expected one \.npy array"):
        open_npy(tmp_path / "a.npz")
    with pytest.raises(InputError, match=r"b\.npz does not exist"):
        read_npz(tmp_path / "b.npz")
    with zipfile.ZipFile(tmp_path / "b.npz", "w") as archive:
        archive.writestr("../evil.txt", "x")
    with pytest.raises(InputError, match=r"b\.npz cannot be read .* is no array"):
        read_npz(tmp_path / "b.npz")


def test_empty_arrays_and_plain_ones(tmp_path: Path) -> None:
    for array in (np.empty((0, 3), np.uint8), np.arange(6.0).reshape(2, 3), np.asfortranarray(np.eye(3))):
        np.save(tmp_path / "a.npy", array)
        assert np.array_equal(open_npy(tmp_path / "a.npy"), array)
