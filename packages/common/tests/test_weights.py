"""Fetching published weights with a hash, loading them without running code, and renaming their keys."""

from __future__ import annotations

import functools
import hashlib
import pickle
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from maskreel.common.errors import InputError
from maskreel.common.weights import (
    WeightsEntry,
    cache_folder,
    load_into,
    load_state_dict,
    rename_keys,
    short_identity,
    strip_prefix,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTENT = bytes(range(256)) * 5000
ENTRY = WeightsEntry(
    name="toy.pth",
    url="https://example.org/toy.pth",
    sha256=hashlib.sha256(CONTENT).hexdigest(),
    size=len(CONTENT),
    licence="CC0-1.0",
    origin="made up for this test",
    preprocessing="none",
)


class Server(ThreadingHTTPServer):
    daemon_threads = False  # so that closing the server waits for the last answer
    requests = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    """/toy.pth is the file, /short.pth breaks off in the middle, anything else is not there."""

    def do_GET(self) -> None:
        assert isinstance(self.server, Server)
        self.server.requests += 1
        if self.path not in ("/toy.pth", "/short.pth"):
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT if self.path == "/toy.pth" else CONTENT[:1000])

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the name in the base class)
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MASKREEL_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("MASKREEL_OFFLINE", raising=False)


def test_a_file_is_downloaded_once(server: Server, tmp_path: Path) -> None:
    entry = replace(ENTRY, url=f"{server.url}/toy.pth")
    path = entry.fetch()
    assert path == tmp_path / "cache" / "weights" / "toy.pth"
    assert path.read_bytes() == CONTENT
    assert entry.fetch() == path
    assert entry.fetch(offline=True) == path
    assert server.requests == 1


def test_a_file_url_a_hash_prefix_and_a_chosen_folder(tmp_path: Path) -> None:
    source = tmp_path / "source.pth"
    source.write_bytes(CONTENT)
    entry = replace(ENTRY, url=source.as_uri(), sha256=ENTRY.sha256[:8])
    assert entry.fetch(cache=tmp_path / "mine") == tmp_path / "mine" / "toy.pth"


@pytest.mark.parametrize("path", ["/missing.pth", "/short.pth"])
def test_what_cannot_be_downloaded_leaves_nothing(server: Server, tmp_path: Path, path: str) -> None:
    with pytest.raises(InputError) as caught:
        replace(ENTRY, url=server.url + path).fetch(cache=tmp_path / "mine")
    message = str(caught.value)
    assert message.startswith("toy.pth ")
    assert server.url + path in message
    assert ("404" if path == "/missing.pth" else "1000 bytes") in message
    assert list((tmp_path / "mine").iterdir()) == []


def test_an_unreachable_server_says_where_to_put_the_file(server: Server, tmp_path: Path) -> None:
    url = f"{server.url}/toy.pth"
    server.server_close()
    with pytest.raises(InputError, match=rf"could not be downloaded \(.+\); get it from {url} .* at {tmp_path}"):
        replace(ENTRY, url=url).fetch(cache=tmp_path)


@pytest.mark.parametrize("by_variable", [True, False])
def test_offline_never_asks_the_network(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, by_variable: bool
) -> None:
    entry = replace(ENTRY, url=f"{server.url}/toy.pth")
    if by_variable:
        monkeypatch.setenv("MASKREEL_OFFLINE", "1")
    with pytest.raises(InputError, match=f"downloads are switched off; .* put it at {tmp_path}"):
        entry.fetch(offline=None if by_variable else True)
    assert server.requests == 0
    assert entry.fetch(offline=False).exists()


def test_wrong_content_is_removed_and_both_hashes_are_told(tmp_path: Path) -> None:
    cached = tmp_path / "toy.pth"
    cached.write_bytes(b"something else")
    found = hashlib.sha256(b"something else").hexdigest()
    with pytest.raises(InputError, match=f"sha256 is {found} .14 bytes., expected {ENTRY.sha256}"):
        ENTRY.fetch(cache=tmp_path)
    assert not cached.exists()


