# SPDX-License-Identifier: GPL-3.0-or-later
"""catchment-geodns over TCP (RFC 7766) and TLS (RFC 7858): whatever a client does to a stream."""
import contextlib
import json
import os
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time
import unittest

from support import openapi, wait_until
from support.dns_stream import Stream, TlsStream, certificate_make, client_context, framed
from support.geodns_lab import (ASIDE, CHICAGO, GEODNS, NS4, NS6, PARIS, ZONE, Nameserver,
                                configuration, enter_namespace, files_write, kdig, query)

NAME = "ns1.lab.test"
TLS = {"listen": [NS4 + ":853", "[" + NS6 + "]:853"], "certificate": "tls.crt", "key": "tls.key"}
OPT, PADDING, KEEPALIVE = b"\0\0\x29\x04\xd0\0\0\0\0", 12, 11


def setUpModule():
    enter_namespace()


def certificates(folder):
    certificate_make(folder, NAME, NS4)
    certificate_make(folder, NAME, NS4, "next")


def with_option(code, name="ns1.lab.test", **kwargs):
    """A query with an empty EDNS option."""
    packet = query(name, extra=OPT + struct.pack(">HHH", 4, code, 0), **kwargs)
    return packet[:10] + b"\0\1" + packet[12:]


def option_of(reply, code):
    """The data of that option, in a reply without records in its additional section but OPT."""
    at = reply.rindex(b"\0\0\x29\x04\xd0") + 9
    length = struct.unpack(">H", reply[at:at + 2])[0]
    data = reply[at + 2:]
    assert len(data) == length, reply
    while data:
        number, size = struct.unpack(">HH", data[:4])
        if number == code:
            return data[4:4 + size]
        data = data[4 + size:]
    return None


class Served(unittest.TestCase):
    """A server with two threads for TCP, and TLS beside it."""

    IDLE_S = 2
    CHANGES = {"tcp": {"connections": 20, "per_client": 5, "idle_ms": 1000 * IDLE_S}}

    @classmethod
    def setUpClass(cls):
        conf = configuration(tls=TLS, checks={}, names=[], **cls.CHANGES)
        cls.server = cls.enterClassContext(Nameserver(conf, certificates))
        cls.authority = os.path.join(cls.server.folder, "tls.crt")
        cls.context = client_context(cls.authority)

    def setUp(self):
        wait_until(lambda: self.status()["connections"] == 0, 5, "no connection is left")

    def tearDown(self):
        self.assertTrue(self.server.daemon.is_running(), "the daemon has died")

    def status(self):
        return self.server.rest.get("/v1/status")["tcp"]

    def counter(self, name, **labels):
        text = ",".join('%s="%s"' % item for item in labels.items())
        return self.server.metric(name + ("{" + text if text else ""))

    def assert_idle(self, begun):
        self.assertGreater(time.monotonic() - begun, self.IDLE_S - 0.1)

    def plain(self, **kwargs):
        stream = Stream((NS4, 53), **kwargs)
        self.addCleanup(stream.close)
        return stream

    def encrypted(self, context=None, name=NAME, **kwargs):
        stream = TlsStream((NS4, 853), context or self.context, name, **kwargs)
        self.addCleanup(stream.close)
        return stream


