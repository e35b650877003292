"""Write `types`, `services` and the simulator's routes from the facts, or check them.

python trivirt/_facts/generate.py           write what differs
python trivirt/_facts/generate.py --check   exit 1 and name what differs
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
if __package__ in (None, ""):  # run as a file, so that the package is not on the path yet
    sys.path.insert(0, str(PACKAGE.parent))

from trivirt._facts.facts import Facts  # noqa: E402  # needs the path above
from trivirt._facts.words import Words  # noqa: E402
from trivirt._facts.write_routes import write_routes  # noqa: E402
from trivirt._facts.write_services import write_services  # noqa: E402
from trivirt._facts.write_types import write_types  # noqa: E402


def generate() -> Iterator[tuple[Path, str]]:
    """Give the path and the text of every generated file."""
    facts = Facts()
    words = Words(facts)
    for writer in (write_types(facts, words), write_services(facts, words), write_routes(facts)):
        for path, text in writer:
            yield PACKAGE / path, text


def stale() -> Iterator[Path]:
    """Give the generated files that no fact asks for any more."""
    wanted = {path for path, _ in generate()}
    for package in ("types", "services"):
        yield from sorted(set((PACKAGE / package).glob("*.py")) - wanted)


def main(arguments: list[str] | None = None) -> int:
    """Write or check, and say what differs."""
    parser = argparse.ArgumentParser(description="Write the API surface from the facts.")
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 if stale")
    check = parser.parse_args(arguments).check
    changed = []
    for path, text in generate():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            changed.append(path)
            if not check:
                path.parent.mkdir(exist_ok=True)
                path.write_text(text, encoding="utf-8")
    for path in stale():
        changed.append(path)
        if not check:
            path.unlink()
    for path in changed:
        print("differs:" if check else "wrote:", path.relative_to(PACKAGE.parent))
    return 1 if check and changed else 0


if __name__ == "__main__":
    sys.exit(main())
