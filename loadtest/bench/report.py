"""Figures of a run as the page docs/performance.md: medians with their spread, and the bars."""

import os
import platform
import statistics
import subprocess
from pathlib import Path

from works import WORKS

# Above this share of the machine used by others, latency and rates of a repetition are left out where quieter ones are.
QUIET_PER_MILLE = 200


def quartile(values):
    """The upper quartile; of few values the one that three quarters of them do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, -(-3 * len(ordered) // 4) - 1)]


def cpu_us(result):
    """Processor time a request. Threads that have ended are in the ticks only: a row that starts many is counted so."""
    exact = result["cpu_ns_per_request"] / 1000
    ticks = result["cpu_ticks"] * 10_000 / max(1, result["done"])
    return ticks if exact < 0.7 * ticks else exact


def rate(result):
    return result["done"] * 1_000_000 / max(1, result["wall_us"])


class Results:
    def __init__(self, rows):
        self.rows = [row for row in rows if "problem" not in row]

    def of(self, peer, work):
        return [row for row in self.rows if row["peer"] == peer and row["work"] == work]

    def quiet(self, peer, work):
        every = self.of(peer, work)
        return [row for row in every if row["foreign_per_mille"] <= QUIET_PER_MILLE] or every

    def peers(self, work):
        names = dict.fromkeys(row["peer"] for row in self.rows if row["work"] == work)
        return list(names)

    def median(self, peer, work, figure):
        found = self.quiet(peer, work)
        return statistics.median([row[figure] for row in found]) if found else None

    def values(self, bar):
        """The figure of a bar for each repetition of Bursar: `[]` where it, or the row it is held against, is missing."""
        mine, figure = self.of("bursar", bar["work"]), bar["figure"]
        if figure in ("start_ms", "idle_mib"):
            return [row["start_s"] * 1000 if figure == "start_ms" else row["idle_kib"] / 1024 for row in mine]
        if figure == "p99_us":
            return [row["p99_us"] for row in self.quiet("bursar", bar["work"])]
        if figure == "added_p50_us":
            base = self.median("direct", bar["work"], "p50_us")
            return [row["p50_us"] - base for row in self.quiet("bursar", bar["work"])] if base is not None else []
        other = {row["repetition"]: cpu_us(row) for row in self.of(bar["against"], bar["work"])}
        if not other:
            return []
        middle = statistics.median(other.values())
        return [cpu_us(row) / other.get(row["repetition"], middle) for row in mine]


def start_table(results):
    lines = ["| row | start to first answer, ms | idle, MiB resident |", "|---|---|---|"]
    for peer in results.peers("start"):
        found = results.of(peer, "start")
        start = statistics.median([row["start_s"] * 1000 for row in found])
        idle = statistics.median([row["idle_kib"] / 1024 for row in found])
        lines.append(f"| {peer} | {start:.0f} | {idle:.1f} |")
    return lines


def work_table(results, work):
    base50, base99 = (results.median("direct", work, figure) for figure in ("p50_us", "p99_us"))
    lines = ["| row | runs | requests/s | failed | p50 µs | p99 µs | added p50 | added p99 | CPU µs/request: median "
             "(least–most; upper quartile) | peak MiB |", "|---|---|---|---|---|---|---|---|---|---|"]
    table = []
    for peer in results.peers(work):
        every, quiet = results.of(peer, work), results.quiet(peer, work)
        middle = {name: statistics.median([row[name] for row in quiet]) for name in ("p50_us", "p99_us")}
        costs = [cpu_us(row) for row in every]
        cost = statistics.median(costs)
        added = [f"{middle[name] - base:+.0f}" if base is not None and peer != "direct" else ""
                 for name, base in (("p50_us", base50), ("p99_us", base99))]
        speed = statistics.median([rate(row) for row in quiet])
        peak = statistics.median([row["peak_kib"] for row in every]) / 1024
        failed = sum(row["failed"] for row in every)
        table.append((-1 if peer == "direct" else cost,
                      f"| {peer} | {len(every)} | {speed:.0f} | {failed} | {middle['p50_us']:.0f} | "
                      f"{middle['p99_us']:.0f} | {added[0]} | {added[1]} | {cost:.1f} ({min(costs):.1f}–{max(costs):.1f}; "
                      f"{quartile(costs):.1f}) | {peak:.0f} |"))
    return lines + [line for _, line in sorted(table)]


def bar_table(results, bars):
    lines = ["| promise | median | upper quartile | bar | |", "|---|---|---|---|---|"]
    for bar in bars:
        values = results.values(bar)
        if not values:
            lines.append(f"| {bar['text']} | – | – | {bar['most']:g} | not measured here |")
            continue
        upper = quartile(values)
        verdict = "met" if upper <= bar["most"] else "**not met**"
        lines.append(f"| {bar['text']} | {statistics.median(values):.2f} | {upper:.2f} | {bar['most']:g} | {verdict} |")
    return lines


def machine():
    models = [line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
              if line.startswith("model name")]
    return f"{os.cpu_count()} × {models[0] if models else platform.machine()}, Linux {platform.release()}"


def commit():
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def page(rows, promises, skipped, date):
    results = Results(rows)
    repetitions = max((row.get("repetition", 0) for row in rows), default=-1) + 1
    out = ["# Performance", "", "Written by `make bench`; do not edit by hand.", "",
           f"{date}, commit {commit()}, {machine()}. {repetitions} interleaved repetitions: every row once, then all "
           "again in reverse order. Upstream, row and load generator share the machine, so requests a second are "
           "end-to-end figures of this machine; processor time a request (all threads of the row's whole process tree) "
           "is the figure to compare. Bursar runs with a durable trail and budgets on every level.", ""]
    if skipped:
        out += ["Left out: " + "; ".join(sorted(skipped)) + ".", ""]
    out += ["## Promises", "", "A promise counts as met when the upper quartile of the repetitions meets it. `×` is the "
            "ratio within one repetition.", "", *bar_table(results, promises.get("bar", [])), ""]
    out += ["## How the processor time of a call is meant to be spent", "", "| step | budget, µs |", "|---|---|"]
    steps = promises.get("step", [])
    out += [f"| {step['name']} | {step['budget_us']:g} |" for step in steps]
    out += [f"| together | {sum(step['budget_us'] for step in steps):g} |", ""]
    out += ["## Start and idle", "", *start_table(results), ""]
    for work, details in WORKS.items():
        if results.peers(work):
            out += [f"## {work}", "", details.text, "", *work_table(results, work), ""]
    return "\n".join(out).rstrip() + "\n"