class Manners:
    """What holds for both transports; connect() is the class's."""

    def test_both_families(self):
        for server in (NS4, NS6):
            out = kdig(NAME, *self.KDIG, "+short", server=server)
            self.assertEqual(out.strip(), NS4)

    def test_byte_by_byte(self):
        stream = self.connect()
        stream.send_singly(framed(NAME))
        self.assertIn(socket.inet_aton(NS4), stream.read())

    def test_pipelined_and_half_closed(self):
        stream = self.connect()
        stream.send(b"".join(framed("big.lab.test", ident=i) for i in range(300)))
        stream.say_end()
        for i in range(300):
            self.assertEqual(struct.unpack(">H", stream.read()[:2])[0], i)
        self.assertIsNone(stream.read())

    def test_the_end_within_a_query(self):
        stream = self.connect()
        stream.send(framed(NAME) + framed(NAME)[:-1])
        stream.say_end()
        self.assertIsNotNone(stream.read())
        self.assertIsNone(stream.read())

    def test_length_0_closes(self):
        stream = self.connect()
        stream.send(framed(NAME) + b"\0\0" + framed(NAME))
        self.assertIsNotNone(stream.read())
        self.assertIsNone(stream.read())

    def test_what_deserves_no_reply_closes(self):
        stream = self.connect()
        stream.send(framed(NAME) + b"\0\5hello")
        self.assertIsNotNone(stream.read())
        self.assertIsNone(stream.read())

    def test_the_longest_query(self):
        """Whatever it holds, it is read whole, and what follows is answered."""
        stream = self.connect()
        stream.send(b"\xff\xff" + query(NAME) + b"\0" * (65535 - len(query(NAME))) + framed(NAME))
        self.assertIsNotNone(stream.read())
        self.assertIn(socket.inet_aton(NS4), stream.read())

    def test_idle_closes(self):
        begun, stream = time.monotonic(), self.connect()
        stream.send(b"\0")
        self.assertIsNone(stream.read())
        self.assert_idle(begun)

    def test_a_slow_reader_is_not_read_from(self):
        """Until it reads; then it gets all answers in order."""
        stream, sent = self.connect(receive_room=4096), 0
        before = self.counter("queries_total", transport=self.TRANSPORT)
        data = b"".join(framed("big.lab.test", ident=i) for i in range(2000))
        sender = threading.Thread(target=stream.send, args=(data,))
        sender.start()

        def answered():
            return self.counter("queries_total", transport=self.TRANSPORT) - before

        def stands_still():
            nonlocal sent
            previous, sent = sent, answered()
            return sent > 0 and sent == previous

        wait_until(stands_still, 5, "it answers no more", interval=0.1)
        self.assertLess(sent, 2000)
        for i in range(2000):
            self.assertEqual(struct.unpack(">H", stream.read()[:2])[0], i)
        sender.join()
        self.assertEqual(answered(), 2000)

    def test_limit_per_client(self):
        """Over all threads: the kernel spreads the connections as it likes."""
        refused = self.counter("tcp_refused_total")
        streams = [self.connect() for _ in range(5)]
        for stream in streams:
            self.assertIsNotNone(stream.ask(NAME))
        for _ in range(4):
            with contextlib.suppress(ConnectionResetError, ssl.SSLEOFError):
                self.assertIsNone(self.connect().read())
        self.assertEqual(self.counter("tcp_refused_total"), refused + 4)
        self.assertIsNotNone(self.connect(source=PARIS).ask(NAME))
        streams.pop().close()
        wait_until(lambda: self.status()["connections"] == 5, 5, "one has left")
        self.assertIsNotNone(self.connect().ask(NAME))

    def test_limit_in_all(self):
        refused = self.counter("tcp_refused_total")
        streams = [self.connect(source=source) for _ in range(5)
                   for source in (NS4, PARIS, CHICAGO, ASIDE)]
        for stream in streams:
            self.assertIsNotNone(stream.ask(NAME))
        self.assertEqual(self.status()["connections"], 20)
        with contextlib.suppress(ConnectionResetError, ssl.SSLEOFError):
            self.assertIsNone(self.connect(source="10.200.1.1").read())
        self.assertEqual(self.counter("tcp_refused_total"), refused + 1)

    def test_keepalive_is_told(self):
        """RFC 7828: in units of 100 ms."""
        stream, packet = self.connect(), with_option(KEEPALIVE)
        stream.send(struct.pack(">H", len(packet)) + packet)
        self.assertEqual(option_of(stream.read(), KEEPALIVE), struct.pack(">H", 10 * self.IDLE_S))

    def test_counted_by_transport(self):
        before = {t: self.counter("queries_total", transport=t) for t in ("udp", "tcp", "tls")}
        accepted = self.counter("tcp_accepted_total", transport=self.TRANSPORT)
        self.assertIsNotNone(self.connect().ask(NAME))
        self.assertEqual(self.counter("tcp_connections", transport=self.TRANSPORT), 1)
        for transport, count in before.items():
            self.assertEqual(self.counter("queries_total", transport=transport),
                             count + (transport == self.TRANSPORT))
        self.assertEqual(self.counter("tcp_accepted_total", transport=self.TRANSPORT), accepted + 1)


