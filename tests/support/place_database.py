"""A small MMDB file (MaxMind DB format 2.0): networks and what is said of them, as an operator would supply it."""

from ipaddress import ip_network
from pathlib import Path
from typing import Any

_MARKER = b"\xab\xcd\xefMaxMind.com"


def write_place_database(path: Path, networks: dict[str, Any]) -> Path:
    """IPv6 database; IPv4 networks stand below ::/96, as the format has it."""
    nodes: list[list[Any]] = [[None, None]]
    data, offsets = b"", {}
    for network, said in networks.items():
        offsets[network] = len(data)
        data += _encode(said)
        _insert(nodes, _bits(network), network)
    tree = b"".join(_record(child, len(nodes), offsets).to_bytes(4) for node in nodes for child in node)
    metadata = {
        "node_count": len(nodes), "record_size": 32, "ip_version": 6, "database_type": "Places",
        "languages": ["en"], "binary_format_major_version": 2, "binary_format_minor_version": 0,
        "build_epoch": 1_790_000_000, "description": {"en": "a test"},
    }  # fmt: skip
    path.write_bytes(tree + bytes(16) + data + _MARKER + _encode(metadata))
    return path


def _bits(network: str) -> str:
    parsed = ip_network(network)
    bits = f"{int(parsed.network_address):0{parsed.max_prefixlen}b}"[: parsed.prefixlen]
    return bits if parsed.version == 6 else "0" * 96 + bits


def _insert(nodes: list[list[Any]], bits: str, network: str) -> None:
    at = 0
    for bit in map(int, bits[:-1]):
        if nodes[at][bit] is None:
            nodes.append([None, None])
            nodes[at][bit] = len(nodes) - 1
        at = nodes[at][bit]
    nodes[at][int(bits[-1])] = network


def _record(child: Any, node_count: int, offsets: dict[str, int]) -> int:
    if child is None:
        return node_count
    return child if isinstance(child, int) else node_count + 16 + offsets[child]


def _encode(value: Any) -> bytes:
    if isinstance(value, dict):
        return _control(7, len(value)) + b"".join(
            _encode(name) + _encode(said) for name, said in value.items()
        )
    if isinstance(value, list):
        return _control(11, len(value)) + b"".join(map(_encode, value))
    if isinstance(value, int):
        raw = value.to_bytes((value.bit_length() + 7) // 8)
        return _control(9 if value >= 1 << 32 else 6 if value >= 1 << 16 else 5, len(raw)) + raw
    raw = str(value).encode()
    return _control(2, len(raw)) + raw


def _control(kind: int, size: int) -> bytes:
    """The control byte, with the kind in a byte of its own from 8 on, and sizes from 29 on in the next."""
    first = (kind if kind < 8 else 0) << 5
    more = b"" if kind < 8 else bytes([kind - 7])
    if size < 29:
        return bytes([first | size]) + more
    return bytes([first | 29]) + more + bytes([size - 29])
