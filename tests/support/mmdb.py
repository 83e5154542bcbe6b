# SPDX-License-Identifier: GPL-3.0-or-later
"""Location databases in MaxMind's format (version 2), made for tests."""
import ipaddress
import struct

MARKER = b"\xab\xcd\xefMaxMind.com"


def encode(value):
    """str, int (32 bits), float (a double), dict, list; a tuple is (type, octets)."""
    if isinstance(value, str):
        data = value.encode()
        return control(2, len(data)) + data
    if isinstance(value, float):
        return control(3, 8) + struct.pack(">d", value)
    if isinstance(value, int):
        return control(6, 4) + struct.pack(">I", value)
    if isinstance(value, dict):
        return control(7, len(value)) + b"".join(encode(k) + encode(v) for k, v in value.items())
    if isinstance(value, list):
        return control(11, len(value)) + b"".join(map(encode, value))
    return control(value[0], len(value[1])) + value[1]


def control(kind, size):
    if size >= 29:
        raise ValueError("too long for a test")
    return bytes([kind << 5 | size] if kind < 8 else [size, kind - 7])


def flat(lat, lon, country, **more):
    """As ip-location-db writes a city."""
    return {"city": "Somewhere", "country_code": country, "latitude": lat, "longitude": lon, **more}


def nested(lat, lon, country, continent):
    """As MaxMind and DB-IP do."""
    return {"city": {"names": {"en": "Somewhere"}}, "continent": {"code": continent},
            "country": {"iso_code": country}, "location": {"latitude": lat, "longitude": lon}}


def build(networks, version=6):
    """The file's octets, of {prefix: record}; a longer prefix wins. IPv4 is behind 96 zeros."""
    nodes, data, offsets = [[None, None]], b"", {}
    for text, record in sorted(networks.items(),
                               key=lambda item: ipaddress.ip_network(item[0]).prefixlen):
        net = ipaddress.ip_network(text)
        blob = encode(record)
        if blob not in offsets:
            offsets[blob] = len(data)
            data += blob
        bits = bin(int(net.network_address))[2:].zfill(net.max_prefixlen)[:net.prefixlen]
        if version == 6 and net.version == 4:
            bits = "0" * 96 + bits
        at = 0
        for bit in bits[:-1]:
            below = nodes[at][int(bit)]
            if not isinstance(below, int):
                nodes.append([below, below])
                nodes[at][int(bit)] = below = len(nodes) - 1
            at = below
        nodes[at][int(bits[-1])] = (offsets[blob],)
    tree = b""
    for node in nodes:
        for branch in node:
            value = (len(nodes) if branch is None else branch if isinstance(branch, int)
                     else len(nodes) + 16 + branch[0])
            tree += struct.pack(">I", value)
    metadata = {"binary_format_major_version": (5, b"\0\2"),
                "binary_format_minor_version": (5, b"\0\0"),
                "build_epoch": (9, struct.pack(">Q", 1700000000)), "database_type": "Test-City",
                "description": {"en": "made by a test"}, "ip_version": (5, bytes([0, version])),
                "languages": ["en"], "node_count": len(nodes), "record_size": (5, b"\0\x20")}
    return tree + bytes(16) + data + MARKER + encode(metadata)
