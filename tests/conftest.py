"""What every test gets: no way to another host; on demand a scripted model endpoint and a Docker daemon of its own."""

import ipaddress
import socket
import sys

import pytest

from tests.docker_daemon import private_daemon, why_not
from tests.loopback import Endpoint


class OutsideNetwork(RuntimeError):
    """A test tried to reach a host other than this one."""


def is_loopback(host):
    """Say whether `host`, a name or an address, is this machine."""
    if isinstance(host, bytes):
        host = host.decode(errors="replace")
    if host in (None, "", "localhost"):
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def guard(event, arguments):
    """Audit hook: refuse to connect, send or resolve beyond loopback; Unix sockets are free."""
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        family, address = arguments[0].family, arguments[1]
        host = address[0] if family in (socket.AF_INET, socket.AF_INET6) and address else None
    elif event == "socket.getaddrinfo" or event in ("socket.gethostbyname", "socket.gethostbyaddr"):
        host = arguments[0]
    else:
        return
    if not is_loopback(host):
        raise OutsideNetwork(f"tests use no network: {event} to {host!r}")


sys.addaudithook(guard)


@pytest.fixture
def endpoint():
    """Run an OpenAI-compatible server on loopback; script it with `endpoint.script`."""
    with Endpoint() as server:
        yield server


@pytest.fixture(scope="session")
def docker_daemon():
    """Run a daemon that has the image of the kernels; skips with the reason where none can be started."""
    if reason := why_not():
        pytest.skip(reason)
    with private_daemon() as daemon:
        yield daemon


@pytest.fixture(scope="session")
def docker_url(docker_daemon):
    """Return the address of that daemon."""
    return docker_daemon.url
