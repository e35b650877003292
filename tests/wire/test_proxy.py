"""Proxies: which one, by the URL and by the environment."""

from __future__ import annotations

import ssl
from base64 import b64decode

import pytest

from trivirt.errors import UsageError
from trivirt.wire import Origin, Proxy, environment_proxy, parse_proxy
from trivirt.wire._proxy import excluded


def context() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def parse(url: str) -> Proxy:
    return parse_proxy(url, context, source="proxy=")


@pytest.mark.parametrize(
    ("url", "shown", "pair"),
    [
        ("http://proxy:3128", "proxy:3128", None),
        ("proxy:3128", "proxy:3128", None),
        ("http://proxy", "proxy:80", None),
        ("https://proxy/", "proxy:443", None),
        ("HTTP://[::1]:8080", "[::1]:8080", None),
        ("http://us%40er:p%3Aw%2F%C3%BC@proxy:1", "proxy:1", "us@er:p:w/ü"),
        ("user@proxy:1", "proxy:1", "user:"),
    ],
)
def test_the_url_of_a_proxy(url: str, shown: str, pair: str | None) -> None:
    proxy = parse(url)
    assert str(proxy) == shown
    assert (proxy.tls is not None) == url.startswith("https")
    assert (b64decode(proxy.credentials).decode() if proxy.credentials else None) == pair


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://u:s3cret@proxy:port", "is not the URL of a proxy; expected http://"),
        ("http://u:s3cret@[::1", "is not the URL of a proxy"),
        ("http://u:s3cret/@proxy:3128", "is not the URL of a proxy"),
        ("http://u:s3cret@proxy\u2100:3128", "is not the URL of a proxy"),
        ("http://u:s3cret@/", "is not the URL of a proxy"),
        ("http://u:s3cret@proxy/path", "is not the URL of a proxy"),
        ("socks5://u:s3cret@proxy:1080", "names a socks5 proxy; trivirt speaks to HTTP proxies"),
    ],
)
def test_what_is_no_proxy_is_refused_without_showing_it(url: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        parse(url)
    assert str(caught.value).startswith("proxy= ")
    assert "s3cret" not in f"{caught.value} {caught.value.__cause__} {caught.value.__context__}"


def test_credentials_are_not_shown() -> None:
    proxy = parse("http://user:s3cret@proxy:3128")
    assert "cret" not in repr(proxy) + str(proxy) + repr(Origin("engine", 443, None, proxy))
    assert (proxy.credentials or "-") not in repr(proxy)


@pytest.mark.parametrize(
    ("env", "secure", "found"),
    [
        ({}, True, None),
        ({"HTTPS_PROXY": "a"}, True, ("HTTPS_PROXY", "a")),
        ({"HTTPS_PROXY": "a", "https_proxy": "b"}, True, ("https_proxy", "b")),
        ({"HTTPS_PROXY": "a"}, False, None),
        ({"HTTP_PROXY": "a"}, False, ("HTTP_PROXY", "a")),
        ({"HTTP_PROXY": "a", "REQUEST_METHOD": "GET"}, False, None),
        ({"http_proxy": "a", "REQUEST_METHOD": "GET"}, False, ("http_proxy", "a")),
        ({"HTTPS_PROXY": " "}, True, None),
        ({"ALL_PROXY": "a"}, True, ("ALL_PROXY", "a")),
        ({"all_proxy": "a", "HTTPS_PROXY": "b"}, True, ("HTTPS_PROXY", "b")),
        ({"HTTPS_PROXY": "a", "NO_PROXY": "example.com"}, True, None),
        ({"HTTPS_PROXY": "a", "no_proxy": "example.com"}, True, None),
    ],
)
def test_the_environment(env: dict[str, str], secure: bool, found: tuple[str, str] | None) -> None:
    assert environment_proxy(secure, "engine.example.com", 443, env) == found


@pytest.mark.parametrize(
    ("no_proxy", "host", "port", "out"),
    [
        ("", "engine", 443, False),
        ("*", "engine", 443, True),
        ("engine", "engine", 443, True),
        ("Engine.Example.com", "engine.example.COM", 443, True),
        ("example.com", "engine.example.com", 443, True),
        (".example.com", "engine.example.com", 443, True),
        (".example.com", "example.com", 443, True),
        ("example.com", "badexample.com", 443, False),
        ("a.com, b.com", "b.com", 443, True),
        ("a.com b.com", "b.com", 443, True),
        ("engine:8443", "engine", 443, False),
        ("engine:443", "engine", 443, True),
        ("127.0.0.1", "127.0.0.1", 443, True),
        ("127.0.0.0/8", "127.0.0.1", 443, True),
        ("10.0.0.0/8", "127.0.0.1", 443, False),
        ("localhost,127.0.0.1,::1", "::1", 443, True),
        ("[::1]", "::1", 443, True),
        ("[::1]:443", "::1", 443, True),
        ("[::1]:444", "::1", 443, False),
        ("fd00::/8", "fd12::1", 443, True),
        ("localhost", "127.0.0.1", 443, False),
        (".", "engine", 443, False),
        (",,", "engine", 443, False),
    ],
)
def test_no_proxy(no_proxy: str, host: str, port: int, out: bool) -> None:
    assert excluded(host, port, no_proxy) is out
