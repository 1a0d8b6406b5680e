"""Real services for the tests that need them: Debian's Redis and nginx, each test's own, on free ports."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from redis import Redis
from redis.exceptions import RedisError

from bot.paths import ROOT
from tests.product import free_port

REDIS_OPTIONS = ("--save", "", "--appendonly", "no", "--loglevel", "warning", "--bind", "127.0.0.1")


class RedisServer:
    """A Redis that keeps everything in memory. It can be killed and started again at the same address."""

    def __init__(self, folder: Path, environ: Mapping[str, str] = {}) -> None:
        self.port = free_port()
        self._environ = os.environ | environ
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.client = Redis.from_url(self.url, socket_timeout=2)
        self._folder = folder
        self.start()

    def start(self) -> None:
        command = [program("redis-server"), "--port", str(self.port), "--dir", str(self._folder), *REDIS_OPTIONS]
        self.process = subprocess.Popen(command, env=self._environ, stdout=subprocess.DEVNULL)
        eventually(self.answers, 20)

    def answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except RedisError:
            return False

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def texts(self) -> list[bytes]:
        """Return every key and every value: all that is kept."""
        keys = list(self.client.scan_iter())
        return [*keys, *(self.client.get(key) or b"" for key in keys)]


@contextlib.contextmanager
def redis_server(folder: Path, environ: Mapping[str, str] = {}) -> Iterator[RedisServer]:
    """Start a Redis that is gone at the end."""
    server = RedisServer(folder, environ)
    try:
        yield server
    finally:
        server.kill()


def program(name: str) -> str:
    """Return the path of a program; without it the tests fail, for a gap would not be seen."""
    path = shutil.which(name, path="/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
    assert path, f"{name} is not installed: sh scripts/install_services.sh"
    return path


def eventually(holds: Callable[[], object], within_s: float, each_s: float = 0.05) -> float:
    """Return after how many seconds it held; fail where it does not within so many."""
    started = time.monotonic()
    while not holds():
        if time.monotonic() - started > within_s:
            pytest.fail(f"not so within {within_s} s")
        time.sleep(each_s)
    return time.monotonic() - started


class Proxy:
    """ops/nginx.conf as it stands, but for the ports, the certificate and the places of its files."""

    def __init__(self, folder: Path, *fronts: int) -> None:
        self.port, self._folder = free_port(), folder
        self.url = f"https://127.0.0.1:{self.port}"
        folder.joinpath("nginx.conf").write_text(self._configuration(fronts, free_port()))
        make_certificate(folder)
        self.process = subprocess.Popen(
            [program("nginx"), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", "daemon off;"],
            stdout=subprocess.DEVNULL,
            stderr=folder.joinpath("stderr").open("w"),
        )
        eventually(self._listens, 10)

    def _configuration(self, fronts: tuple[int, ...], plain_port: int) -> str:
        words = (ROOT / "ops" / "nginx.conf").read_text()
        server = "        server 127.0.0.1:8080 max_fails=0;\n"
        ours = "".join(server.replace("8080", str(front)) for front in fronts)
        changes = {
            server * 3: ours * 3,
            "listen 80;": f"listen 127.0.0.1:{plain_port};",
            "listen 443 ssl": f"listen 127.0.0.1:{self.port} ssl",
            "/etc/ssl/clinic/": f"{self._folder}/",
            "/var/log/nginx/": f"{self._folder}/",
            "/run/nginx.pid": f"{self._folder}/nginx.pid",
            "user www-data;\n": "",
            "worker_processes auto": "worker_processes 1",
        }
        for theirs, replacement in changes.items():
            assert theirs in words, f"ops/nginx.conf: {theirs!r} is not there any more"
            words = words.replace(theirs, replacement)
        return words

    def _listens(self) -> bool:
        assert self.process.poll() is None, self._folder.joinpath("stderr").read_text()
        with contextlib.closing(socket.socket()) as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)


@contextlib.contextmanager
def nginx(folder: Path, *fronts: int) -> Iterator[Proxy]:
    """Start nginx before the front servers at these ports; it is gone at the end."""
    proxy = Proxy(folder, *fronts)
    try:
        yield proxy
    finally:
        proxy.stop()


def make_certificate(folder: Path) -> None:
    """Write a certificate for 127.0.0.1, signed by itself, as nginx.conf names it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(address, critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    folder.joinpath("chat.pem").write_bytes(certificate.public_bytes(pem))
    folder.joinpath("chat.key").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
