"""Through a real proxy to the simulated engine on TCP."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from tinyproxy import missing, tinyproxy

import trivirt
from trivirt.errors import ConnectFailed
from trivirt.simulator import Served

if lacking := missing():
    pytest.skip(lacking, allow_module_level=True)


def open_engine(served: Served, **options: Any) -> Any:
    return trivirt.open_engine(
        served.url,
        username=served.username,
        password=served.password,
        ca_file=served.ca_file,
        **options,
    )


async def test_a_proxy_without_credentials(served: Served) -> None:
    with tinyproxy() as proxy, trio.fail_after(20):
        async with open_engine(served, proxy=f"http://localhost:{proxy.port}") as engine:
            futures = [engine.soon.vms.list(max=number) for number in range(1, 101)]
            assert [len(await future.wait()) for future in futures] == list(range(1, 101))
            assert proxy.tunnels == engine.statistics().opened > 0


async def test_a_proxy_with_credentials(served: Served) -> None:
    with tinyproxy("BasicAuth user s3cret") as proxy, trio.fail_after(20):
        async with open_engine(
            served, proxy=f"http://user:s3cret@127.0.0.1:{proxy.port}"
        ) as engine:
            assert len(await engine.vms.list(max=3)) == 3
        for bad, words in ("user:no-s3cret@", "refused the user name"), ("", "wants a user name"):
            with pytest.raises(ConnectFailed, match=words) as caught:
                async with open_engine(served, proxy=f"http://{bad}127.0.0.1:{proxy.port}"):
                    pytest.fail("signed on")
            assert "s3cret" not in str(caught.value)


async def test_a_proxy_of_the_environment(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    with tinyproxy("ConnectPort 443") as proxy, trio.fail_after(20):
        monkeypatch.setenv("HTTPS_PROXY", f"127.0.0.1:{proxy.port}")
        with pytest.raises(ConnectFailed, match="does not allow a connection"):
            async with open_engine(served):
                pytest.fail("signed on")
        async with open_engine(served, proxy=False) as engine:
            assert len(await engine.vms.list(max=3)) == 3
        monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.0/8")
        async with open_engine(served) as engine:
            assert len(await engine.vms.list(max=3)) == 3
