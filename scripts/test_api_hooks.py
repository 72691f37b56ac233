"""What the service reads beyond its OpenAPI document, for schemathesis: ids that are numbers.

The document stays as simple as generators of clients need it, without unions; without this the checks would take an accepted number for a
fault of the service.
"""

import schemathesis

REQUESTS = ["RecommendationRequest", "RankRequest", "RelatedRequest", "View"]
ANSWERS = ["Recommendations", "SessionRecommendations"]
WHOLE_NUMBER = {"type": "integer", "minimum": -(2**63), "maximum": 2**64 - 1}


def widen(schema, number):
    """Allows a number beside the text."""
    text = dict(schema)
    schema.clear()
    schema["anyOf"] = [text, number]


@schemathesis.hook
def before_load_schema(context, raw_schema):
    schemas = raw_schema["components"]["schemas"]
    for name in REQUESTS:
        for field, schema in schemas[name]["properties"].items():
            schema = schema.get("items", schema)
            if schema.get("type") == "string" and "enum" not in schema:
                widen(schema, {"type": "number"} if field == "id" else WHOLE_NUMBER)
    for name in ANSWERS:
        widen(schemas[name]["properties"]["id"], {"type": "number"})
