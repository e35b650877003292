"""Sign-on with a ticket of a real KDC, checked by mod_auth_gssapi in front of the engine."""

from __future__ import annotations

from typing import Any

import kerberos
import pytest
import trio
from apache import Apache, apache, missing
from kerberos import REALM, USER, Kdc

import trivirt
from trivirt.errors import AuthError
from trivirt.simulator import Served, SimulatedEngine

if lacking := kerberos.missing() or missing("auth_gssapi"):
    pytest.skip(lacking, allow_module_level=True)

PROTECTED = """
  <Location /ovirt-engine/sso/oauth/token-http-auth>
    AuthType GSSAPI
    AuthName engine
    GssapiCredStore keytab:{keytab}
    Require {who}
    RequestHeader set X-Remote-User expr=%{{REMOTE_USER}}
  </Location>
"""


@pytest.fixture
def protected(tickets: Kdc, served: Served) -> Any:
    """Opens Apache that lets in whom `who` names, with a ticket."""

    def opened(who: str = "valid-user") -> Any:
        extra = PROTECTED.format(keytab=tickets.keytab, who=who)
        return apache(served.url, "auth_gssapi", extra=extra, env=tickets.env)

    return opened


def open_engine(httpd: Apache, **options: Any) -> Any:
    options = {"kerberos": True, "ca_file": httpd.ca_file, "proxy": False, **options}
    return trivirt.open_engine(httpd.url, **options)


async def test_a_ticket_signs_on_and_renews(protected: Any, simulated: SimulatedEngine) -> None:
    with protected() as httpd, trio.fail_after(20):
        async with open_engine(httpd) as engine:
            # Somebody who has just been let in is no administrator, and does not see all 400.
            assert 30 < len(await engine.vms.list()) < 400
            assert _holders(simulated) == {f"{USER}@{REALM}"}
            simulated.sign_on.forget_all()
            futures = [engine.soon.vms.list(max=number) for number in range(1, 31)]
            assert [len(await future.wait()) for future in futures] == list(range(1, 31))
            assert engine.statistics().logins == 2
            assert len(_holders(simulated)) == 1
        assert _holders(simulated) == set()


async def test_the_principal_is_chosen_by_name(protected: Any, simulated: SimulatedEngine) -> None:
    with protected() as httpd, trio.fail_after(20):
        async with open_engine(httpd, username=f"{USER}@{REALM}"):
            assert _holders(simulated) == {f"{USER}@{REALM}"}
        with pytest.raises(AuthError, match="no ticket of somebody for HTTP@localhost"):
            async with open_engine(httpd, username="somebody"):
                pytest.fail("signed on")


async def test_without_a_ticket(
    protected: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    with protected() as httpd:
        monkeypatch.setenv("KRB5CCNAME", f"FILE:{tmp_path}/none")
        with pytest.raises(AuthError, match="Run kinit"):
            async with open_engine(httpd):
                pytest.fail("signed on")


async def test_a_ticket_that_apache_does_not_like(protected: Any) -> None:
    with protected("user root@TRIVIRT.TEST") as httpd:
        with pytest.raises(AuthError, match="localhost does not accept the ticket") as caught:
            async with open_engine(httpd):
                pytest.fail("signed on")
    assert caught.value.code == "access_denied"


async def test_an_engine_that_was_not_set_up_for_kerberos(tickets: Kdc, served: Served) -> None:
    """The engine itself offers Negotiate all the same."""
    with apache(served.url) as httpd:
        with pytest.raises(AuthError, match="is Kerberos set up on the engine"):
            async with open_engine(httpd):
                pytest.fail("signed on")


def _holders(simulated: SimulatedEngine) -> set[str]:
    return {session.user for session in simulated.sign_on._tokens.values()}