class Tcp(Manners, Served):
    KDIG, TRANSPORT = ("+tcp",), "tcp"

    def connect(self, **kwargs):
        return self.plain(**kwargs)

    def test_padding_is_not_for_all_to_see(self):
        """RFC 7830, 6; and over UDP a keepalive means nothing."""
        stream, packet = self.connect(), with_option(PADDING)
        stream.send(struct.pack(">H", len(packet)) + packet)
        self.assertIsNone(option_of(stream.read(), PADDING))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(2)
            sock.connect((NS4, 53))
            for code in (PADDING, KEEPALIVE):
                sock.send(with_option(code))
                self.assertIsNone(option_of(sock.recv(4096), code))


class Tls(Manners, Served):
    KDIG, TRANSPORT = ("+tls",), "tls"

    def connect(self, **kwargs):
        return self.encrypted(**kwargs)

    def raw(self):
        return Stream((NS4, 853))

    def failed(self):
        return self.counter("tls_handshakes_total", result="failed")

    # ---- who it is ----

    def test_kdig_believes_the_certificate(self):
        out = kdig(NAME, "+tls", "+tls-ca=" + self.authority, "+tls-hostname=" + NAME)
        self.assertIn("status: NOERROR", out)
        self.assertIn("TLS1.3", out)
        out = kdig(NAME, "+tls", "+tls-ca=" + self.authority, "+tls-hostname=ns2.lab.test")
        self.assertNotIn("status:", out)
        other = os.path.join(self.server.folder, "next.crt")
        out = kdig(NAME, "+tls", "+tls-ca=" + other, "+tls-hostname=" + NAME)
        self.assertNotIn("status:", out)

    def test_expiry_is_told(self):
        left = self.counter("tls_certificate_expires_timestamp_seconds") - time.time()
        self.assertTrue(1.9 * 86400 < left < 2.1 * 86400, left)

    def test_versions(self):
        for version, good in ((ssl.TLSVersion.TLSv1_3, True), (ssl.TLSVersion.TLSv1_2, True),
                              (ssl.TLSVersion.TLSv1_1, False)):
            context = client_context(self.authority)
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = context.maximum_version = version
            if good:
                self.assertIsNotNone(self.encrypted(context).ask(NAME))
            else:
                with self.assertRaisesRegex(ssl.SSLError, "(?i)protocol.version"):
                    self.encrypted(context)

    def test_alpn(self):
        self.assertEqual(self.encrypted().tls.selected_alpn_protocol(), "dot")
        none = ssl.create_default_context(cafile=self.authority)
        self.assertIsNotNone(self.encrypted(none).ask(NAME), "nobody has to name it")
        both = client_context(self.authority, ("h2", "dot"))
        self.assertEqual(self.encrypted(both).tls.selected_alpn_protocol(), "dot")
        with self.assertRaisesRegex(ssl.SSLError, "(?i)application.protocol"):
            self.encrypted(client_context(self.authority, ("h2",)))

    def test_session_tickets(self):
        for version in (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2):
            resumed = self.counter("tls_handshakes_total", result="resumed")
            context = client_context(self.authority)
            context.minimum_version = context.maximum_version = version
            first = self.encrypted(context)
            self.assertIsNotNone(first.ask(NAME))
            self.assertFalse(first.tls.session_reused)
            for _ in range(4):  # whichever thread it comes to
                again = self.encrypted(context, session=first.tls.session)
                self.assertIsNotNone(again.ask(NAME))
                self.assertTrue(again.tls.session_reused)
                again.say_end()
                self.assertIsNone(again.read())
                again.close()
            self.assertEqual(self.counter("tls_handshakes_total", result="resumed"), resumed + 4)
            first.close()

    # ---- what lengths tell ----

    def test_padding(self):
        """RFC 8467: if the query was padded, then to a multiple of 468 octets."""
        stream = self.connect()
        for name, size in ((NAME, 468), ("nothing.lab.test", 468), ("big.lab.test", 4 * 468)):
            packet = with_option(PADDING, name)
            stream.send(struct.pack(">H", len(packet)) + packet)
            reply = stream.read()
            self.assertEqual(len(reply), size)
            self.assertEqual(option_of(reply, PADDING).strip(b"\0"), b"")
        self.assertNotEqual(len(stream.ask(NAME)) % 468, 0, "not asked for")
        self.assertIn("Received 468 B", kdig(NAME, "+tls", "+padding"))

    # ---- what is no TLS ----

    def test_bytes_that_are_no_handshake(self):
        failed = self.failed()
        rows = (framed(NAME), b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", os.urandom(2000),
                b"\x16\x03\x01\xff\xff" + b"\0" * 100, b"\x16\x03\x01\0\4\1\0\0\0",
                b"\x15\x03\x01\0\2\1\0" * 50)
        for row in rows:
            stream = self.raw()
            stream.send(row)
            with contextlib.suppress(ConnectionResetError):
                reply = b""
                while more := stream.receive(4096):
                    reply += more
                self.assertNotIn(socket.inet_aton(NS4), reply)
            stream.close()
        wait_until(lambda: self.failed() == failed + len(rows), 5, "they are counted")
        self.assertIsNotNone(self.connect().ask(NAME))

    def test_a_handshake_that_never_ends(self):
        hello = ssl.MemoryBIO()
        tls = self.context.wrap_bio(ssl.MemoryBIO(), hello, server_hostname=NAME)
        with self.assertRaises(ssl.SSLWantReadError):
            tls.do_handshake()
        hello = hello.read()
        begun = time.monotonic()
        with contextlib.ExitStack() as stack:
            streams = [stack.enter_context(contextlib.closing(self.raw())) for _ in range(4)]
            for stream, part in zip(streams, (b"", hello[:3], hello[:-1], hello)):
                stream.send(part)
            for stream in streams:
                while stream.receive(4096):
                    pass
                self.assert_idle(begun)

    def test_bytes_within_a_session(self):
        """What was not encrypted by who has begun is the end, and nobody else's."""
        stream, other = self.connect(), self.connect()
        self.assertIsNotNone(stream.ask(NAME))
        stream.sock.sendall(b"\x17\x03\x03\0\x20" + os.urandom(32))
        with self.assertRaises((ssl.SSLError, ConnectionResetError)):
            stream.receive(1)
        self.assertIsNotNone(other.ask(NAME))

    def test_half_closed_without_good_bye(self):
        """A query is whole by its own length."""
        stream = self.connect()
        stream.send(b"".join(framed("big.lab.test", ident=i) for i in range(50)))
        stream.sock.shutdown(socket.SHUT_WR)
        for i in range(50):
            self.assertEqual(struct.unpack(">H", stream.read()[:2])[0], i)
        self.assertIsNone(stream.read())

    def test_octets_of_records_one_by_one(self):
        stream = self.connect()
        stream.tls.write(framed(NAME))
        for byte in stream.outgoing.read():
            stream.sock.sendall(bytes([byte]))
        self.assertIn(socket.inet_aton(NS4), stream.read())


