"""Clients that people have, against the real service: `make test-clients`.

Enter: the service's addresses as CLIENTS_OPEN, CLIENTS_GUARDED and CLIENTS_ADMIN (`host:port`; the guarded service
wants CLIENTS_KEY and knows the origin https://shop.example). Leaves: the outcome of each test.
"""

import asyncio
import gzip
import json
import os
import pathlib
import socket
import subprocess
import sys
import time
import unittest
import urllib.error
import urllib.request

import kserve
import numpy
import tritonclient.http
from prometheus_client.parser import text_string_to_metric_families

HERE = pathlib.Path(__file__).parent
OPEN = os.environ["CLIENTS_OPEN"]
GUARDED = os.environ["CLIENTS_GUARDED"]
ADMIN = os.environ["CLIENTS_ADMIN"]
KEY = os.environ["CLIENTS_KEY"]
ORIGIN = "https://shop.example"
MODEL = "slirec"


def ask(address, method, path, headers=None, body=None):
    """Status, headers and body of an answer, whatever the status."""
    request = urllib.request.Request(f"http://{address}{path}", data=body, headers=headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, response.headers, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


class KServe(unittest.TestCase):
    """KServe's own client and a transformer of its own before the service."""

    def with_client(self, use):
        async def run():
            client = kserve.InferenceRESTClient(kserve.RESTConfig(protocol="v2", retries=0))
            try:
                return await use(client)
            finally:
                await client.close()

        return asyncio.run(run())

    def test_health_and_readiness(self):
        base = f"http://{OPEN}"
        self.assertIs(self.with_client(lambda client: client.is_server_live(base)), True)
        self.assertIs(self.with_client(lambda client: client.is_server_ready(base)), True)
        self.assertIs(self.with_client(lambda client: client.is_model_ready(base, MODEL)), True)

    def test_a_session_is_answered(self):
        inputs = [
            kserve.InferInput("items", [2], "BYTES", ["novel", "atlas"]),
            kserve.InferInput("timestamps", [2], "INT64", [1730807061, 1730807121]),
        ]
        request = kserve.InferRequest(MODEL, inputs)
        response = self.with_client(lambda client: client.infer(f"http://{OPEN}", request, model_name=MODEL))
        shapes = {output.name: list(output.shape) for output in response.outputs}
        self.assertEqual(set(shapes), {"itemIds", "preds"})

    def test_a_transformer_before_the_service_is_ready(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [sys.executable, HERE / "transformer.py", "--model_name", MODEL, "--predictor_host", OPEN]
        command += ["--predictor_protocol", "v2", "--enable_predictor_health_check", "--http_port", str(port)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            deadline, status = time.monotonic() + 120, None
            while status != 200 and time.monotonic() < deadline:
                self.assertIsNone(process.poll(), "the transformer ended")
                try:
                    status, _, body = ask(f"127.0.0.1:{port}", "GET", f"/v2/models/{MODEL}/ready")
                except (urllib.error.URLError, ConnectionError):
                    time.sleep(0.2)
            self.assertEqual(status, 200)
            status, _, body = ask(f"127.0.0.1:{port}", "GET", "/v2/health/ready")
            self.assertEqual((status, json.loads(body)["ready"]), (200, True))
        finally:
            process.terminate()
            process.wait(30)


class Triton(unittest.TestCase):
    """Triton's client, which sends tensors in binary and asks for binary answers."""

    def setUp(self):
        self.client = tritonclient.http.InferenceServerClient(OPEN)
        self.addCleanup(self.client.close)

    def tensors(self, binary, datatype):
        items = tritonclient.http.InferInput("items", [2], "BYTES")
        items.set_data_from_numpy(numpy.array([b"novel", b"atlas"], dtype=object), binary_data=binary)
        times = tritonclient.http.InferInput("timestamps", [2], datatype)
        values = [1730807061, 1730807121]
        values = [str(value).encode() for value in values] if datatype == "BYTES" else values
        array = numpy.array(values, dtype=object if datatype == "BYTES" else numpy.int64)
        times.set_data_from_numpy(array, binary_data=binary)
        return [items, times]

    def test_health_and_metadata(self):
        client = self.client
        self.assertTrue(client.is_server_live() and client.is_server_ready() and client.is_model_ready(MODEL))
        metadata = client.get_model_metadata(MODEL)
        self.assertEqual({tensor["name"] for tensor in metadata["outputs"]}, {"itemIds", "preds"})
        self.assertEqual(len(client.get_model_repository_index()), 1)
        extensions = set(client.get_server_metadata()["extensions"])
        self.assertIn("binary_tensor_data", extensions)

    def test_every_form_of_tensors_has_the_same_answer(self):
        answers = []
        for binary in (True, False):
            for datatype in ("BYTES", "INT64"):
                for outputs in (None, True, False):
                    wanted = outputs is not None and [
                        tritonclient.http.InferRequestedOutput(name, binary_data=outputs) for name in ("itemIds", "preds")
                    ]
                    result = self.client.infer(MODEL, self.tensors(binary, datatype), outputs=wanted or None)
                    items = [item.decode() if isinstance(item, bytes) else item for item in result.as_numpy("itemIds").ravel()]
                    scores = result.as_numpy("preds").ravel()
                    self.assertEqual(scores.dtype, numpy.float32)
                    answers.append((items, scores))
        self.assertEqual(len(answers[0][0]), len(answers[0][1]))
        for items, scores in answers:
            self.assertEqual(items, answers[0][0])
            numpy.testing.assert_allclose(scores, answers[0][1], atol=1e-4)

    def test_an_error_is_told(self):
        with self.assertRaisesRegex(tritonclient.http.InferenceServerException, "not found|no such"):
            self.client.infer("another", self.tensors(True, "BYTES"))


class Http(unittest.TestCase):
    """What browsers, Node, curl and slow clients do."""

    def test_a_preflight_of_a_page_with_traces_is_answered_and_not_counted(self):
        headers = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
        headers["Access-Control-Request-Headers"] = "baggage,content-type,sentry-trace"
        series = 'slirec_requests_total{route="/v1/recommendations",status="200"}'
        before = self.metric(series)
        status, answered, _ = ask(GUARDED, "OPTIONS", "/v1/recommendations", headers)
        self.assertEqual((status, answered["access-control-allow-origin"]), (200, ORIGIN))
        self.assertEqual(answered["access-control-allow-headers"], "baggage,content-type,sentry-trace")
        self.assertGreater(int(answered["access-control-max-age"]), 0)
        self.assertEqual(self.metric(series), before)

    def metric(self, series):
        _, _, body = ask(ADMIN, "GET", "/metrics")
        return next(float(line.rsplit(" ", 1)[1]) for line in body.decode().splitlines() if line.startswith(series))

    def test_node_reads_why_a_large_body_is_refused(self):
        for path, key, expected in [("/v1/recommendations", "an-unknown-key-0123456", 401), ("/v1/recommend", KEY, 404)]:
            command = ["node", HERE / "large_body.mjs", f"http://{GUARDED}{path}", "8", "10", key]
            output = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout
            self.assertEqual(json.loads(output), {str(expected): 10}, path)

    def test_the_javascript_example_prints_products_that_were_not_viewed(self):
        output = self.example(OPEN, "novel", "atlas").stdout
        handles = [line.split()[1] for line in output.splitlines()]
        self.assertEqual(len(handles), 5)
        self.assertFalse({"novel", "atlas"} & set(handles))
        self.assertIn("(popular)", self.example(OPEN).stdout)

    def test_the_javascript_example_sends_its_key_and_says_why_it_is_refused(self):
        self.assertEqual(len(self.example(GUARDED, "novel", SLIREC_API_KEY=KEY).stdout.splitlines()), 5)
        refused = self.example(GUARDED, "novel", SLIREC_API_KEY="another-key-0123456789")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("error: 401 UNAUTHENTICATED: ", refused.stderr)

    def example(self, address, *handles, **variables):
        command = ["node", HERE.parent.parent / "examples/client.mjs", f"http://{address}", *handles]
        return subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, timeout=60)

    def test_curl_reads_why_a_large_body_is_refused(self):
        command = ["curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", "--data-binary", "@-"]
        command += ["--header", "x-api-key: an-unknown-key-0123456", f"http://{GUARDED}/v1/recommendations"]
        output = subprocess.run(command, input=b" " * 8_000_000, capture_output=True, timeout=300)
        self.assertEqual((output.returncode, output.stdout), (0, b"401"))

    def test_a_body_that_stalls_is_no_failure_of_the_service(self):
        host, port = OPEN.rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=120) as stream:
            stream.sendall(b'POST /v1/recommendations HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{"hist')
            answer = stream.recv(4096)
        self.assertTrue(answer == b"" or answer.startswith(b"HTTP/1.1 408"), answer)

    def test_curl_gets_the_catalogue_compressed(self):
        command = ["curl", "--silent", "--compressed", "--dump-header", "/dev/stderr", f"http://{OPEN}/v1/catalog"]
        output = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
        self.assertIn("content-encoding: gzip", output.stderr.lower())
        self.assertGreater(len(json.loads(output.stdout)["products"]), 100)
        status, headers, body = ask(OPEN, "GET", "/openapi.json", {"Accept-Encoding": "gzip"})
        self.assertEqual((status, headers["content-encoding"]), (200, "gzip"))
        self.assertIn("paths", json.loads(gzip.decompress(body)))

    def test_the_official_parser_reads_the_metrics(self):
        _, headers, body = ask(ADMIN, "GET", "/metrics")
        self.assertTrue(headers["content-type"].startswith("text/plain; version=0.0.4"))
        families = {family.name: family for family in text_string_to_metric_families(body.decode())}
        self.assertLessEqual({"slirec_requests", "slirec_request_seconds", "process_cpu_seconds"}, set(families))


if __name__ == "__main__":
    unittest.main(verbosity=2)
