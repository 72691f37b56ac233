"""What the OpenAPI document cannot say, for schemathesis.

Ids may be numbers: the document stays as simple as generators of clients need it, without unions; without this the checks would take an
accepted number for a fault of the service. Scenarios must be those of the service's file (scripts/test-api.sh), filters must be written in
their language, caps name attributes, and what is bought again needs purchases: what else is asked for is refused, as it should be.
"""

import schemathesis

TEXTS = {
    "scenario": ["cart", "home"],
    "filter": ['category != "Books"', 'price_band == "budget" && !(vendor in ["Atelier Nord"])', "has(colour)"],
}
ANSWERS = ["Recommendations", "SessionRecommendations"]
WHOLE_NUMBER = {"type": "integer", "minimum": -(2**63), "maximum": 2**64 - 1}


def widen(schema, number):
    """Allows a number beside the text."""
    text = dict(schema)
    schema.clear()
    schema["anyOf"] = [text, number]


def bodies(document, schemas):
    """Names of the schemas that bodies of /v1 are made of."""
    names, found = [], set()
    for path, operations in document["paths"].items():
        if path.startswith("/v1/"):
            names += references([one.get("requestBody", {}) for one in operations.values()])
    while names:
        name = names.pop()
        if name not in found:
            found.add(name)
            names += references(schemas[name])
    return found


def references(part):
    if isinstance(part, dict):
        here = [part["$ref"].rsplit("/", 1)[-1]] if "$ref" in part else []
        return here + [name for value in part.values() for name in references(value)]
    return [name for value in part for name in references(value)] if isinstance(part, list) else []


def allow(field, schema):
    if field in TEXTS:
        schema["enum"] = TEXTS[field] + [None] * bool(schema.get("nullable"))
    elif field == "per":
        cap = {"type": "integer", "minimum": 1, "maximum": 1000}
        schema.update(properties={"category": cap, "vendor": cap}, additionalProperties=False)
    elif field == "user":
        # The demo's model reads no attributes of shoppers.
        schema["maxProperties"] = 0
    else:
        schema = schema.get("items", schema)
        if schema.get("type") == "string" and "enum" not in schema:
            widen(schema, {"type": "number"} if field == "id" else WHOLE_NUMBER)


@schemathesis.hook
def before_load_schema(context, raw_schema):
    schemas = raw_schema["components"]["schemas"]
    for name in bodies(raw_schema, schemas):
        for field, schema in schemas[name].get("properties", {}).items():
            allow(field, schema)
    given = lambda field: {"required": [field], "properties": {field: {"type": "array"}}}
    schemas["BuyAgainRequest"]["anyOf"] = [given("history"), given("items")]
    for name in ANSWERS:
        widen(schemas[name]["properties"]["id"], {"type": "number"})
