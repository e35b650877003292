"""From an exception to the one sentence that a person reads. Knows errors, prints nothing."""

from __future__ import annotations

from collections.abc import Iterator

from trivirt.errors import (
    AuthError,
    Cancelled,
    ConnectFailed,
    DecodeError,
    Error,
    Fault,
    NotFound,
    TlsFailed,
    TransportError,
)

__all__ = ["Failure", "Interrupted", "missing_library", "sentence"]

# What comes with the extra `trivirt[cli]`.
_LIBRARIES = frozenset({"click", "rich", "trustme", "yaml"})

# What to do about it, where the library cannot know that there is a command line. The first match
# counts.
_ADVICE: tuple[tuple[type[Error], str], ...] = (
    (TlsFailed, ""),
    (ConnectFailed, "check the URL, and whether the engine is up"),
    (TransportError, "try again, and look at the network if it happens again"),
    (AuthError, "check the username with its profile, such as @internal, and the password"),
    (DecodeError, "check that the URL leads to an engine, and to nothing in front of it"),
    (NotFound, "trivirt ls shows the ids and the names of those that there are"),
    (Fault, "the engine's own log may say more"),
)


class Failure(Exception):
    """A command cannot go on; the message says what was tried, what came back, what to do."""


class Interrupted(BaseException):
    """Among the errors there was a Ctrl-C, which outranks the rest."""


def sentence(error: BaseException) -> str:
    """Tell the error in one line.

    Errors out of nurseries are groups: many tasks fail of the same cause, and then some are
    cancelled because of it. The first that is a cause speaks for all.
    """
    leaves = list(_leaves(error))
    if any(isinstance(leaf, KeyboardInterrupt) for leaf in leaves):
        raise Interrupted
    leaf = min(leaves, key=_rank)
    if isinstance(leaf, Error):
        return _one_line("; ".join(filter(None, (str(leaf), _advice(leaf)))))
    if isinstance(leaf, Failure):
        return _one_line(str(leaf))
    if (text := missing_library(leaf)) is not None:
        return text
    if isinstance(leaf, OSError) and leaf.strerror:
        where = f"{leaf.filename}: " if leaf.filename is not None else ""
        return _one_line(f"{where}{leaf.strerror}")
    kind = type(leaf).__name__
    return _one_line(
        f"this is a mistake in trivirt ({kind}: {leaf}); run the command again with --debug "
        "and report what it prints"
    )


def missing_library(error: BaseException) -> str | None:
    """What to install, if that is what is wrong."""
    if not isinstance(error, ModuleNotFoundError):
        return None
    if (error.name or "").partition(".")[0] not in _LIBRARIES:
        return None
    return (
        f"the command line needs {error.name}, which is not installed here; "
        "run: pip install 'trivirt[cli]'"
    )


def _advice(error: Error) -> str:
    return next((text for kind, text in _ADVICE if isinstance(error, kind)), "")


def _leaves(error: BaseException) -> Iterator[BaseException]:
    # By its attribute: before Python 3.11 the class of groups is not a builtin.
    inside = getattr(error, "exceptions", None)
    if isinstance(inside, tuple):
        for inner in inside:
            yield from _leaves(inner)
    else:
        yield error


def _rank(error: BaseException) -> int:
    if isinstance(error, Cancelled):
        return 2
    return 0 if isinstance(error, (Error, Failure)) else 1


def _one_line(text: str) -> str:
    return " ".join(text.split())
