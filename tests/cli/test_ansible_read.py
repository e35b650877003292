from __future__ import annotations

from contextlib import asynccontextmanager

import trivirt
from trivirt.cli._ansible_read import read_host, read_inventory
from trivirt.simulator import SimulatedEngine
from trivirt.types import AffinityGroup, AffinityLabel, Vm


@asynccontextmanager
async def open_engine(simulated):
    async with simulated.in_process() as here:
        async with trivirt.open_engine(
            here.url,
            username=here.username,
            password=here.password,
            network_backend=here.network_backend,
        ) as engine:
            yield engine


async def test_names_of_groups_and_labels_reach_their_machines():
    async with open_engine(SimulatedEngine(4)) as engine:
        vms = await engine.vms.list()
        groups = engine.clusters.cluster(vms[0].cluster.id).affinity_groups
        group = await groups.add(AffinityGroup(name="together"))
        label = await engine.affinity_labels.add(AffinityLabel(name="gpu"))
        for vm in vms[:2]:
            await groups.group(group.id).vms.add(Vm(id=vm.id))
        await engine.affinity_labels.label(label.id).vms.add(Vm(id=vms[1].id))
        found = await read_inventory(engine)
        assert len(found["affinity_group_together"]["hosts"]) == 2
        (marked,) = found["affinity_label_gpu"]["hosts"]
        assert (await read_host(engine, marked))["affinity_groups"] == [
            {"__ansible_unsafe": "together"}
        ]


async def test_a_machine_takes_three_requests():
    simulated = SimulatedEngine(50)
    async with open_engine(simulated) as engine:
        await read_inventory(engine)
    assert simulated.statistics.requests <= 50 * 3 + 10


async def test_a_machine_that_vanishes_meanwhile_is_no_failure():
    simulated = SimulatedEngine(3)
    async with open_engine(simulated) as engine:
        perform = engine._run

        async def vanishing(call):
            """The engine forgets the last machine as soon as it has listed it."""
            answer = await perform(call)
            if call.path == "/vms":
                simulated.store.remove(list(simulated.store.collection("/vms"))[-1])
            return answer

        engine._run = vanishing
        found = await read_inventory(engine)
    assert len(found["_meta"]["hostvars"]) == 3
