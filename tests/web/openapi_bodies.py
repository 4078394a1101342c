"""The smallest body a schema allows: what stands in it is required, and each value is the plainest of its kind."""

from __future__ import annotations

from typing import Any

__all__ = ["smallest_body"]


def smallest_body(document: dict[str, Any], operation: dict[str, Any]) -> Any:
    """Return the smallest JSON body of an operation; None when it takes none."""
    content = operation.get("requestBody", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema")
    return None if schema is None else _smallest(document, schema)


def _smallest(document: dict[str, Any], schema: dict[str, Any]) -> Any:
    if "$ref" in schema:
        return _smallest(document, document["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    given = [schema[word][0] for word in ("examples", "enum") if schema.get(word)]
    given += [schema[word] for word in ("const", "default", "example") if word in schema]
    given += [_smallest(document, schema[word][0]) for word in ("anyOf", "oneOf", "allOf") if schema.get(word)]
    if given:
        return given[0]
    match schema.get("type"):
        case "object":
            parts = schema.get("properties", {})
            found: Any = {name: _smallest(document, parts[name]) for name in schema.get("required", [])}
        case "array":
            found = [_smallest(document, schema["items"])] * schema.get("minItems", 0)
        case "string":
            forms = {"date": "2024-01-31", "date-time": "2024-01-31T15:00:00Z"}
            found = forms.get(schema.get("format", ""), "a" * max(1, schema.get("minLength", 1)))
        case "integer" | "number":
            found = schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
        case kind:
            found = True if kind == "boolean" else None
    return found
