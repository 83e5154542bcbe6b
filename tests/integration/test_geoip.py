#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""catchment-geodns with location databases: small ones made here, and, where `make geoip` has
fetched it, all of DB-IP's city data beside libmaxminddb and a great circle of our own."""

import ctypes
import json
import math
import os
import random
import socket
import struct
import subprocess
import tempfile
import unittest

from support import BIN, Daemon, Rest, ROOT, free_port, mmdb, openapi, wait_until

GEODNS = os.path.join(os.environ.get("CATCHMENT_BIN", BIN), "catchment-geodns")
GEOIP = os.path.join(ROOT, "build/geoip")
REAL = [os.path.join(GEOIP, "dbip-city-ipv%d.mmdb" % v) for v in (4, 6)]
CITIES = {
    "ams": (52.4, 4.9), "arn": (59.3, 18.1), "atl": (33.7, -84.4), "bkk": (13.8, 100.5),
    "bog": (4.7, -74.1), "bom": (19.1, 72.9), "cai": (30.0, 31.2), "cdg": (48.9, 2.4),
    "cpt": (-33.9, 18.4), "del": (28.6, 77.2), "dfw": (32.8, -96.8), "dub": (53.3, -6.3),
    "eze": (-34.6, -58.4), "fra": (50.1, 8.7), "gru": (-23.5, -46.6), "hkg": (22.3, 114.2),
    "icn": (37.6, 127.0), "ist": (41.0, 29.0), "jnb": (-26.2, 28.0), "lax": (34.1, -118.2),
    "lhr": (51.5, -0.1), "los": (6.5, 3.4), "mad": (40.4, -3.7), "mex": (19.4, -99.1),
    "mia": (25.8, -80.2), "nrt": (35.7, 139.7), "ord": (41.9, -87.6), "per": (-31.9, 115.9),
    "sea": (47.6, -122.3), "sin": (1.4, 103.8), "syd": (-33.9, 151.2), "yyz": (43.7, -79.4)}
ZONE = "@ 600 SOA ns1 hostmaster 1 7200 3600 1209600 60\n@ NS ns1\nns1 A 127.0.0.1\n"


def configuration(pops, port, **more):
    """Each PoP's address says its index: 198.18.0.<index>."""
    return {"version": 1, "listen": ["127.0.0.1:%d" % port], "api": {"listen": "unix:api.sock"},
            "zones": [{"name": "lab.test", "file": "zone"}],
            "pops": [{"name": name, "at": list(at)} for name, at in pops.items()],
            "names": [{"name": "geo.lab.test", "pops": [
                {"pop": name, "a": ["198.18.0.%d" % i]} for i, name in enumerate(pops)]}], **more}


