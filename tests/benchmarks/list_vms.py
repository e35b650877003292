"""One list of all VMs, ten attributes of each read; prints CPU, peak memory and the like as JSON.

    list_vms.py CLIENT URL CA_FILE

CLIENT is `trivirt` or `ovirtsdk4`; `stretches`, which also finds the longest times that a task of
trivirt kept others waiting (apart, because to look costs time); or `iterate`, which goes through
the pages of a list and says how much memory it took after each tenth. CPU is that of the work,
sign-on included and imports left out.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from functools import partial
from typing import Any

USER, PASSWORD = "admin@internal", "secret"


def read(vm: Any) -> tuple[Any, ...]:
    """Ten attributes, of which some are nested."""
    return (
        *(vm.id, vm.name, vm.status, vm.memory, vm.creation_time),
        *(vm.cluster.id, vm.cpu.topology.cores, vm.os.type, vm.fqdn, vm.high_availability.enabled),
    )


def with_ovirtsdk4(url: str, ca_file: str) -> dict[str, Any]:
    import ovirtsdk4

    def work() -> dict[str, Any]:
        connection = ovirtsdk4.Connection(
            url=url, username=USER, password=PASSWORD, ca_file=ca_file
        )
        vms = connection.system_service().vms_service().list()
        rows = [read(vm) for vm in vms]
        connection.close()
        return {"vms": len(rows)}

    return measured(work)


def with_trivirt(url: str, ca_file: str, *, watched: bool = False) -> dict[str, Any]:
    import trio

    import trivirt
    import trivirt.engine
    import trivirt.services.vm
    import trivirt.types.boot
    import trivirt.types.cluster
    import trivirt.types.cpu
    import trivirt.types.hardware
    import trivirt.types.vm

    stretches = Stretches(trio)

    async def main() -> int:
        async with trivirt.open_engine(
            url, username=USER, password=PASSWORD, ca_file=ca_file
        ) as engine:
            if watched:
                trio.lowlevel.add_instrument(stretches.instrument)
            vms = await engine.vms.list()
            if watched:
                trio.lowlevel.remove_instrument(stretches.instrument)
            return len([read(vm) for vm in vms])

    result = measured(lambda: {"vms": trio.run(main)})
    return {**result, "longest_ms": stretches.longest}


def with_iterate(url: str, ca_file: str) -> dict[str, Any]:
    import trio

    import trivirt

    async def main() -> dict[str, Any]:
        count, kilobytes = 0, []
        async with trivirt.open_engine(url, username=USER, password=PASSWORD) as engine:
            async for vm in engine.vms.iterate():
                read(vm)
                count += 1
                if count % 10_000 == 0:
                    kilobytes.append(resident())
        return {"vms": count, "resident_kb": kilobytes}

    return measured(lambda: trio.run(main))


class Stretches:
    """The longest times, in CPU of this thread, that tasks ran without a checkpoint."""

    def __init__(self, trio: Any) -> None:
        self._found: list[tuple[float, str]] = []
        began = time.thread_time()

        class Watch(trio.abc.Instrument):
            def before_task_step(self, task: Any) -> None:
                nonlocal began
                began = time.thread_time()

            def after_task_step(_, task: Any) -> None:
                self._found.append((round(1000 * (time.thread_time() - began), 1), task.name))

        self.instrument = Watch()

    @property
    def longest(self) -> list[tuple[float, str]]:
        return sorted(self._found, reverse=True)[:4]


def resident() -> int:
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def measured(work: Any) -> dict[str, Any]:
    began = time.process_time()
    result: dict[str, Any] = work()
    return {
        **result,
        "cpu_s": round(time.process_time() - began, 3),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


if __name__ == "__main__":
    clients = {
        "trivirt": with_trivirt,
        "stretches": partial(with_trivirt, watched=True),
        "ovirtsdk4": with_ovirtsdk4,
        "iterate": with_iterate,
    }
    print(json.dumps(clients[sys.argv[1]](sys.argv[2], sys.argv[3])))
