from __future__ import annotations

import re
from urllib.parse import quote

import pytest

from trivirt.simulator import SimulatedEngine


@pytest.fixture
def engine() -> SimulatedEngine:
    """With the objects of the published examples, which tests can name."""
    return SimulatedEngine(seed="examples")


@pytest.fixture
def named(ask):
    """The path of an entity by its name: `named("/vms", "myvm")`."""

    def find(path: str, name: str) -> str:
        return ask.first(f"{path}?search={quote(f'name={name}')}")

    return find


@pytest.fixture
def added(ask):
    """Add something and give its path; the answer must be 201 or 202."""

    def add(path: str, body: str) -> str:
        answer = ask("POST", path, body)
        assert answer.status in (201, 202), (answer.status, answer.body)
        return answer.header("location").partition("/ovirt-engine/api")[2]

    return add


@pytest.fixture
def act(ask):
    """Do something and give the answer, which must be 200."""

    def action(path: str, name: str, body: str = ""):
        answer = ask("POST", f"{path}/{name}", f"<action>{body}</action>")
        assert answer.status == 200, (answer.status, answer.body)
        return answer

    return action


@pytest.fixture
def passes(ask):
    """The states something passes in the coming seconds, each once; "gone" is one."""

    def passed(path: str, seconds: float = 12, element: str = "status") -> list[str | None]:
        def state() -> str | None:
            answer = ask.get(path)
            if answer.status == 404:
                return "gone"
            match = re.search(rf"^    <{element}>(.*)</{element}>", answer.body.decode(), re.M)
            return match and match[1]

        seen = [state()]
        for _ in range(int(seconds * 2)):
            ask.engine.clock.advance(0.5)
            if (now := state()) != seen[-1]:
                seen.append(now)
        return seen

    return passed


@pytest.fixture
def names(ask):
    """The names in a list."""

    def of(path: str) -> list[str]:
        return re.findall(r"^        <name>(.*)</name>", ask.get(path).body.decode(), re.M)

    return of


@pytest.fixture
def refused(ask):
    """Ask for something that must be refused; gives status and text."""

    def ask_for(method: str, path: str, body: str = "") -> tuple[int, str]:
        answer = ask(method, path, body)
        assert answer.status >= 400, answer.body
        return answer.status, answer.body.decode()

    return ask_for


@pytest.fixture
def domain(named):
    """The reference to a storage domain of a name."""

    def reference(name: str = "mydata") -> str:
        return f"<storage_domain><name>{name}</name></storage_domain>"

    return reference
