"""Which URLs and addresses a webhook may have (SSRF protection)."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from tests.delivery.names import resolving
from tickets.adapters.webhooks.addresses import (
    AddressPolicy,
    RefusedUrl,
    WebhookUrl,
    is_public,
)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
        "0.0.0.0",  # noqa: S104 - it is refused here
        *("100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
        *("::1", "::", "fe80::1", "fc00::1", "fd12::1", "ff02::1", "2001:db8::1", "fec0::1"),
        *("::ffff:10.0.0.1", "::ffff:7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b::10.0.0.1"),
        *("64:ff9b:1::a9fe:a9fe", "2002:7f00:1::1", "2002:a00:1::", "::127.0.0.1", "::7f00:1"),
        *("2001:0:4136:e378:8000:63bf:3fff:fdd2", "2606:4700::5efe:10.0.0.1"),
        *("2606:4700::200:5efe:7f00:1", "100::1"),
    ],
)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert not is_public(ip_address(address))
    with pytest.raises(RefusedUrl, match="not public"):
        AddressPolicy().check(address, WebhookUrl.parse("https://hooks.example.com"))


@pytest.mark.parametrize(
    "address",
    ["93.184.216.34", "2606:4700::1111", "64:ff9b::5db8:d822", "2002:5db8:d822::1"],
)
def test_a_public_address_is_accepted(address: str) -> None:
    AddressPolicy().check(address, WebhookUrl.parse("https://hooks.example.com"))


def test_a_scope_does_not_hide_an_address() -> None:
    with pytest.raises(RefusedUrl):
        AddressPolicy().check("fe80::1%eth0", WebhookUrl.parse("https://hooks.example.com"))


def test_http_is_for_networks_that_are_let_through() -> None:
    policy = AddressPolicy(["10.1.0.0/16"])
    url = WebhookUrl.parse("http://hooks.example.com/x")

    policy.check("10.1.2.3", url)
    policy.check("::ffff:10.1.2.3", url)
    for address in ("10.2.0.1", "93.184.216.34"):
        with pytest.raises(RefusedUrl):
            policy.check(address, url)


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://a.example/x", "https://", "https:///x", "//a.example", "a.example/x", ""),
        *("https://user:pass@a.example/", "https://user@a.example/", "https://@a.example/"),
        *("https://a.example:25/", "https://a.example:0/", "https://a.example:99999/"),
        *("https://a.example/#x", "https://a.example./", "https://.example/", "https://-a/"),
        *("https://grüße.example/", "https://a.example/ü", "https://a.example/a b"),
        *("https://a.example/\r\nX: y", "https://a.example/\x00", "https://a.example\\@b.example"),
        *("https://[::1%eth0]/", "https://" + "a" * 2000 + ".example/"),
    ],
)
def test_an_odd_url_is_refused(url: str) -> None:
    with pytest.raises(RefusedUrl):
        WebhookUrl.parse(url)


def test_a_url_is_taken_apart() -> None:
    url = WebhookUrl.parse("https://Hooks.Example.com:8443/a%20b?c=d&e")
    plain = WebhookUrl.parse("https://xn--gre-hoa8c.example")

    assert (url.host, url.port, url.target) == ("hooks.example.com", 8443, "/a%20b?c=d&e")
    assert url.authority == "hooks.example.com:8443"
    assert (plain.port, plain.target, plain.authority) == (443, "/", "xn--gre-hoa8c.example")
    assert WebhookUrl.parse("https://[2606:4700::1111]:8443/").authority == "[2606:4700::1111]:8443"


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "localhost", "[::1]"]
)
async def test_other_spellings_of_a_private_address_are_refused(host: str) -> None:
    with pytest.raises(RefusedUrl):
        await AddressPolicy().resolve(WebhookUrl.parse(f"https://{host}/"))


async def test_a_name_with_one_public_and_one_private_address_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = WebhookUrl.parse("https://hooks.example.com/")
    resolving(monkeypatch, [["93.184.216.34", "2606:4700::1111"], ["93.184.216.34", "10.0.0.1"]])

    assert await AddressPolicy().resolve(url) == ["93.184.216.34", "2606:4700::1111"]
    with pytest.raises(RefusedUrl, match=r"10\.0\.0\.1"):
        await AddressPolicy().resolve(url)
