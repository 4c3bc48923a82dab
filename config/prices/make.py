#!/usr/bin/env python3
"""Writes the price files of this folder from a merged price book.

    python3 config/prices/make.py PRICEBOOK.json

PRICEBOOK.json is the book that README.md names; its `keys` say what its fields mean. One file is written for each
provider below, one line for each model, so that a changed price is a changed line. Nothing is rounded down: a price
with more than six decimals (a float that some source printed) is rounded up to six.
"""

import decimal
import json
import pathlib
import re
import sys

# Anthropic, OpenAI, and those who speak OpenAI's chat protocol.
PROVIDERS = [
    "anthropic", "cerebras", "deepinfra", "deepseek", "fireworks", "groq", "mistral", "moonshot", "openai",
    "openrouter", "perplexity", "together", "xai", "zai",
]
# What is metered by tokens; images, speech, video and documents are priced by units that no meter reads yet.
MODES = {None, "chat", "responses", "completion", "embedding"}
KINDS = ["in", "out", "cr", "cw", "cw1h", "rsn", "a_in", "a_out"]
UNITS = ["web_search", "file_search", "ci_session", "request"]
# Models that search or call other models on their own: nothing in the request bounds what they read.
UNBOUNDED = {
    "openrouter": re.compile(r"deep-research|multi-agent"),
    "perplexity": re.compile(r"deep-research|multi-agent"),
    "xai": re.compile(r"multi-agent"),
}
# DeepSeek's peak hours are those of working days in China, which are working days in UTC too.
WORKDAY_HOURS = {"deepseek": {("01:00", "04:00"), ("06:00", "10:00")}}


def price(text):
    """A decimal string with at most six decimals, rounded up."""
    exact = decimal.Decimal(text)
    assert exact >= 0, text
    short = exact.quantize(decimal.Decimal("0.000001"), rounding=decimal.ROUND_CEILING).normalize()
    return format(short, "f")


def prices(table):
    kept = {kind: price(table[kind]) for kind in KINDS if kind in table}
    # A free write beside a paid input is a gap of its source: nobody lists it so.
    if kept.get("cw") == "0" and kept.get("in", "0") != "0":
        del kept["cw"]
    return kept


def tiers(entries):
    return [{"gt": entry["gt"], "p": prices(entry["p"])} for entry in entries]


def later(entries, as_of):
    """The entries that come into force after the day of the book; older ones are what stands at the top already."""
    kept = []
    for entry in entries:
        if entry["from"] > as_of:
            dated = {"from": entry["from"], "p": prices(entry["p"])}
            if entry.get("above"):
                dated["above"] = tiers(entry["above"])
            kept.append(dated)
    return kept


def services(entries):
    kept = {}
    for name, entry in entries.items():
        if "p" in entry:
            kept[name] = {"p": prices(entry["p"])}
            if entry.get("above"):
                kept[name]["above"] = tiers(entry["above"])
    return kept


def hours(entries, provider):
    kept = []
    for entry in entries:
        window = {"utc": entry["utc"], "p": prices(entry["p"])}
        if tuple(entry["utc"]) in WORKDAY_HOURS.get(provider, ()):
            window["days"] = "mon-fri"
        kept.append(window)
    return kept


def model(entry, provider, as_of):
    listed = entry.get("p", {})
    disputed = dict(entry.get("hi", {}))
    # Images are told as input: where they cost more, that is what a bound must assume.
    if decimal.Decimal(listed.get("i_in", "0")) > decimal.Decimal(listed.get("in", "0")):
        disputed["in"] = max(disputed.get("in", "0"), listed["i_in"], key=decimal.Decimal)
    units = {unit: fee for unit, fee in entry.get("u", {}).items() if unit in UNITS and isinstance(fee, str)}
    if "request" in units and not isinstance(entry["u"].get("web_search"), str):
        # The fee for the request is the dearest of its searches already.
        units.pop("web_search", None)
    clauses = [clause for clause in entry.get("match", []) if "ct" not in clause]
    made = {
        "id": entry["id"],
        "aka": entry.get("aka"),
        "match": clauses,
        "ctx": entry.get("ctx"),
        "maxin": entry.get("maxin"),
        "maxout": entry.get("maxout"),
        "p": prices(listed),
        "above": tiers(entry.get("above", [])),
        "svc": services(entry.get("svc", {})),
        "svc_sched": {name: later(dated, as_of) for name, dated in entry.get("svc_sched", {}).items()},
        "sched": later(entry.get("sched", []), as_of),
        "tod": hours(entry.get("tod", []), provider),
        "uplift": entry.get("uplift"),
        "hi": prices(disputed),
        "hi_above": tiers(entry.get("hi_above", [])),
        "u": units,
        "zero": entry.get("zero"),
    }
    return {key: value for key, value in made.items() if value}


def fits(clause, name):
    (form, text), = clause.items()
    name = name.lower()
    if form == "all":
        return all(fits(inner, name) for inner in text)
    return {
        "eq": lambda: name == text,
        "sw": lambda: name.startswith(text),
        "ew": lambda: name.endswith(text),
        "re": lambda: re.search(text, name) is not None,
    }[form]()


def metered(entry, provider):
    unbounded = UNBOUNDED.get(provider)
    bounded = "cite" not in entry.get("p", {}) and not (unbounded and unbounded.search(entry["id"]))
    return bounded and entry.get("mode") in MODES and "in" in entry.get("p", {})


def main():
    decimal.getcontext().prec = 60
    book = json.loads(pathlib.Path(sys.argv[1]).read_text())
    folder = pathlib.Path(__file__).parent
    as_of = book["as_of"][:10]
    for provider in PROVIDERS:
        source = book["providers"][provider]
        kept = [model(entry, provider, as_of) for entry in source["models"] if metered(entry, provider)]
        clauses = [clause for entry in kept for clause in entry.get("match", [])]
        for entry in source["models"]:
            if metered(entry, provider):
                continue
            # What is left out must stay unknown: where a clause would now catch it, it stands here without a price.
            for name in [entry["id"], *entry.get("aka", [])]:
                if any(fits(clause, name) for clause in clauses):
                    kept.append({"id": name, "zero": 1})
        tools = {tool: fee for tool, fee in source.get("tools", {}).items() if not tool.startswith("_")}
        head = {"provider": provider, "as_of": as_of, "hosts": source["hosts"], "tools": tools}
        compact = {"separators": (",", ":"), "ensure_ascii": True}
        lines = ",\n".join(json.dumps(entry, **compact) for entry in kept)
        text = json.dumps(head, **compact)[:-1] + ',"models":[\n' + lines + "\n]}\n"
        (folder / f"{provider}.json").write_text(text)
        print(f"{provider}: {len(kept)} models, {len(text)} bytes")


if __name__ == "__main__":
    main()
