# SPDX-License-Identifier: LGPL-2.1-or-later
# scsi.py: reservation commands over the control export, for Python scripts.

import struct

from client import check, connect, fail

REGISTER, RESERVE, RELEASE, CLEAR, PREEMPT, PREEMPT_AND_ABORT, \
    REGISTER_AND_IGNORE, REGISTER_AND_MOVE = range(8)
READ_KEYS, READ_RESERVATION, REPORT_CAPABILITIES, READ_FULL_STATUS = range(4)

GOOD = "GOOD"
CONFLICT = "RESERVATION CONFLICT"
LIST_LENGTH = (5, 0x1a, 0x00)
INVALID_OPERATION = (5, 0x20, 0x00)
INVALID_FIELD_IN_CDB = (5, 0x24, 0x00)
INVALID_FIELD_IN_LIST = (5, 0x26, 0x00)
INVALID_RELEASE = (5, 0x26, 0x04)

WRITE_EXCLUSIVE = 1


def transport_id(node):
    name = node.encode() + b"\0"
    name += bytes(-len(name) % 4)
    name = name.ljust(20, b"\0")
    return struct.pack(">BBH", 5, 0, len(name)) + name


class Nexus:
    """A node's connection to the control export of a volume."""

    def __init__(self, server, node, volume="disk0"):
        self.handle = connect(server, f"{volume}@{node}/reservation")
        self.data = b""
        self.generation = None

    def run(self, cdb, parameters=b""):
        """GOOD, CONFLICT, or (sense key, ASC, ASCQ); the data-in in data."""
        self.handle.pwrite(bytes(cdb).ljust(16, b"\0") + parameters, 0)
        reply = self.handle.pread(65536, 0)
        status, sense_length, zero, length = struct.unpack_from(">BBHI", reply)
        check(zero == 0, "reserved bytes are not zero")
        self.data = reply[64:64 + length]
        check(not any(reply[8 + sense_length:64]) and
              not any(reply[64 + length:]), "bytes behind the reply")
        if status == 0x00:
            check(sense_length == 0, "sense data with GOOD")
            return GOOD
        check(length == 0, "data-in without GOOD")
        if status == 0x18:
            check(sense_length == 0, "sense data with RESERVATION CONFLICT")
            return CONFLICT
        check(status == 0x02 and sense_length == 18, f"status {status}")
        sense = reply[8:26]
        check(sense[0] == 0x70 and sense[7] == 10, "not fixed-format sense")
        return sense[2], sense[12], sense[13]

    def out(self, action, key=0, service_key=0, kind=0, scope=0, flags=0,
            extra=b""):
        parameters = struct.pack(">QQ4xB3x", key, service_key, flags) + extra
        return self.raw_out(action, parameters, kind, scope)

    def raw_out(self, action, parameters, kind=0, scope=0):
        cdb = struct.pack(">BBBxxIx", 0x5f, action, scope << 4 | kind,
                          len(parameters))
        return self.run(cdb, parameters)

    def read(self, action, length=8192):
        return self.run(struct.pack(">BB5xHx", 0x5e, action, length))

    def keys(self):
        """(PRGENERATION, [key])"""
        check(self.read(READ_KEYS) == GOOD, "READ KEYS")
        generation, length = struct.unpack_from(">II", self.data)
        check(length == len(self.data) - 8, "length of READ KEYS")
        return generation, [key for key, in
                            struct.iter_unpack(">Q", self.data[8:])]

    def reservation(self):
        """(key, type), or None"""
        check(self.read(READ_RESERVATION) == GOOD, "READ RESERVATION")
        _, length = struct.unpack_from(">II", self.data)
        if length == 0:
            return None
        key, scope_type = struct.unpack_from(">Q5xB", self.data, 8)
        return key, scope_type

    def full_status(self):
        """{node: (key, holds it, type)}"""
        check(self.read(READ_FULL_STATUS, 65535) == GOOD, "READ FULL STATUS")
        self.generation, length = struct.unpack_from(">II", self.data)
        check(length == len(self.data) - 8, "length of READ FULL STATUS")
        nodes, at = {}, 8
        while at < len(self.data):
            key, flags, kind, port, length = \
                struct.unpack_from(">Q4xBB4xHI", self.data, at)
            identifier = self.data[at + 24:at + 24 + length]
            name = identifier[4:].rstrip(b"\0").decode()
            check(identifier == transport_id(name), "TransportID")
            nodes[name] = key, bool(flags & 1), kind
            check(port == (0 if flags & 2 else 1), "target port")
            at += 24 + length
        return nodes

    def good(self, *arguments, **named):
        self.expect(GOOD, *arguments, **named)

    def expect(self, wanted, *arguments, **named):
        result = self.out(*arguments, **named)
        if result != wanted:
            fail(f"action {arguments}: {result} instead of {wanted}")