class Certificate(Served):
    """Another certificate, without a restart."""

    CHANGES = {"tcp": {"connections": 20, "per_client": 5, "idle_ms": 20000}}

    def reload(self):
        self.server.daemon.signal(signal.SIGHUP)
        before = self.reloads

        def is_over():
            status = self.server.rest.get("/v1/reload")
            return status["reload"] > before and status["state"] != "loading" and status
        status = wait_until(is_over, 5, "it is reloaded")
        type(self).reloads = status["reload"]
        return status

    reloads = 0

    def install(self, *names):
        for name in names:
            shutil.copy(os.path.join(self.server.folder, "next." + name),
                        os.path.join(self.server.folder, "tls." + name))

    def test_replaced(self):
        first = self.encrypted()
        self.assertIsNotNone(first.ask(NAME))
        old = open(self.authority).read()
        self.install("crt")
        status = self.reload()
        self.assertEqual((status["state"], status.get("pointer")), ("refused", "/tls/key"))
        self.assertIn("not that of the certificate", status["reason"])
        old_context, self.context = self.context, client_context(self.authority)
        with open(os.path.join(self.server.folder, "old.crt"), "w") as f:
            f.write(old)
        self.assertIsNotNone(self.encrypted(old_context).ask(NAME), "the old one is shown")
        self.install("key")
        self.assertEqual(self.reload()["state"], "applied")
        self.assertIsNotNone(self.encrypted().ask(NAME))
        with self.assertRaises(ssl.SSLCertVerificationError):
            self.encrypted(client_context(os.path.join(self.server.folder, "old.crt")))
        self.assertIsNotNone(first.ask(NAME), "who was there stays")
        with self.assertRaises(ssl.SSLCertVerificationError, msg="tickets have gone with the old"):
            self.encrypted(old_context, session=first.tls.session)
        with open(self.authority, "w") as f:
            f.write("-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n")
        self.assertEqual(self.reload()["pointer"], "/tls/certificate")
        self.install("crt")
        self.server.conf["tls"] = dict(TLS, listen=[NS4 + ":854"])
        files_write(self.server.folder, geodns_json=json.dumps(self.server.conf))
        status = self.reload()
        self.assertEqual((status["state"], status["pointer"]), ("refused", "/tls/listen"))
        self.server.conf["tls"] = TLS
        self.server.conf["tcp"] = {"connections": 20, "per_client": 1, "idle_ms": 20000}
        files_write(self.server.folder, geodns_json=json.dumps(self.server.conf))
        self.assertEqual(self.reload()["state"], "applied")
        with contextlib.suppress(ConnectionResetError, ssl.SSLEOFError):
            self.assertIsNone(self.plain().read(), "more than the new limit")
        self.assertIsNotNone(self.plain(source=PARIS).ask(NAME))


