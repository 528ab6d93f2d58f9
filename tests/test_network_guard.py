"""The suite cannot leave this machine."""

import socket
import urllib.request

import pytest


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("10.0.0.1", 443), ("0.0.0.1", 80)])
def test_connecting_to_another_host_is_refused(address):
    with socket.socket() as plain, pytest.raises(RuntimeError, match="tests use no network"):
        plain.connect(address)


def test_ipv6_beyond_loopback_is_refused():
    with socket.socket(socket.AF_INET6) as plain, pytest.raises(RuntimeError, match="no network"):
        plain.connect(("2001:db8::1", 80))


def test_a_datagram_to_another_host_is_refused():
    with (
        socket.socket(type=socket.SOCK_DGRAM) as plain,
        pytest.raises(RuntimeError, match="no network"),
    ):
        plain.sendto(b"x", ("192.0.2.1", 53))


def test_resolving_a_name_is_refused():
    with pytest.raises(RuntimeError, match="no network"):
        urllib.request.urlopen("http://example.org/", timeout=1)


def test_loopback_and_unix_sockets_work(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        server.listen()
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(tmp_path / "s"))
