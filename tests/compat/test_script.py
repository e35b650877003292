"""`python -m trivirt.compat SCRIPT`, and what a process must be able to rely on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from scripted_engine import ScriptedEngine, reply
from threaded_server import served

import trivirt

ROOT = "/ovirt-engine/api"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(trivirt.__file__).parents[1])}


def run(*arguments, text="", cwd=None):
    line = [sys.executable, *map(str, arguments)]
    return subprocess.run(
        line,
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        env=ENVIRONMENT,
        cwd=cwd,
        check=False,
    )


def script(folder, text, name="script.py"):
    path = folder / name
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return path


SURROUNDINGS = """
    import sys, os
    import helper
    print(__name__, __file__, sys.argv, sys.path[0], helper.__file__)
    print(input())
    print(sys.modules["__main__"].__dict__ is globals())
    print(__builtins__.__name__, __doc__, __package__, __spec__)
    print("oops", file=sys.stderr)
    sys.exit(int(sys.argv[1]))
"""


def test_a_script_cannot_tell_the_difference(tmp_path):
    path = script(tmp_path, SURROUNDINGS)
    script(tmp_path, "", "helper.py")
    for arguments in ((path, "3", "-x"), ("script.py", "0")):
        plain = run(*arguments, text="in\n", cwd=tmp_path)
        ours = run("-m", "trivirt.compat", *arguments, text="in\n", cwd=tmp_path)
        assert ours.stdout == plain.stdout
        assert (ours.returncode, ours.stderr) == (plain.returncode, plain.stderr)


def test_a_traceback_ends_like_the_plain_one(tmp_path):
    path = script(tmp_path, "def f():\n    raise ValueError('x')\nf()\n")
    done = run("-m", "trivirt.compat", path)
    assert done.returncode == 1
    assert done.stderr.endswith("    raise ValueError('x')\nValueError: x\n")


def test_usage(tmp_path):
    assert run("-m", "trivirt.compat").returncode == 2
    assert run("-m", "trivirt.compat", "--help").stdout.startswith("usage: ")
    missing = run("-m", "trivirt.compat", tmp_path / "nope.py")
    assert (missing.returncode, "nope.py" in missing.stderr) == (2, True)


def test_installing_twice_is_harmless_and_replaces_the_real_one():
    done = run(
        "-c",
        "import sys, types; sys.modules['ovirtsdk4'] = types.ModuleType('ovirtsdk4')\n"
        "import trivirt.compat; trivirt.compat.install()\n"
        "import ovirtsdk4 as one; trivirt.compat.install(); import ovirtsdk4 as two\n"
        "import ovirtsdk4.types as types\n"
        "from ovirtsdk4 import List, types as more, xml\n"
        "print(one is two, types is more is one.types, 'stand_in' in one.__file__)",
    )
    assert (done.stdout, done.stderr) == ("True True True\n", "")


def test_importing_is_quick_and_loads_no_network():
    code = (
        "import time; start = time.process_time()\n"
        "import trivirt.compat; trivirt.compat.install(); import ovirtsdk4\n"
        "spent = time.process_time() - start\n"
        "import sys, threading; print(spent, threading.active_count(), *sys.modules)"
    )
    seconds, threads, *modules = run("-c", code).stdout.split()
    assert not {"trio", "httpcore", "lxml", "lxml.etree", "ssl", "asyncio"} & set(modules)
    assert threads == "1"
    assert float(seconds) < 0.2 * 5  # Five times as long, for machines that are busy.


@pytest.fixture
def engine():
    engine = ScriptedEngine()
    engine.answers[f"GET {ROOT}/vms"] = reply("<vms/>")
    with served(engine.serve) as port:
        engine.url = f"http://127.0.0.1:{port}{ROOT}"
        yield engine


BEGIN = """
    import os, sys, ovirtsdk4 as sdk
    connection = sdk.Connection(sys.argv[1], "admin@internal", "secret")
    vms = connection.system_service().vms_service()
