"""TorchScript files that would crash PyTorch, fill memory, or reach for files past the search for words."""

from __future__ import annotations

import pickletools
import time
import zipfile
from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from maskreel.common.errors import InputError
from maskreel.common.weights import load_script
from maskreel.common.weights._script_pickle import extent
from maskreel.common.weights._script_text import check_nesting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit", "ignore:Duplicate name")
DAMAGED = r"bad\.pt is a TorchScript file that cannot be read; it may be damaged$"


class Network(nn.Module):
    """Its text has `torch.ones`, in the place of which the tests write other things."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(3, 200)
        self.lists = {"a": [1, 2]}
        self.register_buffer("wide", torch.zeros(40).expand(30, 40))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.inner(image) + torch.ones([1])


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("script") / "net.pt"
    torch.jit.save(torch.jit.script(Network()), path)
    return path


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    return tmp_path / "bad.pt"


def changed(whole: Path, bad: Path, change: Callable[[str, bytes], Iterator[tuple[str, bytes]]]) -> Path:
    """The archive once more, with what `change` makes of each entry."""
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(bad, "w") as new:
        for name in old.namelist():
            for entry in change(name, old.read(name)):
                new.writestr(*entry)
    return bad


def script(whole: Path, bad: Path, old: str, new: str) -> Path:
    """Another text."""

    def change(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
        here = name.endswith(".py") and old.encode() in content
        yield name, content.replace(old.encode(), new.encode()) if here else content

    return changed(whole, bad, change)


def pickled(whole: Path, bad: Path, old: bytes, new: bytes) -> Path:
    """Another pickle of all values."""

    def change(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
        here = name.endswith("/data.pkl")
        assert not here or old in content
        yield name, content.replace(old, new, 1) if here else content

    return changed(whole, bad, change)


def test_the_same_archive_is_read(whole: Path, bad: Path) -> None:
    assert load_script(pickled(whole, bad, b"", b""))(torch.zeros(3)).shape == (200,)


@pytest.mark.parametrize(
    "text",
    [
        'torch.from_file ("/etc/hostname")',
        'torch.from_file # (\n ("/etc/hostname")',
        'torch.from_file \\\n ("/etc/hostname")',
        'torch. from_file("/etc/hostname")',
        'torch.\\\nfrom_file("/etc/hostname")',
        'ops . aten . from_file("/etc/hostname")',
        "[torch.from_file][0]",
        "torch.save",
    ],
)
def test_words_that_are_written_apart_or_given_another_name(whole: Path, bad: Path, text: str) -> None:
    with pytest.raises(InputError, match=r"bad\.pt is refused: its script uses '(from_file|save)', which reaches"):
        load_script(script(whole, bad, "torch.ones([1])", text))


def test_a_script_under_a_name_in_upper_case(whole: Path, bad: Path) -> None:
    """PyTorch finds it."""

    def change(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
        here = name.endswith(".py")
        yield (
            name.upper() if here else name,
            content.replace(b"torch.ones([1])", b'torch.from_file("x")') if here else content,
        )

    with pytest.raises(InputError, match="its script uses 'from_file'"):
        load_script(changed(whole, bad, change))


@pytest.mark.parametrize("other", [str, str.upper])
def test_two_scripts_of_one_name(whole: Path, bad: Path, other: Callable[[str], str]) -> None:
    """PyTorch reads another one than Python."""

    def change(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
        yield name, content
        if name.endswith(".py"):
            yield other(name), content

    with pytest.raises(InputError, match="is refused: an entry of the archive stands twice by the name"):
        load_script(changed(whole, bad, change))


def test_values_of_another_folder_are_not_those_that_are_looked_at(whole: Path, bad: Path) -> None:
    """PyTorch goes by the folder of the first entry, whose pickle is bad here."""

    def change(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
        yield name, content[:-40] if name.endswith("/data/0") else content
        yield f"other/{name.partition('/')[2]}", content

    with pytest.raises(InputError, match=DAMAGED):
        load_script(changed(whole, bad, change))


def test_the_first_format_of_all(whole: Path, bad: Path) -> None:
    """It names the files of its script as it likes."""

    def change(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
        yield name, content
        if name.endswith("/version"):
            yield name.replace("version", "MODEL.json"), b"{}"

    with pytest.raises(InputError, match=r"bad\.pt is not a TorchScript file"):
        load_script(changed(whole, bad, change))


@pytest.mark.parametrize("entry", ["/data/0", "/data/1"])
def test_fewer_values_than_a_tensor_has(whole: Path, bad: Path, entry: str) -> None:
    def change(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
        yield name, content[:-1] if name.endswith(entry) else content

    with pytest.raises(InputError, match=DAMAGED):
        load_script(changed(whole, bad, change))


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"K\xc8K\x03t", b"J\xff\xff\xff\x7fK\x03t", "a tensor beyond its values"),
        (b"K\xc8K\x03t", b"J\xff\xff\xff\xffK\x03t", "a tensor of impossible size"),
        (b"K\x03K\x01t", b"NK\x01t", "a tensor of impossible size"),
        (b"K\x03K\x01t", b"K\xffK\x01t", "a tensor beyond its values"),
        (b"K\xc8K\x03t", b"K\xc8t", "a tensor without values"),
        (b"FloatStorage", b"DoubleStorage", "fewer values than it tells of"),
        (b"FloatStorage", b"StrangeStorage", "it asks for torch StrangeStorage"),
        (b"_rebuild_tensor_v2", b"_rebuild_sparse_tensor", "it asks for torch._utils _rebuild_sparse_tensor"),
        (b"ctorch._utils\n_rebuild_tensor_v2\n", b"K\x00", "no function"),  # by its number
        (b"q\x00", b"r\xff\xff\xff\xff", "a value noted as number 4294967295"),
        (b"\x88", b"\x88" + b"\x85" * 300, "values in values without end"),
        (b"]", b"]q\x04h\x04", "what is noted is complete, or it could hold itself"),
        (b"]", b")", "only lists and dicts are filled"),
        (b"\x80\x02", b"\x80\x03", "a pickle of another version"),
        (b"\x86", b"2\x86", "a pickle that PyTorch does not write"),
        (b"Dict[str, List[int]]", b"[[" * 60, "too many brackets in each other"),
    ],
)
def test_pickles_that_pytorch_does_not_write(whole: Path, bad: Path, old: bytes, new: bytes, reason: str) -> None:
    if b"Dict" in old:
        new = b"D" + new  # of another length
        old, new = (len(old).to_bytes(4, "little") + old, len(new).to_bytes(4, "little") + new)
    with pytest.raises(InputError, match=DAMAGED) as refusal:
        load_script(pickled(whole, bad, old, new))
    assert reason in str(refusal.value.__cause__)


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        (b"}(K\x01u.", "a key without a value"),
        (b"}K\x01s.", "a pickle that PyTorch does not write"),
        (b"\x85.", "too few values"),
        (b"K\x01K\x01(\x86t.", "a mark behind all values"),
        (b"K\x01K\x01\x81.", "an object of no class"),
        (b"K\x01Q.", "a pickle that PyTorch does not write"),
        (b"t.", "a pickle that PyTorch does not write"),
        (b"h\x00.", "a pickle that PyTorch does not write"),
        (b"))", "pickle exhausted before seeing STOP"),
        (b")).", "a pickle of 2 values"),
    ],
)
def test_steps_that_make_no_sense(steps: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        extent(b"\x80\x02" + steps, {}.get)


def test_where_the_script_comes_from_is_left_out(whole: Path, bad: Path) -> None:
    """PyTorch looks for it when the network fails, at any place that the file names."""

    def change(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
        yield name, content.replace(b"K\x01", b"K\xff") if name.endswith(".debug_pkl") else content

    network = load_script(changed(whole, bad, change))
    with pytest.raises(RuntimeError, match="mat1 and mat2 shapes cannot be multiplied"):
        network(torch.zeros(1, 4))


def test_damaged_weights_are_noticed(whole: Path, bad: Path) -> None:
    with zipfile.ZipFile(whole) as archive:
        weights = archive.read(f"{whole.stem}/data/0")
    bad.write_bytes(whole.read_bytes().replace(weights, weights[:-1] + bytes([weights[-1] ^ 1])))
    with pytest.raises(InputError, match=DAMAGED):
        load_script(bad)


def test_values_that_only_the_directory_has(whole: Path, bad: Path) -> None:
    """Python 3.11 reads nothing then, and says nothing."""
    content = bytearray(whole.read_bytes())
    place = content.rindex(b"net/data/0") - 46
    assert content[place : place + 4] == b"PK\x01\x02"
    content[place + 16 : place + 24] = bytes(8)  # its checksum, and how long it is when packed
    bad.write_bytes(content)
    with pytest.raises(InputError, match=DAMAGED):
        load_script(bad)


def test_entries_that_share_their_bytes(whole: Path, bad: Path) -> None:
    """Many names for the same bytes would take more memory than the file; the sizes are told here by the directory."""
    count = (16 << 20) // whole.stat().st_size

    def change(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
        yield name, content
        if name.endswith("/version"):
            yield from ((name.replace("version", f"extra/{index}"), b"") for index in range(count))

    content = bytearray(changed(whole, bad, change).read_bytes())
    place = content.find(b"PK\x01\x02")
    while place >= 0:
        if b"/extra/" in content[place + 46 : place + 80]:
            content[place + 20 : place + 28] = len(content).to_bytes(4, "little") * 2
        place = content.find(b"PK\x01\x02", place + 1)
    bad.write_bytes(content)
    with pytest.raises(InputError, match=DAMAGED) as refusal:
        load_script(bad)
    assert "entries that share their bytes" in str(refusal.value.__cause__)


def test_what_is_shared_and_shared_again_doubles() -> None:
    doubled = b"".join(b"q" + bytes([note]) + b"h" + bytes([note]) + b"\x86" for note in range(100))
    assert extent(b"\x80\x02)" + doubled[: 5 * 20] + b".", {}.get) == 0
    with pytest.raises(ValueError, match="values in values without end"):
        extent(b"\x80\x02)" + doubled + b".", {}.get)


def test_pickles_without_end() -> None:
    with pytest.raises(ValueError, match="a pickle without end"):
        extent(b"\x80\x02" + b"N" * 3_000_000 + b".", {}.get)


def test_few_values_repeated_to_any_size(whole: Path, bad: Path) -> None:
    assert load_script(whole).state_dict()["wide"].shape == (30, 40), "a little of it is allowed"
    path = pickled(whole, bad, b"K\x1eK(t", b"J\x00\x00\x00\x7fK(t")
    with pytest.raises(InputError, match=r"bad\.pt is refused: it tells of tensors of \d{12} bytes, more than it has"):
        load_script(path)


@pytest.mark.parametrize(
    "text",
    ["(" * 30_000 + "1" + ")" * 30_000, "-" * 30_000 + "1", "1" + " + 1" * 30_000, "not " * 30_000 + "True",
     "[[1]]" + "[0]" * 100_000, "self" + ".a" * 100_000, "1 if True else " * 30_000 + "1"],
)  # fmt: skip
def test_terms_that_pytorch_would_descend_into_without_end(whole: Path, bad: Path, text: str) -> None:
    with pytest.raises(InputError, match=DAMAGED):
        load_script(script(whole, bad, "torch.ones([1])", text))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("if a:\n  x = 1\n" + "elif a:\n  x = 1\n" * 600, "branches"),
        ("".join("  " * depth + "if a:\n" for depth in range(200)), "blocks"),
        ("a = " + "[" * 200, "brackets"),
        ("a = f(1, " + "1 + " * 600 + "2)", "operators"),
    ],
)
def test_what_is_too_deep(text: str, what: str) -> None:
    with pytest.raises(ValueError, match=f"too many {what} in each other"):
        check_nesting(text)


def test_what_is_long_but_not_deep() -> None:
    check_nesting("x = 1 + 2\n" * 1000)
    check_nesting("a = [" + "(1, -2), " * 1000 + "]\n" + "b = 'if - - - " + "((" * 500 + "'\n")
    check_nesting("# " + "- " * 1000 + "\n" + ")" * 300)


def test_text_longer_than_any_script(whole: Path, bad: Path) -> None:
    began = time.process_time()
    with pytest.raises(InputError, match=DAMAGED):
        load_script(script(whole, bad, "torch.ones([1])", " " * (17 << 20)))
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    ("place", "bytes_"),
    [
        (b"PK\x01\x02", b"PK\x01\x02\xff\xff\xff\xff"),  # a version of the format that nobody has
        (b"PK\x06\x07", b"PK\x06\x07\x01\x00\x00\x00" + bytes(8) + b"\x07"),  # an archive on seven disks
    ],
)
def test_archives_that_python_does_not_read(whole: Path, bad: Path, place: bytes, bytes_: bytes) -> None:
    content = bytearray(whole.read_bytes())
    start = content.index(place)
    content[start : start + len(bytes_)] = bytes_
    bad.write_bytes(content)
    with pytest.raises(InputError, match=r"bad\.pt is not a (TorchScript file|readable PyTorch checkpoint)"):
        load_script(bad)


def test_text_whose_packing_is_damaged(whole: Path, bad: Path) -> None:
    content = bytearray(whole.read_bytes())
    with zipfile.ZipFile(whole) as archive:
        entry = next(entry for entry in archive.infolist() if entry.filename.endswith(".py"))
        assert entry.compress_type == zipfile.ZIP_DEFLATED
    start = content.index(entry.filename.encode(), entry.header_offset) + len(entry.filename)
    for place in range(start, start + entry.compress_size):
        content[place] = 0xFF
    bad.write_bytes(content)
    with pytest.raises(InputError, match=DAMAGED):
        load_script(bad)


@pytest.mark.filterwarnings("ignore")  # quantized tensors and tracing tell much
def test_networks_of_all_kinds_are_read(tmp_path: Path) -> None:
    class Kinds(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rows = nn.LSTM(4, 5, bidirectional=True)
            self.names = {"a": ["b"], "c": ["d"]}
            self.place, self.none = torch.device("cpu"), None
            for kind in (torch.bool, torch.uint8, torch.int64, torch.half, torch.bfloat16, torch.double, torch.cfloat):
                self.register_buffer(str(kind).partition(".")[2] + "s", torch.zeros(2, 3, dtype=kind).T)
            self.register_buffer("empty", torch.zeros(0, 3))
            self.register_buffer("scalar", torch.tensor(1.5))
            self.layers = nn.ModuleList([nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4)])
            self.register_buffer("coarse", torch.quantize_per_tensor(torch.ones(3), 0.5, 0, torch.qint8))

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            for layer in self.layers:
                image = layer(image)
            return self.rows(image.flatten(2)[0])[0]

    torch.jit.save(torch.jit.script(Kinds()), tmp_path / "a.pt")
    traced = torch.jit.freeze(torch.jit.trace(Kinds().eval(), torch.zeros(1, 4, 2, 2)))
    torch.jit.save(traced, tmp_path / "b.pt")
    for name in ("a.pt", "b.pt"):
        assert load_script(tmp_path / name)(torch.zeros(1, 4, 2, 2)).shape == (4, 10)


def test_the_pickle_that_is_changed_has_all_kinds_of_steps(whole: Path) -> None:
    with zipfile.ZipFile(whole) as archive:
        steps = {
            operation.name
            for name in archive.namelist()
            if name.endswith("pkl")
            for operation, _, _ in pickletools.genops(archive.read(name))
        }
    assert {"BINPERSID", "REDUCE", "BUILD", "SETITEMS", "APPENDS", "NEWOBJ", "BINGET", "TUPLE"} <= steps
