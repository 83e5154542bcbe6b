# SPDX-License-Identifier: GPL-3.0-or-later
"""Validate a JSON value against the part of JSON Schema 2020-12 that our schemas use.

errors(value, schema) yields a line per mistake, with its JSON path. A keyword that this validator
does not know is an error of its own, so that no schema promises what nobody checks.
"""
import re

NOTES = {"$schema", "$id", "$defs", "$comment", "title", "description", "default", "example", "examples"}
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}


def has_type(value, name):
    if name == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if name == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


def equal(a, b):
    """As JSON has it: true is not 1."""
    return a == b and isinstance(a, bool) == isinstance(b, bool)


def resolve(root, ref):
    at = root
    for part in ref.removeprefix("#/").split("/"):
        at = at[part.replace("~1", "/").replace("~0", "~")]
    return at


def keyword_errors(value, schema, key, at, root):
    want = schema[key]
    number = has_type(value, "number")
    if key == "$ref":
        yield from errors(value, resolve(root, want), at, root)
    elif key == "type":
        if not any(has_type(value, t) for t in (want if isinstance(want, list) else [want])):
            yield f"{at}: expected {want}, found {value!r:.40}"
    elif key == "const":
        if not equal(value, want):
            yield f"{at}: expected {want!r}, found {value!r:.40}"
    elif key == "enum":
        if not any(equal(value, w) for w in want):
            yield f"{at}: {value!r:.40} is none of {want}"
    elif key in ("minimum", "maximum", "exclusiveMinimum"):
        bad = number and {"minimum": value < want, "maximum": value > want,
                          "exclusiveMinimum": value <= want}[key]
        if bad:
            yield f"{at}: {value} against {key} {want}"
    elif key == "pattern":
        if isinstance(value, str) and not re.search(want, value):
            yield f"{at}: {value!r:.40} does not match {want}"
    elif key in ("minItems", "maxItems"):
        if isinstance(value, list) and (len(value) < want if key == "minItems" else len(value) > want):
            yield f"{at}: {len(value)} entries against {key} {want}"
    elif key in ("minLength", "maxLength"):
        if isinstance(value, str) and (len(value) < want if key == "minLength" else len(value) > want):
            yield f"{at}: {len(value)} characters against {key} {want}"
    elif key == "items":
        for i, item in enumerate(value if isinstance(value, list) else []):
            yield from errors(item, want, f"{at}[{i}]", root)
    elif key == "required":
        for name in want if isinstance(value, dict) else []:
            if name not in value:
                yield f"{at}: lacks {name}"
    elif key == "properties":
        for name in value if isinstance(value, dict) else []:
            if name in want:
                yield from errors(value[name], want[name], f"{at}.{name}", root)
    elif key == "additionalProperties":
        for name in value if isinstance(value, dict) else []:
            if name not in schema.get("properties", {}):
                yield from errors(value[name], want, f"{at}.{name}", root)
    elif key in ("anyOf", "oneOf"):
        fits = sum(not list(errors(value, s, at, root)) for s in want)
        if fits == 0 or (key == "oneOf" and fits > 1):
            yield f"{at}: fits {fits} of {key}"
    elif key not in NOTES:
        yield f"{at}: schema keyword {key} is not known to this validator"


def errors(value, schema, at="$", root=None):
    root = schema if root is None else root
    if schema is True:
        return
    if schema is False:
        yield f"{at}: not allowed"
        return
    for key in schema:
        yield from keyword_errors(value, schema, key, at, root)