def test_the_cache_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    monkeypatch.setenv("MASKREEL_CACHE", "/own")
    assert cache_folder() == Path("/own")
    monkeypatch.delenv("MASKREEL_CACHE")
    assert cache_folder() == Path("/xdg/maskreel")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "maskreel"


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("sha256", "1234567", "sha256 must be 8 to 64"),
        ("sha256", "ABCDEF0123", "sha256 must be 8 to 64"),
        ("name", "../toy.pth", "name must be a file name"),
        ("url", "ftp://example.org/toy.pth", "url must start with"),
    ],
)
def test_a_careless_entry_is_refused(field: str, value: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(ENTRY, **{field: value})


def test_both_formats_give_the_same_tensors(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    state = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.ones(2, dtype=torch.float16)}
    save_file(state, tmp_path / "x.safetensors")
    torch.save({"epoch": 3, "state_dict": state}, tmp_path / "x.pth")
    for loaded in (
        load_state_dict(tmp_path / "x.safetensors"),
        load_state_dict(tmp_path / "x.pth", entry="state_dict"),
    ):
        assert set(loaded) == set(state)
        assert all(torch.equal(loaded[key], state[key]) and loaded[key].dtype == state[key].dtype for key in state)


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("protocol", [2, 4])
def test_a_file_that_would_run_code_is_refused(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "trap.pth"
    path.write_bytes(pickle.dumps({"a": Trap(tmp_path / "ran")}, protocol=protocol))
    with pytest.raises(InputError, match=r"trap.pth is (refused|not a readable)"):
        load_state_dict(path)
    torch.save({"a": functools.partial(print)}, path)
    with pytest.raises(InputError, match=r"trap.pth is refused: it asks for functools.partial"):
        load_state_dict(path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["x.pth", "x.safetensors"])
@pytest.mark.parametrize("content", [b"", b"hello world", b"<html>not found</html>", b"PK\x03\x04" + bytes(50)])
def test_a_broken_file_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=f"{name} is not a readable"):
        load_state_dict(tmp_path / name)


def test_a_missing_file_stays_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_state_dict(tmp_path / "x.pth")


def test_anything_but_a_state_dict_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.pth"
    torch.save({"model": {"w": torch.ones(1)}, "epoch": 3}, path)
    with pytest.raises(InputError, match=r"only, but it holds the entries model \(dict\), epoch \(int\)"):
        load_state_dict(path)
    with pytest.raises(InputError, match=r"has no entry 'ema'; it holds the entries model \(dict\)"):
        load_state_dict(path, entry="ema")
    torch.save(torch.ones(2), path)
    with pytest.raises(InputError, match="it holds a Tensor"):
        load_state_dict(path)


def test_rename_keys_applies_the_rules_in_order() -> None:
    state = {"backbone.0.gamma": torch.ones(1), "backbone.0.beta": torch.zeros(1), "head.w": torch.ones(2)}
    renamed = rename_keys(state, [(r"^backbone\.(\d+)", r"body.layer\1"), (r"\.gamma$", ".weight"), ("beta", "bias")])
    assert list(renamed) == ["body.layer0.weight", "body.layer0.bias", "head.w"]
    assert renamed["head.w"] is state["head.w"]
    assert "backbone.0.gamma" in state


def test_rename_keys_is_strict() -> None:
    state = {"a.w": torch.ones(1), "b.w": torch.zeros(1)}
    with pytest.raises(ValueError, match=r"'a\.w' and 'b\.w' would both be called 'c\.w'"):
        rename_keys(state, [("^[ab]", "c")])
    with pytest.raises(ValueError, match="the rule 'gama' -> 'weight' changes none of the 2 keys"):
        rename_keys(state, [("gama", "weight")])


def test_strip_prefix_takes_all_or_nothing() -> None:
    one, two = torch.ones(1), torch.zeros(1)
    assert strip_prefix({"module.a": one, "module.module.b": two}, "module.") == {"a": one, "module.b": two}
    assert strip_prefix({"a": one}, "module.") == {"a": one}
    with pytest.raises(ValueError, match=r"1 of 2 keys do not start with 'module\.', such as 'b'"):
        strip_prefix({"module.a": one, "b": two}, "module.")


def network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))


def test_load_into_copies_every_value_and_forgives_old_batch_norm_counters() -> None:
    source, target = network(), network()
    state = {key: value for key, value in source.state_dict().items() if not key.endswith("num_batches_tracked")}
    load_into(target, state, source="x.pth")
    image = torch.rand(1, 3, 5, 5)
    assert torch.equal(source.eval()(image), target.eval()(image))


def test_load_into_tells_all_faults_at_once_and_changes_nothing() -> None:
    target = network()
    before = {key: value.clone() for key, value in target.state_dict().items()}
    state = dict(network().state_dict())
    del state["1.bias"], state["1.weight"]
    state |= {f"extra.{i}": torch.ones(1) for i in range(7)}
    state["0.weight"] = torch.ones(8, 3, 1, 1)
    with pytest.raises(InputError) as caught:
        load_into(target, state, source="x.pth")
    assert str(caught.value) == (
        "x.pth does not fit Sequential; keys 2 missing: 1.weight, 1.bias; "
        "7 unexpected: extra.0, extra.1, extra.2, extra.3, extra.4 and 2 more; "
        "1 of another shape: 0.weight (8x3x1x1 in the file, 4x3x1x1 in the network)"
    )
    assert all(torch.equal(before[key], value) for key, value in target.state_dict().items())


def test_files_are_told_apart_by_name_and_content(tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    path.write_bytes(b"one")
    digits = hashlib.sha256(b"one").hexdigest()[:8]
    assert short_identity(path) == short_identity(str(path)) == f"net.pth {digits}"
    path.write_bytes(b"two")
    assert short_identity(path) != f"net.pth {digits}"
    with pytest.raises(InputError, match=r"none\.pth: there is no such file"):
        short_identity(tmp_path / "none.pth")