class Load(Served):
    """One thread, so that all share it."""

    CHANGES = {"threads": 1, "tcp": {"connections": 50, "per_client": 40, "idle_ms": 10000}}

    def pipeliner(self, count):
        """A thread that asks without a pause; .got counts answers' octets, .total is all."""
        stream = self.plain()
        one = framed("big.lab.test")
        stream.send(one)
        size = len(stream.read()) + 2
        sender = threading.Thread(target=stream.send, args=(one * count,))
        reader = threading.Thread(target=self.drain, args=(stream, size * count))
        stream.got, stream.total, stream.threads = 0, size * count, (sender, reader)
        for thread in stream.threads:
            thread.start()
        return stream

    @staticmethod
    def drain(stream, total):
        while stream.got < total:
            stream.got += len(stream.receive(1 << 20))

    def finish(self, stream):
        for thread in stream.threads:
            thread.join()
        self.assertEqual(stream.got, stream.total)

    def test_pipeliners_do_not_keep_others_waiting(self):
        polite = [self.plain(), self.encrypted()]
        many = [self.pipeliner(20000) for _ in range(8)]
        wait_until(lambda: all(stream.got for stream in many), 5, "all are being answered")
        for stream in polite:
            self.assertIsNotNone(stream.ask(NAME))
        self.assertTrue(all(stream.got < stream.total for stream in many))
        for stream in many:
            self.finish(stream)

    @staticmethod
    def cpu_ns(pid, name):
        """Of all threads of that name."""
        total = 0
        for tid in os.listdir("/proc/%d/task" % pid):
            with open("/proc/%d/task/%s/comm" % (pid, tid)) as f:
                if not f.read().startswith(name):
                    continue
            with open("/proc/%d/task/%s/schedstat" % (pid, tid)) as f:
                total += int(f.read().split()[0])
        return total

    def test_the_control_thread_has_nothing_to_do_with_it(self):
        pid = self.server.daemon.pid

        def control_ns():
            with open("/proc/%d/task/%d/schedstat" % (pid, pid)) as f:
                return int(f.read().split()[0])

        control, tcp = control_ns(), self.cpu_ns(pid, "tcp-")
        many = [self.pipeliner(20000) for _ in range(4)]
        for stream in many:
            self.finish(stream)
        control, tcp = control_ns() - control, self.cpu_ns(pid, "tcp-") - tcp
        self.assertGreater(tcp, 50e6, "80 000 answers of 1.6 KB")
        self.assertLess(control, tcp / 20)
        many = [self.pipeliner(20000) for _ in range(4)]
        self.assertEqual(self.server.rest.get("/healthz")["status"], "ok")
        self.assertTrue(any(stream.got < stream.total for stream in many))
        for stream in many:
            self.finish(stream)

    def test_the_end_comes_under_load(self):
        with Nameserver(configuration(listen=[ASIDE + ":53"], checks={}, names=[],
                                      tls=dict(TLS, listen=[ASIDE + ":853"])),
                        certificates) as server:
            context = client_context(os.path.join(server.folder, "tls.crt"))
            context.check_hostname = False
            plain = Stream((ASIDE, 53))
            encrypted = TlsStream((ASIDE, 853), context)
            self.addCleanup(plain.close)
            self.addCleanup(encrypted.close)
            self.assertIsNotNone(encrypted.ask(NAME))
            plain.send(framed(NAME) * 100)
            self.assertEqual(server.daemon.stop(), 0)
            self.assertIsNone(encrypted.read(), "it says good-bye")


