#!/usr/bin/env python3
"""Bursar beside the floor and its neighbours, on loopback. Standard library only; build with --release first.

  bench.py run [--repetitions 5] [--rows bursar,hyper] [--works W1,W2.max]   measure, and write docs/performance.md
  bench.py check                                                             every row starts and answers
  bench.py page                                                              the page again, from the kept results
"""

import argparse
import datetime
import json
import subprocess
import sys
import tomllib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import report  # noqa: E402
from stage import Row, Stage, resident_kib  # noqa: E402
from works import WORKS, Work  # noqa: E402

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=["run", "check", "page"])
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--rows", help="names of rows, with commas; all by default")
    parser.add_argument("--works", help="names of workloads, with commas; W1 stands for all of W1; all by default")
    parser.add_argument("--seconds", type=float, default=3, help="length of each window")
    parser.add_argument("--warm-up", type=float, default=1, help="seconds before each window")
    parser.add_argument("--binaries", type=Path, default=ROOT / "target/release")
    parser.add_argument("--gateway", type=Path, help="the gateway's binary, by default the one among the binaries")
    parser.add_argument("--peers", type=Path, default=ROOT / "loadtest/peers/target/release")
    parser.add_argument("--mitmproxy", type=Path, default=ROOT / ".state/py-mitmproxy")
    parser.add_argument("--state", type=Path, default=ROOT / ".state/bench")
    parser.add_argument("--results", type=Path, help="kept results, by default results.jsonl in the state folder")
    parser.add_argument("--append", action="store_true", help="add to the kept results instead of beginning anew")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/performance.md")
    return parser.parse_args()


def peers(given):
    blocks = []
    for file in (HERE / "rows.toml", HERE.parent / "bursar-peer.toml"):
        blocks += tomllib.loads(file.read_text())["peer"]
    wanted = given.rows.split(",") if given.rows else None
    return [block for block in blocks if wanted is None or block["name"] in wanted]


def works(given):
    wanted = given.works.split(",") if given.works else None
    chosen = [name for name in WORKS if wanted is None or name in wanted or name.split(".")[0] in wanted]
    return {name: WORKS[name] for name in chosen}


def load(given, row, work, seconds=None, warm_up=None):
    """One run of the load generator: its figures, or what went wrong."""
    seconds, warm_up = seconds or given.seconds, given.warm_up if warm_up is None else warm_up
    command = [given.binaries / "load", *row.target(work.mode), *work.arguments(), "--pid", str(row.pid()),
               "--upstream-pid", str(row.stage.upstream.pid), "--duration-ms", str(int(seconds * 1000)),
               "--warmup-ms", str(int(warm_up * 1000))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + warm_up + 60, check=False)
    if done.returncode != 0:
        return {"problem": done.stderr[-400:]}
    return json.loads(done.stdout)


def too_fast(best, row, name, work):
    """A rate that the row cannot keep says nothing about latency but that it cannot."""
    top = best.get((row.name, name.split(".")[0].rstrip("d")))
    return work.rate and top is not None and work.rate > 0.85 * top


def measure_row(given, row, repetition, chosen, best, keep):
    if row.process is not None:
        keep({"peer": row.name, "work": "start", "repetition": repetition, "start_s": row.start_s,
              "idle_kib": resident_kib(row.process.pid), "foreign_per_mille": 0})
    if row.slow:
        load(given, row, Work("", row.modes[0], 8), 2, 0)
    for name, work in chosen.items():
        if work.mode not in row.modes or (row.slow and not work.slow_rows) or too_fast(best, row, name, work):
            continue
        row.stage.control(latency_ms=work.latency_ms, interval_us=work.interval_us)
        result = load(given, row, work)
        result.update(peer=row.name, work=name, repetition=repetition)
        keep(result)
        if "problem" in result:
            print(f"{repetition} {row.name:12} {name:9} {result['problem']}", flush=True)
            continue
        if not work.rate:
            key = (row.name, name.split(".")[0])
            best[key] = max(best.get(key, 0), report.rate(result))
        failed = f" failed {result['failed']} {result['errors']}" if result["failed"] else ""
        print(f"{repetition} {row.name:12} {name:9} {report.rate(result):8.0f}/s p50 {result['p50_us']:6} "
              f"p99 {result['p99_us']:7} cpu {report.cpu_us(result):8.1f} µs others {result['foreign_per_mille'] / 10:.0f} %"
              f"{failed}", flush=True)


def run(given, results):
    chosen, blocks, skipped, best = works(given), peers(given), set(), {}
    with Stage(given.state, given.binaries, paths(given)) as stage, open(results, "a" if given.append else "w") as out:
        def keep(result):
            out.write(json.dumps(result) + "\n")
            out.flush()
        for repetition in range(given.repetitions):
            for block in blocks if repetition % 2 == 0 else reversed(blocks):
                row = Row(stage, block, HERE / "templates")
                if why := row.missing():
                    skipped.add(f"{row.name} ({Path(why.split(' ')[0]).name} is not installed)")
                    continue
                try:
                    with row:
                        measure_row(given, row, repetition, chosen, best, keep)
                except RuntimeError as error:
                    print(error, flush=True)
                    skipped.add(f"{row.name} (did not start)")
    return skipped


def check(given):
    """Every row starts and answers in every mode it has: 1 where one does not."""
    status = 0
    with Stage(given.state, given.binaries, paths(given)) as stage:
        for block in peers(given):
            row = Row(stage, block, HERE / "templates")
            if why := row.missing():
                print(f"{row.name:12} left out: {why}")
                continue
            try:
                with row:
                    print(f"{row.name:12} starts in {row.start_s * 1000:.0f} ms, idle {resident_kib(row.pid()) / 1024:.1f} MiB")
                    status |= check_modes(given, row)
            except RuntimeError as error:
                print(error)
                status = 1
    return status


def check_modes(given, row):
    status = 0
    for name in ("W1.max", "W2.max", "W1t.max", "W3.max", "W3f.max", "W5.max"):
        if WORKS[name].mode in row.modes:
            result = load(given, row, WORKS[name], 0.5, 0.2)
            good = result.get("done", 0) > 0 and not result.get("failed")
            status |= not good
            print(f"    {name:8} {'answers' if good else result.get('errors') or result.get('problem') or 'does not answer'}")
    return status


def paths(given):
    gateway = given.gateway or given.binaries / "bursar"
    return {"gateway": gateway.resolve(), "peers": given.peers, "mitmproxy": given.mitmproxy}


def main():
    given = arguments()
    results = given.results or given.state / "results.jsonl"
    if given.verb == "check":
        return check(given)
    given.state.mkdir(parents=True, exist_ok=True)
    skipped = run(given, results) if given.verb == "run" else set()
    rows = [json.loads(line) for line in results.read_text().splitlines()]
    promises = tomllib.loads((HERE / "bars.toml").read_text())
    given.out.write_text(report.page(rows, promises, skipped, datetime.date.today().isoformat()))
    print(f"wrote {given.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
