"""Everything imports on a server: no screen, no libGL, no window toolkit, and one OpenCV, the headless one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.metadata import distributions

import cv2

IMPORT_EVERYTHING = """
import importlib, pathlib, pkgutil, maskreel
for module in pkgutil.walk_packages(maskreel.__path__, "maskreel."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
        print(module.name)
maps = pathlib.Path("/proc/self/maps")  # the libraries that this process has loaded; Linux only
print(maps.read_text() if maps.exists() else "")
"""


def test_the_headless_wheel_is_the_only_opencv() -> None:
    installed = {name for found in distributions() if (name := found.metadata["Name"].lower()).startswith("opencv")}
    assert installed == {"opencv-python-headless"}


def test_opencv_was_built_without_windows() -> None:
    assert re.search(r"GUI:\s+NONE", cv2.getBuildInformation())


def test_every_module_imports_without_a_screen_or_a_window_library() -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    command = [sys.executable, "-c", IMPORT_EVERYTHING]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "maskreel.common.errors" in done.stdout
    assert not re.findall(r"/lib(?:GL|EGL|Qt\d|gtk-)[-.\w]*\.so\S*", done.stdout)
