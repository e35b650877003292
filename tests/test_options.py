"""The arguments of `open_engine`: what is refused at the call, and what becomes of the rest."""

from __future__ import annotations

import inspect
import logging
import ssl
from typing import Any

import pytest
import trustme
from scripted_network import ScriptedNetwork

import trivirt
import trivirt.sync
from trivirt._options import Options, check_options
from trivirt.auth import Credentials
from trivirt.errors import UsageError

URL = "https://engine.example.com/ovirt-engine/api"


def options(url: str = URL, **given: Any) -> Options:
    defaults = {
        name: None
        for name, parameter in inspect.signature(check_options).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    values = {**defaults, "sso_token_name": "access_token", "insecure": False, "connections": 8}
    return check_options(url, Credentials(token="t"), **{**values, "compress": True, **given})


def test_both_ways_to_open_take_the_same() -> None:
    signatures = [inspect.signature(f) for f in (trivirt.open_engine, trivirt.sync.open_engine)]
    assert signatures[0].parameters == signatures[1].parameters


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"sso_url": "sso/token"}, "sso_url='sso/token': expected https://HOST/PATH"),
        ({"sso_url": "ftp://sso/token"}, "expected https://HOST/PATH"),
        ({"sso_url": "https://me:s3cret@sso/token"}, "sso_url holds a user name or password"),
        ({"sso_revoke_url": "https://sso:x/token"}, "sso_revoke_url cannot be read"),
        ({"proxy": "http://me:s3cret@proxy:x"}, "proxy= is not the URL of a proxy"),
        ({"proxy": "socks5://proxy"}, "proxy= names a socks5 proxy"),
        ({"limits": trivirt.Limits(body=0)}, r"Limits\(body=0\): a number of bytes, at least 1"),
        ({"limits": trivirt.Limits(head=1e6)}, r"Limits\(head=1000000.0\): a number of bytes"),
        ({"ca_data": "x"}, "ca_data holds no PEM certificate"),
        ({"client_cert": "/not/there"}, "client certificate '/not/there'"),
    ],
)
def test_what_cannot_work_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        options(**given)
    assert "s3cret" not in str(caught.value)


def test_where_to_sign_on() -> None:
    usual = options()
    assert usual.issuer.origin == usual.revoker.origin == usual.origin
    assert usual.issuer.target == "/ovirt-engine/sso/oauth/token"
    assert usual.revoker.target == "/ovirt-engine/services/sso-logout"
    elsewhere = options(sso_url="https://sso:8443/a?b=c", sso_revoke_url="http://sso")
    assert (elsewhere.issuer.origin.host, elsewhere.issuer.origin.port) == ("sso", 8443)
    assert elsewhere.issuer.target == "/a?b=c"
    assert elsewhere.revoker.target == "/"
    assert elsewhere.revoker.origin.tls is None
    assert elsewhere.issuer.origin.tls is elsewhere.origin.tls is not None


def test_a_sign_on_service_on_the_same_host_shares_its_connections() -> None:
    found = options(sso_url="https://engine.example.com/sso")
    assert found.issuer.origin == found.origin


def test_a_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", "sso.example.com")
    found = options(sso_url="https://sso.example.com/token")
    assert str(found.origin.proxy) == "proxy:3128"
    assert found.issuer.origin.proxy is None
    assert options(proxy=False).origin.proxy is None
    assert options(proxy="").origin.proxy is None
    assert str(options(proxy="other:1").origin.proxy) == "other:1"
    assert options("http://engine.example.com/ovirt-engine/api").origin.proxy is None


def test_a_broken_proxy_of_the_environment_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5h://me:s3cret@proxy")
    with pytest.raises(UsageError, match=r"^ALL_PROXY in the environment \(proxy=False") as caught:
        options()
    assert "s3cret" not in str(caught.value)


async def test_another_network_has_no_proxy_of_this_one(
    nursery: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    network = ScriptedNetwork(nursery)
    assert options(network_backend=network).origin.proxy is None
    assert options(network_backend=network, proxy="http://p").origin.proxy is not None


def test_insecure_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert options(insecure=True).origin.tls.verify_mode is ssl.CERT_NONE  # type: ignore[union-attr]
        assert [record.getMessage() for record in caplog.records] == [
            "insecure: whoever answers for https://engine.example.com/ovirt-engine/api is "
            "believed, and gets the password"
        ]
        options()
        options("http://engine/ovirt-engine/api", insecure=True)
    assert len(caplog.records) == 1


def test_secrets_are_not_shown() -> None:
    ca = trustme.CA()
    shown = repr(
        options(
            proxy="http://me:s3cret@proxy", ca_data=ca.cert_pem.bytes(), sso_url="https://sso/t"
        )
    )
    assert "s3cret" not in shown
    assert "bWU6" not in shown
