"""Deliveries of a shop as Shopify sends them: a number and a product of the catalogue enter, a body and its headers leave."""

import base64
import hashlib
import hmac
import json
import time

SECRET = "a-secret-that-tests-share-with-the-service"
PATH = "/webhooks/shopify"


def delivery(number, product):
    """The product under another title. Later numbers are later states."""
    body = {
        "id": int(product["gid"].rsplit("/", 1)[1]),
        "handle": product["handle"],
        "title": f"Title {number}",
        "product_type": product["category"],
        "vendor": "",
        "status": "active",
        "published_at": "2026-01-01T00:00:00Z",
        "variants": [{"inventory_quantity": 3, "inventory_policy": "deny"}],
    }
    body = json.dumps(body).encode()
    headers = {
        "X-Shopify-Hmac-Sha256": base64.b64encode(hmac.new(SECRET.encode(), body, hashlib.sha256).digest()).decode(),
        "X-Shopify-Topic": "products/update",
        "X-Shopify-Webhook-Id": f"id-{number}",
        "X-Shopify-Triggered-At": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1_790_000_000 + number)),
        "X-Shopify-Shop-Domain": "example.myshopify.com",
    }
    return body, headers
