"""A hash over all that a model is made from, to tell whether one is for the present data."""

import hashlib
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path


def fingerprint(paths: Iterable[Path], packages: Iterable[str]) -> str:
    """Return a hash over the names and content of files and folders and the versions of packages."""
    digest = hashlib.sha256()
    for path in paths:
        files = sorted(path.rglob("*.yml")) + sorted(path.rglob("*.py")) if path.is_dir() else [path]
        for file in files:
            digest.update(str(file.relative_to(path.parent)).encode() + b"\0" + file.read_bytes() + b"\0")
    for package in packages:
        digest.update(f"{package}=={version(package)}\0".encode())
    return digest.hexdigest()[:16]
