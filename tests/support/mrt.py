# SPDX-License-Identifier: GPL-3.0-or-later
"""MRT files (RFC 6396) of BGP4MP_ET records, as catchment-lb dumps them.

    for record in mrt.read("/var/log/t1.mrt"):
        print(record.t, record.sent, record.kind, record.message.hex())

Written from the RFC alone, so that it holds lb/bgp/mrt.c to it: every octet must be accounted for.
"""
import collections
import ipaddress
import struct

BGP4MP_ET = 17
MESSAGE, MESSAGE_AS4, STATE_CHANGE_AS4, MESSAGE_LOCAL, MESSAGE_AS4_LOCAL = 1, 4, 5, 6, 7
STATES = (None, "Idle", "Connect", "Active", "OpenSent", "OpenConfirm", "Established")
KINDS = (None, "open", "update", "notification", "keepalive", "route_refresh")

# t: seconds since 1970. Of a message: sent by us or not, kind, message with its header; of a change
# of state: was, now; the others are None.
Record = collections.namedtuple(
    "Record", "t subtype peer_as local_as peer local sent kind message was now")


def take(data, layout):
    size = struct.calcsize(layout)
    return (*struct.unpack(layout, data[:size]), data[size:])


def parse_session(data, asn):
    """peer_as, local_as, peer, local, the rest."""
    peer_as, local_as, interface, afi, data = take(data, ">%s%sHH" % (asn, asn))
    assert interface == 0
    size = {1: 4, 2: 16}[afi]
    peer, local = (str(ipaddress.ip_address(data[i:i + size])) for i in (0, size))
    return peer_as, local_as, peer, local, data[2 * size:]


def parse(t, subtype, data):
    asn = "H" if subtype in (MESSAGE, MESSAGE_LOCAL) else "I"
    *session, data = parse_session(data, asn)
    if subtype == STATE_CHANGE_AS4:
        was, now, data = take(data, ">HH")
        assert not data, "octets behind a change of state"
        return Record(t, subtype, *session, None, None, None, STATES[was], STATES[now])
    assert subtype in (MESSAGE, MESSAGE_AS4, MESSAGE_LOCAL, MESSAGE_AS4_LOCAL), subtype
    marker, length, kind, _ = take(data, ">16sHB")
    assert marker == b"\xff" * 16 and length == len(data), "not one whole message"
    sent = subtype in (MESSAGE_LOCAL, MESSAGE_AS4_LOCAL)
    return Record(t, subtype, *session, sent, KINDS[kind], data, None, None)


def read(path):
    """All records of a file, which must end behind the last one."""
    with open(path, "rb") as file:
        data = file.read()
    records = []
    while data:
        seconds, kind, subtype, length, data = take(data, ">IHHI")
        assert kind == BGP4MP_ET and 4 <= length <= len(data), (kind, length, len(data))
        micros, body = struct.unpack(">I", data[:4])[0], data[4:length]
        assert micros < 1000000
        records.append(parse(seconds + micros / 1e6, subtype, body))
        data = data[length:]
    return records
