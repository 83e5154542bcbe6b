# SPDX-License-Identifier: GPL-3.0-or-later
"""What an interface does for its system, on or off."""
import ctypes
import fcntl
import socket
import struct


def offload(netns, interface, command, value):
    """ethtool, of which Debian's need not be there: ETHTOOL_SGRO 0x2c, ETHTOOL_STXCSUM 0x17."""
    word = bytearray(struct.pack("II", command, value))
    with netns.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        held = (ctypes.c_char * len(word)).from_buffer(word)
        address = struct.pack("P", ctypes.addressof(held))
        fcntl.ioctl(sock, 0x8946, struct.pack("16s", interface.encode()) + address + bytes(16))