"""


@pytest.mark.parametrize(
    "futures",
    [
        "",
        "futures = [vms.list(wait=False) for _ in range(5)]",
        "futures = [vms.vm_service('nope').get(wait=False) for _ in range(5)]",
    ],
)
def test_a_program_that_does_not_close_ends_and_leaves_its_token_alive(tmp_path, engine, futures):
    path = script(tmp_path, textwrap.dedent(BEGIN) + f"print(vms.list())\n{futures}\n")
    start = time.perf_counter()
    done = run("-m", "trivirt.compat", path, engine.url)
    assert (done.stdout, done.stderr, done.returncode) == ("[]\n", "", 0)
    assert time.perf_counter() - start < 20
    assert (engine.logouts, len(engine.live)) == ([], 1)


def test_files_with_names_of_pythons_modules_may_lie_beside_a_script(tmp_path, engine):
    """Those that the real ovirtsdk4 has no use for: trio needs more of Python."""
    names = "bisect hashlib html http logging platform queue random select signal string xml"
    for name in names.split():
        script(tmp_path, "raise SystemExit('this is mine')", f"{name}.py")
    text = """
    print(vms.list(), sdk.writer.Writer.write(sdk.types.Vm(name="a")))
    print(sdk.reader.Reader.read(sdk.xml.XmlReader(__import__("io").BytesIO(b"<vm/>"))).name)
    connection.close()
    """
    path = script(tmp_path, textwrap.dedent(BEGIN) + textwrap.dedent(text))
    done = run("-m", "trivirt.compat", path, engine.url)
    assert (done.stdout, done.stderr) == ("[] <vm><name>a</name></vm>\nNone\n", "")


def test_closing_at_exit_works(tmp_path, engine):
    path = script(
        tmp_path,
        textwrap.dedent(BEGIN) + "import atexit; atexit.register(connection.close); vms.list()",
    )
    done = run("-m", "trivirt.compat", path, engine.url)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
    assert engine.logouts == ["token-1"]


def test_closing_while_modules_are_taken_down_does_not_hang(tmp_path, engine):
    """Wrappers of ovirtsdk4 close in `__del__`, which may come when no other thread runs."""
    text = """
    class Wrapper:
        def __del__(self):
            connection.close()
            try:
                vms.list()
            except sdk.Error as error:
                print(error, flush=True)
    vms.list()
    wrapper = Wrapper()
    """
    path = script(tmp_path, textwrap.dedent(BEGIN) + textwrap.dedent(text))
    done = run("-m", "trivirt.compat", path, engine.url)
    assert (done.stdout, done.stderr, done.returncode) == ("The connection is closed\n", "", 0)


def test_children_find_it_too(tmp_path):
    child = "import ovirtsdk4; print(ovirtsdk4.Connection.__init__.__code__.co_filename)"
    path = script(
        tmp_path,
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])",
    )
    assert "trivirt" in run("-m", "trivirt.compat", path).stdout


def test_the_folder_that_it_names_works_on_a_path():
    folder = run("-m", "trivirt.compat", "--path").stdout.strip()
    line = [sys.executable, "-c", "import ovirtsdk4; print(ovirtsdk4.__file__)"]
    paths = os.pathsep.join([folder, ENVIRONMENT["PYTHONPATH"]])
    done = subprocess.run(
        line, env={**ENVIRONMENT, "PYTHONPATH": paths}, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(folder)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_child_of_fork_can_go_on(tmp_path, engine):
    path = script(
        tmp_path,
        textwrap.dedent(BEGIN)
        + textwrap.dedent(
            """
            import warnings; warnings.simplefilter("ignore")
            vms.list()
            pid = os.fork()
            if pid == 0:
                other = sdk.Connection(sys.argv[1], "admin@internal", "secret")
                print("new", other.system_service().vms_service().list(), flush=True)
                other.close()
                print("old", vms.list(), flush=True)
                os._exit(0)
            print(os.waitpid(pid, 0)[1], vms.list())
            connection.close()
            """
        ),
    )
    done = run("-m", "trivirt.compat", path, engine.url)
    assert (done.stdout, done.stderr) == ("new []\nold []\n0 []\n", "")


@pytest.mark.skipif(sys.platform == "win32", reason="signals are different there")
def test_ctrl_c_interrupts_a_call(tmp_path):
    import threading

    import trio

    arrived, engine = threading.Event(), ScriptedEngine()

    async def serve(peer):
        while (request := await peer.request()) is not None:
            if "/vms" in request:
                arrived.set()
                await trio.sleep_forever()
            await peer.send(engine._answer(request, peer))

    path = script(
        tmp_path,
        textwrap.dedent(BEGIN)
        + textwrap.dedent(
            """
            try:
                vms.list()
            except KeyboardInterrupt:
                print("interrupted", flush=True)
                connection.close()
            """
        ),
    )
    with served(serve) as port:
        child = subprocess.Popen(
            [sys.executable, "-m", "trivirt.compat", path, f"http://127.0.0.1:{port}{ROOT}"],
            stdout=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT,
        )
        assert arrived.wait(30)
        child.send_signal(signal.SIGINT)
        out, _ = child.communicate(timeout=30)
    assert (out, child.returncode, engine.logouts) == ("interrupted\n", 0, ["token-1"])
