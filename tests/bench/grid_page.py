# SPDX-License-Identifier: GPL-3.0-or-later
"""The grid's page: three plots, a table, where the numbers come from, how to get one again."""
import os
from html import escape

import grid_data
import grid_plots

STYLE = """
body{font:15px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;color:var(--ink);
background:var(--paper);max-width:1040px;margin:2em auto;padding:0 1em}
h1{font-size:1.6em;margin-bottom:.2em}h2{font-size:1.2em;margin:2em 0 .2em}p{margin:.3em 0 .8em}
.lead,.note{color:var(--soft)}table{border-collapse:collapse;font-size:13px;width:100%}
.wide{overflow-x:auto}th,td{padding:.25em .6em;text-align:right;border-bottom:1px solid var(--line);
white-space:nowrap}th{color:var(--soft);font-weight:600;vertical-align:bottom}td:first-child,th:first-child,
td[colspan]{text-align:left}tr.first td{border-top:2px solid var(--line)}code,pre{font:13px ui-monospace,
'DejaVu Sans Mono',monospace}pre{background:var(--panel);padding:.8em;overflow-x:auto}.bad{color:var(--s1);
font-weight:600}svg{width:100%;height:auto;margin:.6em 0}
"""


COLUMNS = ["variant", "trials", "users cut off", "never back", "failover p50", "failover p90",
           "requests failed", "sessions lost", "undecided"]


def cells(point):
    """The row of one point."""
    f, s = point["failover"], point["sessions"]
    share = f"{100 * point['failed'] / point['requests']:.1f} %" if point["requests"] else "-"
    return [point["variant"], s["trials"], f["n"], f["never"],
            grid_plots.text_of(f, "p50") if f["n"] else "-",
            grid_plots.text_of(f, "p90") if f["n"] else "-", share, f"{s['lost']} of {s['open']}",
            s["undecided"]]


def table(points):
    """A heading for each run, a row for each of its variants."""
    yield '<div class="wide"><table><thead><tr>' + "".join(f"<th>{c}" for c in COLUMNS) + "</tr></thead>"
    last = None
    for p in points:
        if p["run"] != last:
            yield f'<tr class="first"><td colspan="{len(COLUMNS)}"><code>{escape(p["run"])}</code></tr>'
        last = p["run"]
        yield "<tr>" + "".join(f"<td>{escape(str(c))}" for c in cells(p)) + "</tr>"
    yield "</table></div>"


def markdown(points):
    """The same table, for where HTML is not to be had."""
    yield "| run | " + " | ".join(COLUMNS) + " |"
    yield "| --- |" + " --- |" * len(COLUMNS)
    last = None
    for p in points:
        yield f"| {'' if p['run'] == last else p['run']} | " + " | ".join(map(str, cells(p))) + " |"
        last = p["run"]


def provenance(store, results):
    """What was measured where, as sentences."""
    states = [store.state(run) for run, _ in results]
    versions = sorted({r["versions"].get("catchment", "?") for _, r in results})
    runtimes = sorted({r["runtime"] for _, r in results})
    profiles = sorted({r["profile"] for _, r in results})
    where = sorted({s["where"] for s in states if "where" in s})
    ended = sorted(s["ended"] for s in states if "ended" in s)
    took = sum(s.get("seconds", 0) for s in states)
    attempts = sum(len(r["trials"]) for _, r in results)
    valid = sum(t["valid"] for _, r in results for t in r["trials"])
    yield (f"{len(results)} of {len(store.runs)} runs, {valid} valid trials"
           + (f" of {attempts}" if attempts > valid else "")
           + f", {took / 60:.1f} minutes; catchment {', '.join(versions)}; runtime "
           f"{', '.join(runtimes)}; profile {', '.join(profiles)}; seed {store.plan['grid']['seed']}.")
    if where:
        yield "Measured on " + "; ".join(where) + (f", until {ended[-1]}." if ended else ".")
    if len(versions) > 1:
        yield "These runs are of several versions: compare with care."


def notes(points):
    fewest = min((p["sessions"]["trials"] for p in points), default=0)
    yield ("Failover is the completion of the first of ten successes in a row from one PoP, counted from "
           "the fault, over the users that the failed PoP had served; users that were not back when the "
           "fault was undone stay in as later than that (docs/measuring.md).")
    if fewest < grid_data.TRIALS_MIN:
        yield (f"There are points of fewer than {grid_data.TRIALS_MIN} trials (the fewest is {fewest}); "
               "under five no interval is given.")
    else:
        yield ("Intervals: 95 %, by a bootstrap that draws trials, and in them resolvers. One of no width "
               "says that the trials agree, not that nothing else could happen.")


def missing(store):
    bad = [(run, store.state(run)) for run in store.runs if not store.is_done(run)]
    if not bad:
        return
    yield "<h2>Not done</h2><ul>"
    for run, state in bad:
        why = f": {escape(state['reason'])}" if state.get("reason") else ""
        cls = ' class="bad"' if state["state"] == "failed" else ""
        what = state["state"]
        if os.path.exists(store.of(run, "result.json")):
            what += ", what it measured is shown above"
        yield f"<li><code>{run['id']}</code> <span{cls}>{what}</span>{why}"
    yield "</ul>"


def again(store):
    runtime = store.plan["runtime"]
    option = "" if runtime == "namespaces" else f" --runtime {runtime}"
    yield ("<h2>One run again</h2><p>Each run's scenario is beside this page, with its seed "
           "and trials in it. A seed repeats inputs, not outcomes.</p>")
    yield "<pre>" + "\n".join(f"catchment-testbed run runs/{run['id']}/scenario.json{option}"
                              for run in store.runs) + "</pre>"


def page(store, points, results):
    grid = store.plan["grid"]
    yield ('<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
           'content="width=device-width"><meta name="color-scheme" content="light dark">'
           f"<title>Grid {escape(grid['name'])}</title><style>{grid_plots.STYLE}{STYLE}</style></head><body>")
    yield f"<h1>What a failover costs: grid {escape(grid['name'])}</h1>"
    yield f'<p class="lead">{escape(grid.get("why", ""))}</p>'
    for sentence in (*provenance(store, results), *notes(points)):
        yield f'<p class="note">{escape(sentence)}</p>'
    for name, plot in grid_plots.all_plots(points, reference_of(store)):
        yield f'<h2 id="{name}">{escape(plot[0])}</h2><p>{escape(plot[1])}</p>'
        yield grid_plots.drawing(plot, alone=False)
    yield "<h2>Every point</h2>"
    yield from table(points)
    yield '<p class="note">All of this follows from <a href="grid.csv">grid.csv</a>.</p>'
    yield from missing(store)
    yield from again(store)
    yield "</body></html>\n"


def reference_of(store):
    reference = store.plan["grid"]["reference"]
    return {k: v[0] if isinstance(v, list) else v for k, v in reference.items()}


def write(store, rows):
    """index.html, table.md and the plots, from the rows of grid.csv."""
    points, results = grid_data.points(rows), list(store.with_result())
    for name, plot in grid_plots.all_plots(points, reference_of(store)):
        with open(store.file(name + ".svg"), "w", encoding="utf-8") as f:
            f.write(grid_plots.drawing(plot))
    with open(store.file("table.md"), "w", encoding="utf-8") as f:
        f.write("\n".join(markdown(points)) + "\n")
    with open(store.file("index.html"), "w", encoding="utf-8") as f:
        f.write("\n".join(page(store, points, results)))