class Start(unittest.TestCase):
    def start(self, tls, prepare=certificates):
        with tempfile.TemporaryDirectory() as folder:
            files_write(folder, zone=ZONE, more="",
                        geodns_json=json.dumps(configuration(tls=tls)))
            prepare(folder)
            path = os.path.join(folder, "geodns.json")
            out = subprocess.run([GEODNS, "--config", path], capture_output=True, text=True,
                                 timeout=5)
            return out.returncode, out.stderr.replace(path, "FILE")

    def test_mistakes(self):
        for changes, text in (
                ({"certificate": "none"}, "tls.certificate: cannot open: No such file or directory"),
                ({"key": "none"}, "tls.key: cannot open: No such file or directory"),
                ({"certificate": "tls.key"}, "tls.certificate: not a chain of certificates in PEM"),
                ({"key": "tls.crt"}, "tls.key: not a private key in PEM"),
                ({"key": "next.key"}, "tls.key: not that of the certificate"),
                ({"listen": []}, "tls.listen"),
                ({"listen": [NS4 + ":53"]}, "tls.listen[0]: '10.1.0.53:53' is there twice"),
                ({"listen": [NS4, NS4 + ":853"]},
                 "tls.listen[1]: '10.1.0.53:853' is there twice")):
            status, err = self.start({**TLS, **changes})
            self.assertEqual(status, 2, err)
            self.assertTrue(err.startswith("FILE: " + text), err)

    def test_address_in_use(self):
        with Nameserver(configuration(listen=[ASIDE + ":53"], tls=TLS), certificates):
            status, err = self.start(TLS)
            self.assertEqual(status, 3)
            self.assertIn("cannot listen on 10.1.0.53:853: Address already in use", err)

    def test_api(self):
        with Nameserver(configuration(tls=TLS), certificates) as server:
            api = openapi.Checker(openapi.Spec("geodns.yaml"), server.rest)
            self.assertEqual(api.ask("GET", "/v1/status", 200)["tcp"],
                             {"connections": 0, "tls": 0, "limit": 20})
