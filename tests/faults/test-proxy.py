#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# test-proxy.py: the fault proxy does to requests what its rules say, and to
# the others nothing, in front of a small server that remembers what it got.

import http.client
import http.server
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
PATIENCE = 30
BODY = bytes(range(256)) * 4096  # 1 MiB


class Remembering(http.server.BaseHTTPRequestHandler):
    """Answers 201 with the body's length, and keeps what it was asked."""

    protocol_version = "HTTP/1.1"

    def do_PUT(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with self.server.lock:
            self.server.got.append((self.path, dict(self.headers), body))
        self.send_response(201)
        self.send_header("Content-Length", "0")
        self.send_header("x-ms-error-code", "Nothing")
        self.end_headers()

    def do_GET(self):
        """The last body, in chunks."""
        with self.server.lock:
            body = self.server.got[-1][2]
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for at in range(0, len(body), 60000):
            piece = body[at:at + 60000]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def do_HEAD(self):
        self.send_response(200)
        self.send_header("Content-Length", "12345")
        self.end_headers()

    def log_message(self, *_):
        pass


class ProxyTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="leasehold-")
        self.addCleanup(self.folder.cleanup)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                                      Remembering)
        self.server.daemon_threads = True
        self.server.got = []
        self.server.lock = threading.Lock()
        threading.Thread(target=self.server.serve_forever, args=(0.01,),
                         daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)

        control = os.path.join(self.folder.name, "control")
        self.log = os.path.join(self.folder.name, "log")
        self.proxy = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "proxy.py"), "--upstream",
             f"127.0.0.1:{self.server.server_port}", "--control", control,
             "--log", self.log, "--strip", "x-ms-never"],
            stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.end_proxy)
        word, port = self.proxy.stdout.readline().split()
        self.assertEqual(word, "ready")
        self.port = int(port)
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(control)
        self.control = connection.makefile("rw")
        self.addCleanup(connection.close)
        self.addCleanup(self.control.close)

    def end_proxy(self):
        self.proxy.terminate()
        self.proxy.wait(PATIENCE)
        self.proxy.stdout.close()

    def tell(self, do, **arguments):
        print(json.dumps({"do": do, **arguments}), file=self.control,
              flush=True)
        return json.loads(self.control.readline())

    def rule(self, **fields):
        return self.tell("add", rule=fields)["rule"]

    def reached(self, rule, what, count):
        report = self.tell("await", rule=rule, what=what, count=count,
                           seconds=PATIENCE)
        self.assertNotIn("error", report)
        return report

    def connect(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port,
                                                timeout=PATIENCE)
        self.addCleanup(connection.close)
        return connection

    def put(self, path="/c/blob?comp=page", body=b"x", connection=None,
            **headers):
        """Its answer's status; None if the connection was closed instead."""
        connection = connection or self.connect()
        headers = {name.replace("_", "-"): value
                   for name, value in headers.items()}
        try:
            connection.request("PUT", path, body, headers)
            answer = connection.getresponse()
            answer.read()
        except (http.client.RemoteDisconnected, ConnectionError):
            return None
        self.answer = answer
        return answer.status

    def paths(self):
        with self.server.lock:
            return [path for path, _, _ in self.server.got]

    # --- Without a rule -----------------------------------------------------

    def test_passes_everything_unchanged(self):
        connection = self.connect()
        self.assertEqual(self.put(body=BODY, connection=connection,
                                  x_ms_lease_id="A"), 201)
        _, headers, body = self.server.got[0]
        self.assertEqual(headers["x-ms-lease-id"], "A")
        self.assertEqual(body, BODY)
        # The same connection goes on: chunks, and an answer without a body.
        connection.request("GET", "/c/blob")
        self.assertEqual(connection.getresponse().read(), BODY)
        connection.request("HEAD", "/c/blob")
        answer = connection.getresponse()
        self.assertEqual(answer.read(), b"")
        self.assertEqual(answer.headers["Content-Length"], "12345")
        self.assertEqual(self.put(connection=connection), 201)

    def test_strip_is_for_every_request(self):
        self.rule(path="/ruled", action="pass", strip=["x-ms-once"])
        for path in ("/plain", "/ruled"):
            self.put(path, x_ms_never="1", x_ms_once="2")
        (_, plain, _), (_, ruled, _) = self.server.got
        self.assertNotIn("x-ms-never", plain)
        self.assertEqual(plain["x-ms-once"], "2")
        self.assertNotIn("x-ms-never", ruled)
        self.assertNotIn("x-ms-once", ruled)

    def test_expect_continue_is_answered(self):
        with socket.create_connection(("127.0.0.1", self.port),
                                      PATIENCE) as client:
            client.sendall(b"PUT /c/b HTTP/1.1\r\nHost: x\r\nContent-Length: "
                           b"3\r\nExpect: 100-continue\r\n\r\n")
            stream = client.makefile("rb")
            self.assertIn(b"100", stream.readline())
            client.sendall(b"abc")
            stream.readline()
            self.assertIn(b"201", stream.readline())
        self.assertNotIn("Expect", self.server.got[0][1])

    # --- Which requests -----------------------------------------------------

    def test_matching(self):
        self.rule(method="PUT", path="/c/x", query={"comp": "lease",
                                                    "restype": None},
                  header={"x-ms-lease-action": "renew|change", "if-match": None},
                  action="answer", status=500)
        path = "/c/x?comp=lease"
        self.assertEqual(self.put(path, x_ms_lease_action="renew"), 500)
        for other, headers in (("/c/y?comp=lease", {}), ("/c/x?comp=page", {}),
                               (path + "&restype=container", {}),
                               (path, {"x_ms_lease_action": "renewed"}),
                               (path, {"if_match": "1"})):
            headers = {"x_ms_lease_action": "change", **headers}
            self.assertEqual(self.put(other, **headers), 201, other)
        self.assertEqual(self.put(path), 201)

    def test_skip_every_times(self):
        rule = self.rule(action="answer", status=503, skip=3, every=3, times=2)
        self.assertEqual([self.put() for _ in range(10)],
                         3 * [201] + [503, 201, 201, 503] + 3 * [201])
        self.assertEqual(self.tell("show", rule=rule)["taken"], 2)

    def test_chance_is_repeatable(self):
        runs = []
        for _ in range(2):
            rule = self.rule(action="answer", status=503, chance=0.5, seed=7)
            runs.append([self.put() for _ in range(20)])
            self.tell("remove", rule=rule)
        self.assertEqual(runs[0], runs[1])
        self.assertEqual(set(runs[0]), {201, 503})

    def test_seconds(self):
        self.rule(action="answer", status=503, seconds=0.3)
        begin = time.monotonic()
        self.assertEqual(self.put(), 503)
        while self.put() == 503:
            self.assertLess(time.monotonic() - begin, PATIENCE)
        self.assertGreaterEqual(time.monotonic() - begin, 0.25)

    def test_wrong_commands_are_refused(self):
        for command in ({"do": "add", "rule": {"action": "explode"}},
                        {"do": "add", "rule": {"action": "drop", "odd": 1}},
                        {"do": "add", "rule": {"action": "drop", "every": 0}},
                        {"do": "add", "rule": {"action": "drop", "every": "2"}},
                        {"do": "add", "rule": {"action": "answer"}},
                        {"do": "show", "rule": 99}, {"do": "dance"}, {}):
            print(json.dumps(command), file=self.control, flush=True)
            self.assertIn("error", json.loads(self.control.readline()))
        rule = self.rule(action="drop")
        self.assertIn("error", self.tell("await", rule=rule, what="taken",
                                         count=1, seconds=0.05))

    # --- What is done with them ---------------------------------------------

    def test_hold_outlives_the_client(self):
        rule = self.rule(action="hold", times=1, strip=["x-ms-epoch"])
        client = self.connect()
        client.request("PUT", "/late", b"late", {"x-ms-epoch": "1",
                                                 "x-ms-other": "2"})
        self.reached(rule, "taken", 1)
        client.close()
        self.assertEqual(self.put("/early"), 201)
        self.tell("release", rule=rule)
        report = self.reached(rule, "done", 1)
        self.assertEqual(report["outcomes"],
                         [{"status": 201, "error": "Nothing"}])
        self.assertEqual(self.paths(), ["/early", "/late"])
        _, headers, body = self.server.got[1]
        self.assertEqual(body, b"late")
        self.assertNotIn("x-ms-epoch", headers)
        self.assertEqual(headers["x-ms-other"], "2")

    def test_late(self):
        rule = self.rule(action="late", times=1)
        self.assertIsNone(self.put("/late"))
        self.assertEqual(self.put("/early"), 201)
        self.assertEqual(self.paths(), ["/early"])
        self.tell("release", rule=rule)
        report = self.reached(rule, "done", 1)
        self.assertEqual(report["outcomes"][0]["status"], 201)
        self.assertEqual(self.paths(), ["/early", "/late"])

    def test_drop(self):
        self.rule(action="drop", times=1)
        self.assertIsNone(self.put("/1"))
        self.assertEqual(self.put("/2"), 201)
        self.assertEqual(self.paths(), ["/2"])

    def test_swallow(self):
        rule = self.rule(action="swallow", times=1)
        self.assertIsNone(self.put("/1"))
        self.assertEqual(self.reached(rule, "done", 1)["outcomes"][0]["status"],
                         201)
        self.assertEqual(self.paths(), ["/1"])

    def test_duplicate(self):
        self.rule(action="duplicate", times=1)
        self.assertEqual(self.put("/1"), 201)
        self.assertEqual(self.paths(), ["/1", "/1"])

    def test_answer(self):
        self.rule(action="answer", status=503, error="ServerBusy",
                  retry_after=7, times=1)
        self.assertEqual(self.put(), 503)
        self.assertEqual(self.answer.headers["x-ms-error-code"], "ServerBusy")
        self.assertEqual(self.answer.headers["Retry-After"], "7")
        self.assertEqual(self.paths(), [])

    def test_delay_and_rate(self):
        self.rule(path="/1", action="pass", delay=0.3)
        self.rule(path="/2", action="pass", rate=len(BODY) * 4)
        for path, seconds in (("/1", 0.3), ("/2", 0.25)):
            begin = time.monotonic()
            self.assertEqual(self.put(path, BODY), 201)
            self.assertGreaterEqual(time.monotonic() - begin, seconds)

    def test_stall(self):
        rule = self.rule(action="stall", times=1)
        client = self.connect()
        client.request("PUT", "/1", b"x")
        self.reached(rule, "taken", 1)
        client.sock.settimeout(0.2)
        with self.assertRaises(TimeoutError):
            client.sock.recv(1)
        self.tell("release", rule=rule)
        client.sock.settimeout(PATIENCE)
        self.assertEqual(client.sock.recv(1), b"")
        self.assertEqual(self.paths(), [])

    def test_upstream_gone_and_changed(self):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
            self.tell("upstream", address=f"127.0.0.1:{port}")
            self.assertIsNone(self.put("/1"))
        self.tell("upstream", address=f"127.0.0.1:{self.server.server_port}")
        self.assertEqual(self.put("/2"), 201)

    # --- What it keeps ------------------------------------------------------

    def test_counters_and_log_without_secrets(self):
        self.rule(action="answer", status=503, times=1)
        for _ in range(2):
            self.put("/c/b?comp=page&sig=SECRET", BODY, x_ms_page_write="update",
                     Authorization="SharedKey a:SECRET", x_ms_lease_id="L",
                     x_ms_if_sequence_number_eq="4")
        counters = self.tell("counters")
        self.assertEqual(counters["requests"], 2)
        self.assertEqual(counters["actions"], {"answer": 1, "pass": 1})
        self.assertEqual(counters["kinds"], {"PUT comp=page update": {
            "requests": 2, "statuses": {"503": 1, "201": 1}}})
        with open(self.log, encoding="utf-8") as log:
            text = log.read()
        self.assertNotIn("SECRET", text)
        first, second = map(json.loads, text.splitlines())
        self.assertEqual(first["action"], "answer")
        self.assertEqual(second["action"], "pass")
        self.assertEqual(second["outcome"]["status"], 201)
        self.assertEqual(second["headers"]["x-ms-if-sequence-number-eq"], "4")
        self.assertEqual(second["bytes"], len(BODY))
        self.assertLessEqual(second["arrived"], second["ended"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
