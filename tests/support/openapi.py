# SPDX-License-Identifier: GPL-3.0-or-later
"""Check a program's REST against its description in docs/api.

    spec = openapi.Spec("lb.yaml")
    api = openapi.Checker(spec, rest)           # rest: a support.Rest
    api.ask("GET", "/v1/vips/{name}", 200, {"name": "web"})        # gives the parsed body
    api.ask("GET", "/v1/vips/{name}", 404, {"name": "nobody"})
    api.ask("GET", "/v1/explain", 400, query={"prefix": "x"})
    api.ask("POST", "/v1/runs", 202, body={"scenario": "quick"})
    for event in api.events("/v1/events", since=0): ...            # each one is checked; break out
    api.probe()                                 # what the server does alike for every path
    api.finish()                                # all that is documented has been provoked

ask() fails if the status is another one, is not documented, or if the answer's media type, header
fields or body are not as documented. Answers are closed: a key that is not documented is a mistake
wherever the schema has "properties" and says nothing of additionalProperties. What a 2xx request
sends (parameters, body) must fit the document too. A GET that is 200 is asked again with HEAD.

The document is JSON after its comment lines. What it must have beyond OpenAPI 3.1:
- every operation has the response "default": a problem document, for what any path may answer
  (400 unknown query argument, 401, 405, 413, 415, ...); probe() provokes these. Every status that
  stands there by its number must be provoked by the test itself, or finish() fails.
- a response's "headers" are fields that must be there.
- "text/event-stream" has beside "schema" an "x-events": {KIND: {FIELD: SCHEMA}}: every event has
  kind, a key of it, exactly these fields, and those of "x-event-common". Every kind must be seen.

That the document has every route of the program is a unit test's business: the route table is
linked there (tests/support/openapi_routes.h).
"""
import contextlib
import json
import os
import re
import urllib.parse

from . import ROOT, schema

