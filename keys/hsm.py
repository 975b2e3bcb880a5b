"""Where a hardware security module is, and one session with it, by PKCS#11 (RFC 7512 for its address).

A library is used by one thread at a time, since it is opened without locks of its own, and never across a fork. A
session that is lost (the module was restarted, the network was away) is opened anew at its next use. Needs the extra
`hsm`. No sentence here holds a PIN.
"""

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

T = TypeVar("T")


class HsmFault(Exception):
    """The module cannot be used; the sentence says what to mend."""


@dataclass(frozen=True, slots=True)
class HsmAddress:
    """A token of a module, and the label of an object in it."""

    module: Path
    token: str
    label: str
    pin_file: Path

    @classmethod
    def parse(cls, uri: str) -> "HsmAddress":
        """From `pkcs11:token=T;object=K?module-path=/…/lib.so&pin-source=file:/…/pin`.

        Raises:
            HsmFault: something is missing.
        """
        parts = urlsplit(uri)
        path = dict(pair.partition("=")[::2] for pair in parts.path.split(";"))
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        found = (query.get("module-path"), path.get("token"), path.get("object"), query.get("pin-source"))
        module, token, label, pin = (unquote(each or "") for each in found)
        if parts.scheme != "pkcs11" or not (module and token and label and pin):
            raise HsmFault(
                "must be pkcs11:token=TOKEN;object=KEY?module-path=/path/of/library.so&pin-source=file:/path/of/pin."
            )
        return cls(Path(module), token, label, Path(pin.removeprefix("file:")))


class HsmSession:
    """Opened when it is first used. Every session of a process takes its turn."""

    def __init__(self, where: HsmAddress, *, writes: bool = False) -> None:
        self._where = where
        self._writes = writes
        self._opened: Any = None
        self._in_process = 0

    def run(self, work: Callable[[Any, Any], T]) -> T:
        """`work(pkcs11, session)`; once more in a new session where the first was lost.

        Raises:
            HsmFault: no library, no token, a wrong PIN, or what `work` met.
        """
        pkcs11 = _pkcs11()
        with _turns.lock:
            try:
                return work(pkcs11, self._session(pkcs11))
            except (pkcs11.PKCS11Error, RuntimeError):
                self._lose()
            try:
                return work(pkcs11, self._session(pkcs11))
            except (pkcs11.PKCS11Error, RuntimeError) as fault:
                self._lose()
                raise HsmFault(_told(pkcs11, fault)) from None

    def close(self) -> None:
        with _turns.lock:
            self._lose()

    def _session(self, pkcs11: Any) -> Any:
        if self._opened is None or self._in_process != os.getpid():
            token = _library(pkcs11, str(self._where.module)).get_token(token_label=self._where.token)
            self._opened = self._open(pkcs11, token)
            self._in_process = os.getpid()
        return self._opened

    def _open(self, pkcs11: Any, token: Any) -> Any:
        try:
            pin = self._where.pin_file.read_text().strip()
        except OSError:
            raise HsmFault("names a PIN file that cannot be read.") from None
        try:
            return token.open(rw=self._writes, user_pin=pin)
        except (
            pkcs11.UserAlreadyLoggedIn
        ):  # another session of ours: PKCS#11 logs a process in, not a session
            return token.open(rw=self._writes)

    def _lose(self) -> None:
        lost, self._opened = self._opened, None
        if lost is not None and self._in_process == os.getpid():
            with suppress(Exception):
                lost.close()


def _told(pkcs11: Any, fault: Exception) -> str:
    """The kind says enough; a library's own words are not ours to repeat."""
    if isinstance(fault, pkcs11.NoSuchKey):
        return "has no such key (NoSuchKey). Was it destroyed in the token, or is it another token?"
    return f"cannot be used ({type(fault).__name__}). Is the token there, and the PIN right?"


class _Turns:
    """The lock of all sessions, and the process that each library was opened in."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.opened_in: dict[str, int] = {}

    def begin_anew(self) -> None:
        """In a forked child, where another thread of the parent may have held the lock."""
        self.lock = threading.Lock()


_turns = _Turns()
os.register_at_fork(after_in_child=_turns.begin_anew)


def _library(pkcs11: Any, path: str) -> Any:
    """PKCS#11 §5.4 (3.0): a child of a fork begins the library anew."""
    found = pkcs11.lib(path)
    if _turns.opened_in.setdefault(path, os.getpid()) != os.getpid():
        with suppress(pkcs11.PKCS11Error):
            found.finalize()
        found = pkcs11.lib(path)
    _turns.opened_in[path] = os.getpid()
    return found


def _pkcs11() -> Any:
    try:
        return import_module("pkcs11")
    except ImportError:
        raise HsmFault("needs python-pkcs11. Install it: pip install 'adgang[hsm]'.") from None
