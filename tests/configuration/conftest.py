from __future__ import annotations

import textwrap

import pytest


@pytest.fixture
def home(tmp_path):
    """A home folder, and the way to put files into its .config."""
    return Home(tmp_path)


class Home:
    def __init__(self, path):
        self.path = path
        self.environ = {"HOME": str(path), "APPDATA": str(path / ".config")}

    def write(self, name, text, mode=0o600):
        file = self.path / ".config" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text), "utf-8")
        file.chmod(mode)
        return file

    def toml(self, text, mode=0o600):
        return self.write("trivirt/engines.toml", text, mode)
