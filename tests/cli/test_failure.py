from __future__ import annotations

import sys

import pytest

from trivirt.cli._failure import Failure, Interrupted, sentence
from trivirt.errors import AuthError, Cancelled, ConnectFailed, TlsFailed, UsageError

if sys.version_info < (3, 11):
    from exceptiongroup import BaseExceptionGroup, ExceptionGroup


def test_an_error_of_ours_is_told_in_its_own_words():
    assert sentence(UsageError("this is\n  no URL")) == "this is no URL"
    assert sentence(Failure("no such folder")) == "no such folder"


def test_the_cause_speaks_for_those_that_were_cancelled_by_it():
    cause = ConnectFailed("nobody listens")
    group = ExceptionGroup("", [Cancelled("given up"), ExceptionGroup("", [ValueError(), cause])])
    assert sentence(group).startswith("nobody listens; ")


def test_an_operating_system_error_names_its_file():
    assert sentence(FileNotFoundError(2, "No such file", "ca.pem")) == "ca.pem: No such file"
    assert sentence(BrokenPipeError(32, "Broken pipe")) == "Broken pipe"


def test_anything_else_is_a_mistake_to_be_reported():
    text = sentence(ZeroDivisionError("division by zero"))
    assert "mistake in trivirt (ZeroDivisionError: division by zero)" in text
    assert "--debug" in text


def test_ctrl_c_outranks_whatever_came_with_it():
    group = BaseExceptionGroup("", [ConnectFailed("gone"), KeyboardInterrupt()])
    with pytest.raises(Interrupted):
        sentence(group)


def test_the_nearest_class_gives_the_advice():
    assert "check the username" in sentence(AuthError("sign-on was refused"))
    assert "check the URL" in sentence(ConnectFailed("nobody listens"))
    assert sentence(TlsFailed("unknown CA, give it")) == "unknown CA, give it"
