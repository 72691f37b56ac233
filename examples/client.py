"""Asks a running service for recommendations; Python's standard library is enough.

    make serve                                              # in another terminal
    python3 examples/client.py http://127.0.0.1:8080 novel atlas

The arguments are the service's address and the products that the shopper viewed, oldest first. SLIREC_API_KEY holds a
key where the service has keys. Leaves: one line for each product, best first.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request
from typing import Any

# A refused request is repeated so often, as long as the service asks for time.
ATTEMPTS = 3


def recommend(address: str, handles: list[str], limit: int = 5) -> dict[str, Any]:
    """Ask `POST /v1/recommendations` for views that are ten seconds apart, the last one just now."""
    now = time.time()
    views = [{"item": handle, "time": now - 10 * age} for age, handle in enumerate(reversed(handles))]
    body = json.dumps({"history": views[::-1], "now": now, "limit": limit, "exclude_seen": True}).encode()
    headers = {"Content-Type": "application/json"}
    if key := os.environ.get("SLIREC_API_KEY"):
        headers["X-Api-Key"] = key
    for attempt in range(1, ATTEMPTS + 1):
        try:
            request = urllib.request.Request(f"{address}/v1/recommendations", data=body, headers=headers)
            with urllib.request.urlopen(request, timeout=10) as response:
                answer: dict[str, Any] = json.load(response)
                return answer
        except urllib.error.HTTPError as error:
            # 503: the service is overloaded or stops. Every other status is the same however often one asks.
            if error.code != 503 or attempt == ATTEMPTS:
                message = json.load(error)
                raise SystemExit(f"error: {error.code} {message['error_code']}: {message['message']}") from error
            time.sleep(float(error.headers.get("Retry-After", "1")))
        except (urllib.error.URLError, ValueError) as error:
            raise SystemExit(f"error: {address}: {error}") from error
    raise AssertionError("the last attempt answers or ends the program")


def main() -> None:
    """Print what the service recommends."""
    if len(sys.argv) < 2:
        raise SystemExit("usage: client.py ADDRESS [HANDLE…]")
    answer = recommend(sys.argv[1].rstrip("/"), sys.argv[2:])
    for warning in answer.get("warnings", []):
        print(f"warning: {warning['field']}: {warning['message']}", file=sys.stderr)
    for item in answer["items"]:
        print(f"{item['score']:.3f}  {item['handle']}  ({answer['source']})")


if __name__ == "__main__":
    main()