class Server:
    """A catchment-geodns of that configuration and those files, until the block ends."""

    def __init__(self, conf, files=None):
        self.conf, self.files = conf, files or {}

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="geoip-")
        write(self.folder.name, self.conf, self.files)
        self.daemon = Daemon([GEODNS, "--config", "geodns.json"], cwd=self.folder.name)
        self.daemon.__enter__()
        self.rest = Rest(os.path.join(self.folder.name, "api.sock"))
        wait_until(self.is_ready, 120, "the API answers")
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.settimeout(5)
        self.sock.connect(("127.0.0.1", int(self.conf["listen"][0].split(":")[1])))
        return self

    def is_ready(self):
        if not self.daemon.is_running():
            raise AssertionError("ended: " + self.daemon.log())
        return (os.path.exists(os.path.join(self.folder.name, "api.sock"))
                and self.rest.get("/healthz")["status"] == "ok")

    def __exit__(self, *what):
        self.sock.close()
        self.daemon.stop()
        self.daemon.__exit__(*what)
        self.folder.cleanup()

    def ask(self, address, bits):
        """(index of the PoP, scope) for a client subnet, in octets of either family."""
        octets = address[:(bits + 7) // 8]
        if bits % 8:
            octets = octets[:-1] + bytes([octets[-1] & 0xff00 >> bits % 8 & 0xff])
        option = struct.pack(">HHHBB", 8, 4 + len(octets), 1 if len(address) == 4 else 2, bits, 0)
        self.sock.send(struct.pack(">6H", bits, 0, 1, 0, 0, 1) + b"\x03geo\x03lab\x04test\0" +
                       struct.pack(">HH", 1, 1) + b"\0" +
                       struct.pack(">HHIH", 41, 1232, 0, len(option) + len(octets)) + option +
                       octets)
        reply = self.sock.recv(4096)
        # One A behind the question, then OPT with the client subnet as its only option.
        answer = 12 + 14 + 4
        if reply[6:8] != b"\0\1" or reply[answer + 2:answer + 4] != b"\0\1":
            raise AssertionError("no single A: " + reply.hex())
        return reply[answer + 15], reply[answer + 16 + 11 + 4 + 3]


def write(folder, conf, files):
    for name, data in {"geodns.json": json.dumps(conf).encode(), "zone": ZONE.encode(),
                       **files}.items():
        with open(os.path.join(folder, name), "wb") as f:
            f.write(data)


def check(conf, files):
    """What --check says, and its status."""
    with tempfile.TemporaryDirectory(prefix="geoip-") as folder:
        write(folder, conf, files)
        done = subprocess.run([GEODNS, "--check", "--config", "geodns.json"], cwd=folder, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        return done.stdout.strip(), done.returncode


class SmallDatabases(unittest.TestCase):
    POPS = {name: CITIES[name] for name in ("fra", "ord", "sin")}
    CITY = mmdb.build({"100.64.0.0/16": mmdb.flat(48.8, 2.3, "FR"),
                       "100.64.7.0/24": mmdb.flat(41.8, -87.7, "US"),
                       "100.66.0.0/16": mmdb.flat(52.5, 13.4, "DE"),
                       "2001:db8::/32": mmdb.nested(-31.9, 115.9, "AU", "OC"),
                       "2001:db8:1::/48": mmdb.nested(41.8, -87.7, "US", "NA")})
    ASN = mmdb.build({"100.66.1.0/24": {"autonomous_system_number": 64500}}, 4)

    def conf(self, **more):
        return configuration(self.POPS, free_port(), **{
            "databases": [{"file": "city.mmdb"}, {"file": "asn.mmdb"}],
            "networks": [{"prefix": "100.66.2.0/24", "at": [1.0, 104.0]},
                         {"asn": 64500, "pops": ["ord"]}, {"country": "AU", "pops": ["fra"]}],
            "regions": {"eu": {"continents": ["EU"], "networks": ["100.65.0.0/16"]}},
            "default_at": [1.0, 104.0], **more})

    def files(self, **more):
        return {"city.mmdb": self.CITY, "asn.mmdb": self.ASN, **more}

    def test_each_source_decides_in_its_turn(self):
        with Server(self.conf(), self.files()) as server:
            api = openapi.Checker(openapi.Spec("geodns.yaml"), server.rest)
            for what, text, pop, source, regions in (
                    ("the database", "100.64.1.1", "fra", "database", ["eu"]),
                    ("a longer prefix in it", "100.64.7.1", "ord", "database", []),
                    ("a prefix before it", "100.66.2.1", "sin", "prefix", ["eu"]),
                    ("an ASN before it", "100.66.1.1", "ord", "asn", ["eu"]),
                    ("not its neighbour", "100.66.3.1", "fra", "database", ["eu"]),
                    ("a country before it", "2001:db8:2::1", "fra", "country", []),
                    ("another country", "2001:db8:1::1", "ord", "database", []),
                    ("default", "100.65.1.1", "sin", "default", ["eu"])):
                with self.subTest(what):
                    told = api.ask("GET", "/v1/explain", 200,
                                   query={"name": "geo.lab.test", "client": text})
                    family = socket.AF_INET6 if ":" in text else socket.AF_INET
                    address = socket.inet_pton(family, text)
                    self.assertEqual((told["pop"], told["source"], told["regions"]),
                                     (pop, source, regions))
                    self.assertIsNone(told["database_error"])
                    self.assertEqual(server.ask(address, 8 * len(address)),
                                     (list(self.POPS).index(pop), told["scope"]))
            told = server.rest.get("/v1/explain?name=geo.lab.test&client=100.66.1.1")
            self.assertEqual((told["asn"], told["country"], told["place"]), (64500, "DE", None))
            status = api.ask("GET", "/v1/status", 200)["map"]
            self.assertEqual([d["type"] for d in status["databases"]], ["Test-City"] * 2)

    def test_a_replaced_file_is_not_asked(self):
        with Server(self.conf(), self.files()) as server:
            path = os.path.join(server.folder.name, "city.mmdb")
            with open(path, "wb"):
                pass  # as a copy that has just begun
            told = openapi.Checker(openapi.Spec("geodns.yaml"), server.rest).ask(
                "GET", "/v1/explain", 200,
                query={"name": "geo.lab.test", "client": "100.64.7.1"})
            self.assertEqual((told["pop"], told["source"]), ("ord", None))
            self.assertIn("city.mmdb", told["database_error"])
            self.assertEqual(server.ask(bytes([100, 64, 7, 1]), 32)[0], 1)

    def test_rules_that_no_database_can_follow(self):
        """They were taken, and never followed."""
        cities = [{"file": "city.mmdb"}]
        nowhere = mmdb.build({"100.64.0.0/16": {"autonomous_system_number": 64500}}, 4)
        rule = [{"country": "AU", "pops": ["fra"]}]
        for what, conf, files, reason in (
                ("ASN", {"databases": cities}, {}, "networks[1].asn: none of the databases knows "
                                                   "the ASN of anybody"),
                ("country", {"networks": rule}, {"city.mmdb": nowhere},
                 "networks[0].country: none of the databases knows the country of anybody"),
                ("continent", {"networks": []}, {"city.mmdb": nowhere},
                 "regions.eu.continents: none of the databases knows the continent of anybody"),
                ("region's ASN", {"databases": cities, "networks": rule,
                                  "regions": {"eu": {"asns": [64500]}}}, {},
                 "regions.eu.asns: none of the databases knows the ASN of anybody")):
            with self.subTest(what):
                self.assertEqual(check(self.conf(**conf), self.files(**files)),
                                 ("geodns.json: " + reason, 2))
        # No rule, nothing to miss; countries tell continents.
        self.assertEqual(check(self.conf(databases=cities, networks=[]), self.files())[1], 0)

    def test_broken_files_are_named(self):
        for what, files, reason in (
                ("ok", {}, "geodns.json: ok"),
                ("empty", {"asn.mmdb": b""}, "databases[1].file: "),
                ("text", {"city.mmdb": b"hello\n" * 100}, "databases[0].file: "),
                ("cut off", {"city.mmdb": self.CITY[:-200]}, "databases[0].file: "),
                ("its tree is missing", {"city.mmdb": self.CITY[800:]}, "databases[0].file: "),
                ("no networks", {"city.mmdb": mmdb.build({})}, "it has no networks")):
            with self.subTest(what):
                said, status = check(self.conf(), self.files(**files))
                self.assertIn(reason, said)
                self.assertEqual(status, 2 if files else 0)
        said, status = check(self.conf(), {"asn.mmdb": self.ASN})
        self.assertEqual((said, status), ("geodns.json: databases[0].file: ./city.mmdb: "
                                          "No such file or directory", 2))


class Data(ctypes.Structure):
    """MMDB_entry_data_s."""
    _fields_ = [("has_data", ctypes.c_bool), ("pad", ctypes.c_uint8 * 15),
                ("value", ctypes.c_uint8 * 16), ("offset", ctypes.c_uint32),
                ("next", ctypes.c_uint32), ("size", ctypes.c_uint32), ("type", ctypes.c_uint32)]


class Entry(ctypes.Structure):
    """MMDB_entry_s."""
    _fields_ = [("mmdb", ctypes.c_void_p), ("offset", ctypes.c_uint32)]


class Result(ctypes.Structure):
    """MMDB_lookup_result_s."""
    _fields_ = [("found", ctypes.c_bool), ("entry", Entry), ("netmask", ctypes.c_uint16)]


class Lookup:
    """libmaxminddb by ctypes: the latitude and longitude that a file has for an address."""

    def __init__(self, path):
        self.lib = ctypes.CDLL("libmaxminddb.so.0")
        self.lib.MMDB_lookup_string.restype = Result
        self.db = ctypes.create_string_buffer(4096)
        if self.lib.MMDB_open(path.encode(), 0, self.db) != 0:
            raise AssertionError(path)

    def find(self, text):
        """(latitude, longitude), or None."""
        errors = [ctypes.c_int(), ctypes.c_int()]
        found = self.lib.MMDB_lookup_string(self.db, text.encode(), *map(ctypes.byref, errors))
        if errors[0].value or errors[1].value:
            raise AssertionError("%s: %d %d" % (text, errors[0].value, errors[1].value))
        return tuple(self.number(found.entry, key) for key in (b"latitude", b"longitude")
                     ) if found.found else None

    def number(self, entry, key):
        data = Data()
        path = (ctypes.c_char_p * 2)(key, None)
        if self.lib.MMDB_aget_value(ctypes.byref(entry), ctypes.byref(data), path) != 0:
            raise AssertionError("no " + key.decode())
        if data.type == 3:
            return struct.unpack("=d", bytes(data.value[:8]))[0]
        if data.type == 15:
            return struct.unpack("=f", bytes(data.value[:4]))[0]
        raise AssertionError("type %d" % data.type)


def km(a, b):
    lat, lon = math.radians(b[0] - a[0]), math.radians(b[1] - a[1])
    h = (math.sin(lat / 2) ** 2 + math.cos(math.radians(a[0])) * math.cos(math.radians(b[0])) *
         math.sin(lon / 2) ** 2)
    return 2 * 6371 * math.asin(min(1, math.sqrt(h)))


class RealData(unittest.TestCase):
    """32 PoPs, both families of DB-IP's city data."""

    ASKED = 100000

    @classmethod
    def setUpClass(cls):
        if not all(map(os.path.exists, REAL)):
            raise unittest.SkipTest("run make geoip first")
        cls.server = cls.enterClassContext(Server(configuration(
            CITIES, free_port(), databases=[{"file": path} for path in REAL],
            default_at=[50.1, 8.7])))
        cls.lookups = {4: Lookup(REAL[0]), 6: Lookup(REAL[1])}

    @staticmethod
    def addresses(count):
        """Random ones where the internet is: any IPv4, IPv6 in the blocks that are given out."""
        rng = random.Random(1)
        for i in range(count):
            if i % 2:
                yield bytes([rng.randrange(1, 224)]) + rng.randbytes(3)
            else:
                head = rng.choice((0x2001, 0x2400, 0x2600, 0x2800, 0x2a00, 0x2c00))
                yield struct.pack(">HH", head + rng.randrange(16),
                                  rng.getrandbits(16) & 0xffc0) + rng.randbytes(12)

    def test_answers_agree_with_the_database(self):
        places, wrong, placed = list(CITIES.values()), [], 0
        for address in self.addresses(self.ASKED):
            text = socket.inet_ntop(socket.AF_INET if len(address) == 4 else socket.AF_INET6,
                                    address)
            if self.is_apart(address):
                continue
            pop, scope = self.server.ask(address, 8 * len(address))
            at = self.lookups[4 if len(address) == 4 else 6].find(text)
            placed += at is not None
            distances = [km(at or (50.1, 8.7), place) for place in places]
            if distances[pop] > min(distances) + 1e-6:
                wrong.append((text, at, pop, scope))
        self.assertEqual(wrong[:5], [])
        self.assertGreater(placed, self.ASKED // 2)

    @staticmethod
    def is_apart(address):
        """Private, answered by the resolver's place, or IPv4 in IPv6, which is not looked up."""
        if len(address) == 16:
            return address[:2] == b"\x20\x02" or address[:4] == b"\x20\x01\0\0"
        return (address[0] in (0, 10, 127) or address[:2] in (b"\xa9\xfe", b"\xc0\xa8") or
                (address[0] == 172 and address[1] & 0xf0 == 16))

    def test_scopes_are_whole_and_do_not_overlap(self):
        """Wherever one asks in the prefix that an answer is for, it is the same one."""
        rng = random.Random(2)
        for address in self.addresses(5000):
            if self.is_apart(address):
                continue
            bits = 8 * len(address)
            pop, scope = self.server.ask(address, bits)
            number = int.from_bytes(address, "big")
            first = number >> (bits - scope) << (bits - scope)
            for other in (first, first | (1 << (bits - scope)) - 1,
                          first | rng.getrandbits(bits) >> scope):
                self.assertEqual(self.server.ask(other.to_bytes(len(address), "big"), bits),
                                 (pop, scope), "%s/%d" % (address.hex(), scope))

    def test_all_leaves_tile_both_families(self):
        walk = os.path.join(ROOT, "build/tools/geo_walk")
        done = subprocess.run([walk, os.path.join(self.server.folder.name, "geodns.json")],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        told = json.loads(done.stdout)
        self.assertEqual(told["leaves"], self.server.rest.get("/v1/status")["map"]["leaves"])
        self.assertGreater(told["leaves"], 1000000)


if os.path.exists(GEOIP + ".unreachable"):
    del RealData  # .ci/geoip has said so: a machine without a network has nothing to hold against


if __name__ == "__main__":
    unittest.main()
