"""The portal thread: when it is there, and what happens at Ctrl-C, in forks, and at exit.

Signals, forks and exits are those of real processes.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from scripted_engine import XML, ScriptedEngine, reply
from synchronous import API, ends, next_line, opened, portals, program

from trivirt import errors

SOON = 0.2  # Seconds in which Ctrl-C is felt.

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
needs_signals = pytest.mark.skipif(
    not hasattr(signal, "pthread_kill"), reason="signals are sent to a process of our own"
)


def test_importing_and_constructing_start_nothing(port: int, scripted: ScriptedEngine) -> None:
    code = """
    import asyncio, socket
    def refused(*args, **keywords): raise AssertionError("too early")
    threading.Thread.start = asyncio.new_event_loop = socket.socket.connect = refused
    context = opened()
    assert threading.enumerate() == [threading.current_thread()]
    import trio
    assert not trio.lowlevel.in_trio_run()
    print(context)
    """
    out, err, status = ends(program(code, port))
    assert (err, status) == ("", 0)
    assert out == f"<sync.open_engine('http://127.0.0.1:{port}{API}')>\n"
    assert scripted.asked == []


def test_one_thread_serves_all_open_engines_and_goes_with_the_last(port: int) -> None:
    assert portals() == []
    with opened(port) as one:
        (thread,) = portals()
        with opened(port) as two:
            assert portals() == [thread]
            assert one.vms.vm("1").get() == two.vms.vm("1").get()
        assert one.vms.vm("2").get().id == "2"
    assert portals() == []
    assert not thread.is_alive()
    with opened(port) as again:
        assert portals() != [thread]
        assert again.vms.vm("3").get().id == "3"
    assert portals() == []


def test_engines_opened_and_closed_by_many_threads_at_once(port: int) -> None:
    def work() -> None:
        for number in range(5):
            with opened(port, connections=1) as engine:
                found.append(engine.vms.vm(str(number)).get().id)

    found: list[str | None] = []
    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(map(str, found)) == sorted(list("01234") * 8)
    assert portals() == []


def test_calls_that_race_with_closing_end_one_way_or_the_other(port: int) -> None:
    def work(engine: Any) -> None:
        try:
            while True:
                engine.vms.vm("1").get()
        except errors.Cancelled:
            ended.append(None)

    ended: list[None] = []
    for _ in range(10):
        with opened(port) as engine:
            threads = [threading.Thread(target=work, args=(engine,)) for _ in range(4)]
            for thread in threads:
                thread.start()
            engine.vms.vm("2").get()
        for thread in threads:
            thread.join(30)
    assert len(ended) == 40


# Ctrl-C.

WAITS = {
    "a call": "engine.vms.vm('never').get()",
    "a call after others": "[engine.vms.vm('1').get() for _ in range(9)]; "
    "engine.vms.vm('never').get()",
    "a future": "engine.soon.vms.vm('never').get().wait()",
    "a future with a limit": "engine.soon.vms.vm('never').get().wait(60)",
    "an exception": "engine.soon.vms.vm('never').get().exception()",
    "as_completed": "list(trivirt.sync.as_completed([engine.soon.vms.vm('never').get()]))",
}


@needs_signals
@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS)
def test_ctrl_c_ends_a_wait_at_once_and_the_engine_goes_on(
    port: int, scripted: ScriptedEngine, wait: str
) -> None:
    code = f"""
    with opened(connections=5, pipeline=1) as engine:
        bystander = engine.soon.vms.vm("gated").get()
        for _ in range(3):
            try:
                {wait}
            except KeyboardInterrupt:
                print(time.time(), flush=True)
        while engine.statistics().in_flight > 1:
            time.sleep(0.001)
        print(engine.vms.vm("1").get().id, bystander.done(), flush=True)
        sys.stdin.readline()
        print(bystander.wait().id)
    """
    gate = scripted.gates[f"GET {API}/vms/gated"] = threading.Event()
    scripted.answers[f"GET {API}/vms/gated"] = reply("<vm id='gated'/>")
    process = program(code, port)
    delays = [_interrupt(process, scripted, turn) for turn in (1, 2, 3)]
    assert min(delays) < SOON
    assert next_line(process) == "1 False\n"
    gate.set()
    assert process.stdin is not None
    process.stdin.write("\n")
    out, err, status = ends(process)
    assert (out, err, status) == ("gated\n", "", 0)
    assert scripted.logouts == ["token-1"]


def _interrupt(process: subprocess.Popen[str], scripted: ScriptedEngine, turn: int) -> float:
    """Seconds from Ctrl-C until the program has felt it, in its wait for an answer."""
    _await(lambda: scripted.asked.count(f"GET {API}/vms/never") >= turn)
    return _felt(process)


def _felt(process: subprocess.Popen[str]) -> float:
    _await(lambda: _main_thread_sleeps(process.pid))
    sent = time.time()
    process.send_signal(signal.SIGINT)
    return float(next_line(process)) - sent


def _await(condition: Any) -> None:
    for _ in range(30_000):
        if condition():
            return
        threading.Event().wait(0.001)  # What happens in another process can only be asked for.
    raise AssertionError("it did not happen")


def _main_thread_sleeps(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/task/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] == "S"
    except FileNotFoundError:  # No Linux.
        return True


@needs_signals
def test_ctrl_c_while_an_engine_is_opened(port: int, scripted: ScriptedEngine) -> None:
    code = """
    for _ in range(3):
        try:
            with opened():
                raise AssertionError
        except KeyboardInterrupt:
            print(time.time(), flush=True)
    sys.stdin.readline()  # What comes now is read by `ends`, and not with the line before.
    with opened(token="mine") as engine:
        print(engine.statistics().logins, flush=True)
    """
    login = "POST /ovirt-engine/sso/oauth/token"
    gate = scripted.gates[login] = threading.Event()
    process = program(code, port)
    delays = []
    for turn in (1, 2, 3):
        _await(lambda turn=turn: scripted.asked.count(login) == turn)
        delays.append(_felt(process))
    assert min(delays) < SOON
    assert ends(process) == ("0\n", "", 0)
    gate.set()


@needs_signals
def test_ctrl_c_while_an_engine_is_closed(port: int, scripted: ScriptedEngine) -> None:
    code = """
    for _ in range(3):
        context = opened()
        context.__enter__()
        try:
            context.__exit__(None, None, None)
        except KeyboardInterrupt:
            print(time.time(), flush=True)
    with opened() as engine:
        print(engine.vms.vm("1").get().id, flush=True)
    """
    logout = "POST /ovirt-engine/services/sso-logout"
    gate = scripted.gates[logout] = threading.Event()
    process = program(code, port)
    delays = []
    for turn in (1, 2, 3):
        _await(lambda turn=turn: scripted.asked.count(logout) == turn)
        delays.append(_felt(process))
    assert min(delays) < SOON
    gate.set()
    assert ends(process) == ("1\n", "", 0)
    assert sorted(scripted.logouts) == [f"token-{number}" for number in (1, 2, 3, 4)]


# Fork.


@needs_fork
def test_a_child_of_fork_is_refused_what_is_the_parents_and_can_open_its_own(
    port: int, scripted: ScriptedEngine
) -> None:
    code = """
    warnings.simplefilter("ignore")  # Python warns of fork in a process with threads.
    with opened() as engine:
        done, pending = engine.soon.vms.vm("1").get(), engine.soon.vms.vm("never").get()
        done.wait()
        for _ in range(9):  # A connection is borrowed for them.
            engine.vms.vm("0").get()
        pid = os.fork()
        if pid == 0:
            print(done.wait().id)
            waits = [
                engine.vms.vm("2").get,
                engine.soon.vms.vm("2").get,
                pending.wait,
                pending.exception,
                pending.cancel,
                lambda: list(trivirt.sync.as_completed([pending])),
            ]
            for wait in waits:
                try:
                    wait()
                except errors.UsageError as exc:
                    print("before it forked" in str(exc) and str(os.getpid()) in str(exc))
            with opened() as own:
                print(own.vms.vm("3").get().id, len(portals()))
            print(portals())
            sys.exit(7)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        print(engine.vms.vm("4").get().id)
    """
    out, err, status = ends(program(code, port))
    assert (err, status) == ("", 0)
    assert out.splitlines() == ["1", *["True"] * 6, "3 1", "[]", "7", "4"]
    assert sorted(scripted.logouts) == ["token-1", "token-2"]
    assert scripted.asked.count(f"GET {API}/vms/4") == 1


@needs_fork
@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_children_of_multiprocessing(
    port: int, scripted: ScriptedEngine, method: str, tmp_path: Path
) -> None:
    code = f"""
    import multiprocessing
    warnings.simplefilter("ignore")

    def work(number):
        with opened() as engine:
            return engine.vms.vm(str(number)).get().id

    if __name__ == "__main__":
        context = multiprocessing.get_context({method!r})
        with opened() as engine:
            engine.vms.vm("0").get()
            with context.Pool(2) as pool:
                print(*pool.map(work, range(4)))
            print(engine.vms.vm("9").get().id)
    """
    out, err, status = ends(program(code, port, path=tmp_path / "program.py"))
    assert (err, status) == ("", 0)
    assert out == "0 1 2 3\n9\n"
    assert len(scripted.logouts) == 5
    assert not scripted.live


@needs_fork
def test_a_fork_while_other_threads_are_at_it(port: int) -> None:
    """Whatever lock they hold is held for ever in the child.

    Those of modules too; so they have imported theirs before. Our own thread sees to that itself.
    """
    code = """
    warnings.simplefilter("ignore")
    stop, begun = threading.Event(), threading.Barrier(4)

    def use():
        with opened(connections=1) as engine:
            engine.vms.vm("1").get()

    def work():
        use()
        begun.wait()
        while not stop.is_set():
            use()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads: thread.start()
    begun.wait()
    for _ in range(20):
        pid = os.fork()
        if pid == 0:
            with opened() as own:
                os._exit(int(own.vms.vm("3").get().id))
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    stop.set()
    """
    out, err, status = ends(program(code, port))
    assert (err, status) == ("", 0)
    assert out.split() == ["3"] * 20


@needs_fork
def test_a_fork_waits_until_the_portal_has_imported_its_modules(port: int, tmp_path: Path) -> None:
    """The child would find their locks held by a thread that it does not have."""
    (tmp_path / "slow.py").write_text("import time; begun = True; time.sleep(0.5); value = 7")
    code = f"""
    warnings.simplefilter("ignore")
    sys.path.insert(0, {str(tmp_path)!r})
    with opened() as engine:
        future = engine.soon.vms.vm("never").get()
        future.add_done_callback(lambda future: __import__("slow"))
        future.cancel()
        while not hasattr(sys.modules.get("slow"), "begun"):
            time.sleep(0.001)
        if (pid := os.fork()) == 0:
            import slow
            os._exit(slow.value)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        print(engine.vms.vm("2").get().id)
    """
    out, err, status = ends(program(code, port))
    assert (out, err, status) == ("7\n2\n", "", 0)


@needs_fork
def test_a_fork_in_the_portal_or_while_the_portal_waits_for_it_goes_on(port: int) -> None:
    code = """
    warnings.simplefilter("ignore")
    forked, out = threading.Event(), []

    def fork(*_):
        if (pid := os.fork()) == 0:
            os._exit(5)
        out.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

    with opened() as engine:
        future = engine.soon.vms.vm("never").get()
        future.add_done_callback(fork)
        future.add_done_callback(lambda future: forked.wait())
        future.cancel()
        while not out:
            time.sleep(0.001)
        fork()
        forked.set()
        print(*out, engine.vms.vm("2").get().id)
    """
    out, err, status = ends(program(code, port))
    assert (out, err, status) == ("5 5 2\n", "", 0)


# Exit.

ENDINGS = {
    "the end of the program": "",
    "sys.exit": "sys.exit(0)",
    "a thread that outlives the main one": """threading.Thread(
        target=lambda: (threading.main_thread().join(), print(engine.vms.vm('1').get().id))
    ).start()""",
    "a function for the exit": """__import__('atexit').register(
        lambda: print(engine.vms.vm('1').get().id)
    )""",
    "a daemon that waits": """threading.Thread(
        target=engine.soon.vms.vm('never').get().wait, daemon=True
    ).start()""",
    "futures under way": "sent = [engine.soon.vms.vm('never').get() for _ in range(100)]",
}


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
def test_exit_with_an_open_engine_logs_out(
    port: int, scripted: ScriptedEngine, ending: str
) -> None:
    code = "context = opened(); engine = context.__enter__()\n"
    code += f"for _ in range(9): engine.vms.vm('2').get()\n{ending}"
    out, err, status = ends(program(code, port))
    assert status == 0
    assert out == ("1\n" if "print" in ending else "")
    assert err == "" or "daemon" in ending
    assert scripted.logouts == ["token-1"]


def test_exit_logs_out_by_name_on_a_new_connection(port: int, scripted: ScriptedEngine) -> None:
    """Apache closes connections that are idle for 5 s, and looking up a name wants a thread."""
    scripted.answers[f"GET {API}/vms/last"] = reply("<vm/>", headers=["Connection: close", *XML])
    code = "context = opened(); engine = context.__enter__(); engine.vms.vm('last').get()"
    out, err, status = ends(program(code, port, host="localhost"))
    assert (out, err, status) == ("", "", 0)
    assert scripted.logouts == ["token-1"]


def test_exit_is_bounded_when_the_engine_does_not_answer(
    port: int, scripted: ScriptedEngine
) -> None:
    gate = scripted.gates["POST /ovirt-engine/services/sso-logout"] = threading.Event()
    code = """
    context = opened(); engine = context.__enter__(); engine.vms.vm('2').get()
    print(time.time())
    """
    out, err, status = ends(program(code, port))
    assert 4 < time.time() - float(out) < 15  # 5, and what a busy machine needs.
    gate.set()
    assert (err, status) == ("", 0)


def test_opening_at_exit_works_or_is_refused(port: int, scripted: ScriptedEngine) -> None:
    """Whether a thread can be started by then is another matter in each version of Python."""
    code = """
    import atexit

    def threads_start():
        try:
            threading.Thread(target=int).start()
        except RuntimeError:
            return False
        return True

    def last():
        for _ in range(2):
            try:
                with opened() as engine:
                    print(engine.vms.vm("1").get().id if threads_start() else "it worked")
            except RuntimeError as exc:
                print(exc if threads_start() else "new thread" in str(exc) and 1)

    atexit.register(last)
    """
    out, err, status = ends(program(code, port))
    assert (err, status) == ("", 0)
    assert out == "1\n1\n"
    assert not scripted.live


def test_exit_reports_what_nobody_heard_of(port: int) -> None:
    code = """
    context = opened(); engine = context.__enter__()
    list(trivirt.sync.as_completed([engine.soon.vms.vm("bad").get()]))
    """
    out, err, status = ends(program(code, port))
    assert (out, status) == ("", 0)
    assert "RuntimeWarning: GET /vms/bad failed, and nobody waited for it: Conflict" in err


def test_nothing_hangs_while_modules_are_taken_down(port: int) -> None:
    """A `__del__` may come when the thread of the portal stands still."""
    code = """
    class Late:
        def __init__(self):
            self.context = opened()
            self.engine = self.context.__enter__()
            self.other = opened()
            self.refusal = errors.UsageError
            self.get = self.engine.vms.vm("2").get
            self.get()

        def __del__(self):
            for ask in (self.get, self.other.__enter__):
                try:
                    ask()
                except self.refusal as error:
                    print(error, flush=True)
            self.context.__exit__(None, None, None)
            print("over", flush=True)

    late = Late()
    """
    out, err, status = ends(program(code, port))
    assert (err, status) == ("", 0)
    assert out.count("The interpreter is ending") == 2
    assert out.endswith("over\n")
