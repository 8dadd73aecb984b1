"""Cut GitHub's OpenAPI descriptions down to what the local forge's tests check against.

    npm pack @octokit/openapi @octokit/openapi-webhooks     (and unpack both)
    python tests/localforge/openapi/cut.py openapi/package openapi-webhooks/package

writes api.json and webhooks.json beside this file: the response schemas of operations.txt and the webhooks of
webhooks.txt, without prose or examples, converted from OpenAPI 3.0 to JSON Schema 2020-12, versions recorded.
"""

import json
import sys
from collections import Counter
from pathlib import Path

HERE = Path(__file__).parent
PROSE = {
    "description",
    "summary",
    "example",
    "examples",
    "externalDocs",
    "deprecated",
    "title",
    "default",
    "discriminator",
    "xml",
}
DEFS = "#/$defs/"


def schema(node, in_properties=False):
    """`node` without prose, and with OpenAPI 3.0's `nullable` said in JSON Schema's way."""
    if isinstance(node, list):
        return [schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    if in_properties:
        return {key: schema(value) for key, value in node.items()}
    out = {}
    for key, value in node.items():
        if key in PROSE or key.startswith("x-") or key == "nullable":
            continue
        if key == "$ref":
            out[key] = DEFS + value.rsplit("/", 1)[1]
        elif key in ("enum", "required", "const"):
            out[key] = value
        else:
            out[key] = schema(value, in_properties=key in ("properties", "patternProperties"))
    if node.get("nullable"):
        out = _nullable(out)
    return out


def _nullable(out):
    if "type" in out and not {"anyOf", "oneOf", "allOf"} & set(out):
        kinds = out["type"] if isinstance(out["type"], list) else [out["type"]]
        out["type"] = [*kinds, "null"] if "null" not in kinds else kinds
        if "enum" in out and None not in out["enum"]:
            out["enum"] = [*out["enum"], None]
        return out
    return {"anyOf": [out, {"type": "null"}]}


def references(node, found):
    if isinstance(node, dict):
        if "$ref" in node:
            found.add(node["$ref"].removeprefix(DEFS))
        for value in node.values():
            references(value, found)
    elif isinstance(node, list):
        for value in node:
            references(value, found)
    return found


def definitions(roots, components):
    """The component schemas that `roots` reach, converted."""
    wanted, done = references(roots, set()), {}
    while wanted - set(done):
        for name in wanted - set(done):
            done[name] = schema(components[name])
            references(done[name], wanted)
    return dict(sorted(done.items()))


def share(cut):
    """Give every schema that is written out more than once a name: the webhooks repeat theirs a hundred times."""
    counts, names = Counter(), {}

    def key(node):
        return json.dumps(node, sort_keys=True, separators=(",", ":"))

    def count(node):
        if isinstance(node, list):
            for item in node:
                count(item)
        elif isinstance(node, dict):
            if is_schema(node):
                counts[key(node)] += 1
            for value in node.values():
                count(value)

    def replace(node):
        if isinstance(node, list):
            return [replace(item) for item in node]
        if not isinstance(node, dict):
            return node
        text = key(node) if is_schema(node) else ""
        if counts[text] > 1 and len(text) > 60:
            if text not in names:
                names[text] = f"s{len(names)}"
                shared[names[text]] = {key: replace(value) for key, value in node.items()}
            return {"$ref": DEFS + names[text]}
        return {key: replace(value) for key, value in node.items()}

    def is_schema(node):
        return isinstance(node.get("type"), str | list) or "anyOf" in node or "oneOf" in node

    shared = {}
    count(cut)
    return {
        **replace({name: value for name, value in cut.items() if name != "$defs"}),
        "$defs": {**{name: inside(replace, value) for name, value in cut["$defs"].items()}, **shared},
    }


def inside(replace, node):
    """A named definition keeps its own name; only what it holds is shared."""
    return {key: replace(value) for key, value in node.items()}


def json_schema(response, spec):
    if "$ref" in response:
        response = spec["components"]["responses"][response["$ref"].rsplit("/", 1)[1]]
    for kind, content in response.get("content", {}).items():
        if kind.split(";")[0].endswith("json") and "schema" in content:
            return schema(content["schema"])
    return None


def lines(name):
    text = (HERE / name).read_text()
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def cut_api(spec):
    operations = {}
    for line in lines("operations.txt"):
        method, path = line.split()
        found = spec["paths"].get(path, {}).get(method.lower())
        if found is None:
            sys.exit(f"operations.txt: {line}: no such operation in the description {spec['info']['version']}")
        operations[line] = {code: json_schema(response, spec) for code, response in found["responses"].items()}
    return {
        "version": spec["info"]["version"],
        "operations": operations,
        "$defs": definitions(operations, spec["components"]["schemas"]),
    }


def cut_webhooks(spec):
    webhooks = {}
    for name in lines("webhooks.txt"):
        body = spec["webhooks"][name]["post"]["requestBody"]["content"]
        webhooks[name] = schema((body.get("application/json") or next(iter(body.values())))["schema"])
    return {
        "version": spec["info"]["version"],
        "webhooks": webhooks,
        "$defs": definitions(webhooks, spec["components"]["schemas"]),
    }


def main(api, hooks):
    for out, cut, source in (("api.json", cut_api, api), ("webhooks.json", cut_webhooks, hooks)):
        spec = json.loads((Path(source) / "generated" / "api.github.com.json").read_text())
        text = json.dumps(share(cut(spec)), separators=(",", ":"), sort_keys=True)
        (HERE / out).write_text(text + "\n")
        print(f"{out}: {len(text)} bytes of {spec['info']['version']}")


if __name__ == "__main__":
    main(*sys.argv[1:])
