from __future__ import annotations

import signal

import pytest
import trio
import trio.testing

from trivirt.cli._interruption import one_kind_of_signal, until_signal

SIGNALS = [signal.SIGINT, signal.SIGTERM]


@pytest.fixture(autouse=True)
def known_handlers():
    """As Python begins, also where a shell has started the tests in the background."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_cancels_the_scope_and_others_do_nothing_more(number):
    async def main():
        with until_signal() as scope:
            with scope:
                signal.raise_signal(number)
                try:
                    await trio.sleep_forever()
                finally:
                    signal.raise_signal(number)
                    with trio.CancelScope(shield=True):
                        await trio.testing.wait_all_tasks_blocked()
            signal.raise_signal(number)
            return scope.cancelled_caught

    assert trio.run(main)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_that_comes_too_late_ends_nothing(number):
    async def main():
        with until_signal() as scope:
            with scope:
                await trio.lowlevel.checkpoint()
            signal.raise_signal(number)
            return scope.cancelled_caught

    assert not trio.run(main)


def test_an_error_comes_out_as_it_is():
    async def main():
        with until_signal() as scope:
            with scope:
                raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        trio.run(main)


def test_the_signal_to_terminate_does_what_an_interrupt_does():
    with pytest.raises(KeyboardInterrupt), one_kind_of_signal():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_it_does_so_under_trio_which_raises_where_that_is_safe():
    async def main():
        signal.raise_signal(signal.SIGTERM)
        await trio.sleep_forever()

    with pytest.raises(KeyboardInterrupt), one_kind_of_signal():
        trio.run(main)


def test_it_does_so_where_interrupts_are_ignored():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with pytest.raises(KeyboardInterrupt), one_kind_of_signal():
        signal.raise_signal(signal.SIGTERM)