METHODS = ("get", "head", "put", "post", "patch", "delete", "options")
PROBED = ("GET", "PUT", "POST", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW")
PROBLEM = "application/problem+json"


def strict_loads(text):
    """JSON as the standard has it: no key twice, no NaN."""
    def once(pairs):
        keys = [key for key, _ in pairs]
        assert len(keys) == len(set(keys)), f"a key stands twice: {keys}"
        return dict(pairs)

    def refuse(name):
        raise AssertionError(f"{name} is not JSON")
    return json.loads(text, object_pairs_hook=once, parse_constant=refuse)


def subschemas(s):
    """The schemas directly within a schema."""
    yield from s.get("properties", {}).values()
    yield from s.get("$defs", {}).values()
    yield from (x for key in ("anyOf", "oneOf") for x in s.get(key, []))
    yield from (s[key] for key in ("items", "additionalProperties") if isinstance(s.get(key), dict))


def media_type(headers):
    return (headers.get("Content-Type") or "").partition(";")[0].strip().lower()


class Spec:
    """A document, its schemas closed; wrong() of one that cannot be checked by is not empty."""

    def __init__(self, name):
        self.name = name
        with open(os.path.join(ROOT, "docs/api", name), encoding="utf-8") as lines:
            self.doc = strict_loads("".join(line for line in lines if not line.startswith("#")))
        self.operations = {(method.upper(), path): operation
                           for path, item in self.doc["paths"].items()
                           for method, operation in item.items() if method in METHODS}
        self.mistakes = []
        for s in self._schemas(self.doc, "#"):
            self._close(s)
        self._check()
        assert not self.mistakes, "\n".join([name, *self.mistakes])

    def _schemas(self, node, at):
        """All outermost schemas of the document."""
        if not isinstance(node, (dict, list)):
            return
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            if key == "schema":
                yield value
            elif key in ("schemas", "x-event-common") or at.endswith("/x-events"):
                yield from value.values()
            else:
                yield from self._schemas(value, f"{at}/{key}")

    def _close(self, s):
        if not isinstance(s, dict):
            return
        self.mistakes += [m for m in schema.errors(None, {k: s[k] for k in s if k != "$ref"}, s,
                                                   self.doc) if "not known" in m]
        if "properties" in s:
            s.setdefault("additionalProperties", False)
            lacks = set(s.get("required", ())) - set(s["properties"])
            if lacks:
                self.mistakes.append(f"required, but no properties: {lacks}")
        for inner in subschemas(s):
            self._close(inner)

    def _check(self):
        for (method, path), operation in self.operations.items():
            at = f"{method} {path}"
            declared = {p["name"] for p in self.parameters(method, path) if p["in"] == "path"}
            if declared != set(re.findall(r"{(\w+)}", path)):
                self.mistakes.append(f"{at}: path parameters {declared}")
            if "default" not in operation["responses"]:
                self.mistakes.append(f'{at}: no response "default"')
            if not operation.get("summary"):
                self.mistakes.append(f"{at}: no summary")
        text = json.dumps(self.doc)
        for ref in set(re.findall(r'"\$ref": "([^"]*)"', text)):
            try:
                schema.resolve(self.doc, ref)
            except (KeyError, TypeError):
                self.mistakes.append(f"{ref} leads nowhere")
        for kind, parts in self.doc.get("components", {}).items():
            self.mistakes += [f"nobody refers to {kind}/{part}" for part in parts
                              if f'"#/components/{kind}/{part}"' not in text]

    def resolve(self, node):
        while "$ref" in node:
            node = schema.resolve(self.doc, node["$ref"])
        return node

    def parameters(self, method, path):
        both = self.doc["paths"][path].get("parameters", []) + \
            self.operations[method, path].get("parameters", [])
        return [self.resolve(p) for p in both]

    def methods(self, path):
        return {m for m, p in self.operations if p == path}

    def response(self, method, path, status):
        responses = self.operations[method, path]["responses"]
        if str(status) not in responses and status < 400:
            raise AssertionError(f"{method} {path}: {status} is not documented")
        return self.resolve(responses.get(str(status), responses["default"]))

    def errors(self, value, s, at="$"):
        return list(schema.errors(value, s, at, self.doc))

    def statuses(self):
        return {(method, path, int(status)) for (method, path), o in self.operations.items()
                for status in o["responses"] if status != "default"}


class Checker:
    """Asks through rest and holds the answers against spec. Mistakes are AssertionErrors."""

    def __init__(self, spec, rest):
        self.spec = spec
        self.rest = rest
        self.seen = set()
        self.seen_kinds = set()

    # ---- one request ----

    def ask(self, method, path, status, params=None, query=None, body=None, headers=None):
        """path as documented, params what stands for its {names}. Gives the parsed body, or text.
        body: what json.dumps() takes, or bytes or str as they are."""
        operation = self.spec.operations.get((method, path))
        assert operation, f"{method} {path} is not in {self.spec.name}"
        if status < 400:
            self._check_request(method, path, params or {}, query or {}, body)
        target = self.target(path, params, query)
        got, fields, text = self.rest.request(method, target, body, headers)
        at = f"{method} {target}: {got}"
        assert got == status, f"{at} instead of {status}: {text[:500]}"
        parsed = self.check_answer(at, self.spec.response(method, path, got), got, fields, text)
        self.seen.add((method, path, got))
        if method == "GET" and got == 200:
            self._check_head(target, fields, headers)
        return parsed

    @staticmethod
    def target(path, params=None, query=None):
        params = params or {}
        filled = re.sub(r"{(\w+)}", lambda m: urllib.parse.quote(str(params[m[1]]), ""), path)
        return filled + ("?" + urllib.parse.urlencode(query) if query else "")

    def _check_request(self, method, path, params, query, body):
        at = f"{method} {path}"
        documented = {(p["in"], p["name"]): p for p in self.spec.parameters(method, path)}
        for place, values in (("path", params), ("query", query)):
            for name, value in values.items():
                assert (place, name) in documented, f"{at}: {place} {name} is not documented"
                wrong = self.spec.errors(value, documented[place, name]["schema"], name)
                assert not wrong, f"{at}: {wrong}"
        for (place, name), parameter in documented.items():
            assert not parameter.get("required") or name in {**params, **query}, \
                f"{at}: {place} {name} should be needed"
        description = self.spec.operations[method, path].get("requestBody")
        assert description or body is None, f"{at}: no body is documented"
        if isinstance(body, (dict, list)):
            content = self.spec.resolve(description)["content"]
            assert set(content) == {"application/json"}, f"{at}: takes {set(content)}"
            wrong = self.spec.errors(body, content["application/json"]["schema"])
            assert not wrong, f"{at}: the body that was taken: {wrong}"

    def check_answer(self, at, response, status, fields, text):
        """An answer against the response that is documented for it."""
        for name, header in response.get("headers", {}).items():
            wrong = self.spec.errors(fields.get(name), self.spec.resolve(header)["schema"], name)
            assert not wrong, f"{at}: {wrong}"
        assert fields.get("Cache-Control") == "no-store", f"{at}: may be cached"
        content = response.get("content", {})
        kind = media_type(fields)
        if not content:
            assert not text and not kind, f"{at}: content, none is documented: {text[:200]}"
            return None
        assert kind in content, f"{at}: is {kind!r}, documented are {list(content)}"
        parsed = strict_loads(text) if kind.endswith("json") else text
        wrong = self.spec.errors(parsed, content[kind]["schema"])
        assert not wrong, "\n".join([at, *wrong])
        if kind == PROBLEM:
            check_problem(at, status, fields, parsed)
        return parsed

    def _check_head(self, target, fields, headers):
        got, others, text = self.rest.request("HEAD", target, None, headers)
        assert (got, media_type(others), text) == (200, media_type(fields), ""), \
            f"HEAD {target}: {got} {media_type(others)} {text[:80]}"

    # ---- streams ----

    @contextlib.contextmanager
    def stream(self, path, since=None, query=None, timeout=10):
        """with stream() as events: an iterator that checks every event; socket.timeout after
        that long without a byte."""
        query = {**(query or {}), **({} if since is None else {"since": since})}
        self._check_request("GET", path, {}, query, None)
        response = self.spec.response("GET", path, 200)
        description = response["content"]["text/event-stream"]
        target = self.target(path, None, query)
        with self.rest.open("GET", target, timeout=timeout) as answer:
            assert answer.status == 200, f"{target}: {answer.status}"
            assert media_type(answer.headers) == "text/event-stream", f"{answer.headers}"
            self.seen.add(("GET", path, 200))
            yield self._events(answer, description)

    def events(self, path, since=None, query=None, timeout=10):
        with self.stream(path, since, query, timeout) as events:
            yield from events

    def _events(self, answer, description):
        """Frames of "id: N" and "data: {...}", between them comments."""
        frame = {}
        for line in answer:
            line = line.decode().rstrip("\n")
            if line:
                name, _, value = line.partition(":")
                assert name in ("", "id", "data"), f"in the stream: {line}"
                assert not name or name not in frame, f"twice in a frame: {line}"
                frame[name] = value.strip()
            elif "data" in frame:
                event = strict_loads(frame["data"])
                assert frame.get("id") == str(event.get("id")), f"id {frame}"
                self.check_event(event, description)
                yield event
                frame = {}
            else:
                frame = {}

    def check_event(self, event, description):
        kinds = description["x-events"]
        assert event.get("kind") in kinds, f"kind is not documented: {event}"
        wanted = {"kind": {"type": "string"}, **description.get("x-event-common", {}),
                  **kinds[event["kind"]]}
        assert set(event) == set(wanted), f"{event}: documented are {sorted(wanted)}"
        wrong = [e for name in wanted for e in self.spec.errors(event[name], wanted[name], name)]
        assert not wrong, f"{event}: {wrong}"
        self.seen_kinds.add(event["kind"])

    def kinds(self, path):
        """The documented kinds of events of a stream."""
        return list(self.spec.response("GET", path, 200)["content"]["text/event-stream"]["x-events"])

    # ---- all paths ----

    def expect_problem(self, method, target, status, body=None, headers=None, rest=None):
        """Any request that must end in a problem document; gives it."""
        got, fields, text = (rest or self.rest).request(method, target, body, headers)
        at = f"{method} {target[:200]}: {got}"
        assert got == status, f"{at} instead of {status}: {text[:300]}"
        problem = next((r["content"][PROBLEM]["schema"] for o in self.spec.operations.values()
                        for r in [self.spec.resolve(o["responses"]["default"])]))
        return self.check_answer(at, {"content": {PROBLEM: {"schema": problem}}}, got, fields, text)

    def probe(self):
        """Requests that go wrong alike on all paths; none reaches a handler."""
        for path in self.spec.doc["paths"]:
            target = self.target(path, dict.fromkeys(re.findall(r"{(\w+)}", path), "nobody"))
            methods = self.spec.methods(path)
            for method in set(PROBED) - methods:
                self.expect_problem(method, target, 405)
            for method in methods:
                body = {} if "requestBody" in self.spec.operations[method, path] else None
                self.expect_problem(method, target + "?nobody=1", 400, body)
                self.expect_problem(method, target + "?%zz", 400, body)
                if self.rest.token and path != "/healthz":
                    self._probe_token(method, target)
                if "requestBody" in self.spec.operations[method, path]:
                    self._probe_body(method, target)
        self.expect_problem("GET", "/nobody", 404)

    def _probe_token(self, method, target):
        right, self.rest.token = self.rest.token, None
        try:
            for wrong in ("", f"Bearer {right}x", f"Bearer {right[:-1]}", "Bearer", "Bearer ",
                          f"Basic {right}", right, f"Bearer {right * 20}"):
                self.expect_problem(method, target, 401, headers=wrong and {"Authorization": wrong})
        finally:
            self.rest.token = right

    def _probe_body(self, method, target):
        for kind in ("text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""):
            self.expect_problem(method, target, 415, b"{}", {"Content-Type": kind})
        for body in (b"{", b"[]", b"null", b"{}{}", b'{"a":1,"a":2}', b'{"a":"\xff"}', b"[" * 9999,
                     b'{"a":' * 9999, b'{"a":"\0"}', b'{"a":"\\u0000"}', b"\xef\xbb\xbf{}"):
            self.expect_problem(method, target, 400, body)
        self.expect_problem(method, target, 413, b'{"a":"' + b"a" * 65536 + b'"}')

    def finish(self, elsewhere=(), kinds_elsewhere=()):
        """After all: what is documented and has not been seen is a mistake, unless another test
        sees it: (method, path, status), kinds of events."""
        missing = self.spec.statuses() - self.seen - set(elsewhere)
        assert not missing, "documented, never provoked: " + \
            ", ".join("{} {} {}".format(*m) for m in sorted(missing))
        kinds = {kind for method, path, status in self.spec.statuses()
                 if "text/event-stream" in self.spec.response(method, path, status).get("content", {})
                 for kind in self.kinds(path)}
        unseen = kinds - self.seen_kinds - set(kinds_elsewhere)
        assert not unseen, f"events never seen: {unseen}"
        assert self.seen_kinds <= kinds, f"events of no kind: {self.seen_kinds - kinds}"


def check_problem(at, status, fields, problem):
    """RFC 9457, and what RFC 9110 wants beside some statuses."""
    assert problem["status"] == status, f"{at}: the problem says {problem['status']}"
    assert problem.get("title") not in (None, "", "Error"), f"{at}: no title"
    assert status != 405 or fields.get("Allow"), f"{at}: no Allow"
    assert status != 401 or fields.get("WWW-Authenticate") == "Bearer", f"{at}: asks for no token"
