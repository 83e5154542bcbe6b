# SPDX-License-Identifier: GPL-3.0-or-later
"""The grid's three plots as SVG, from grid_data.points(). Pure.

A plot is (title, what it shows, SVG body, width, height); drawing() makes a file of it. Colours are
those of the reports (Okabe and Ito's, told apart without red and green), and never the only sign:
p50 is filled and p90 hollow, series have their names beside them, fates their numbers.
"""
import math
from xml.sax.saxutils import escape

from grid_data import has_model, model_ms

WIDTH = 1000
DOTS_MAX = 200  # of single users at one point; of more every k-th is drawn

STYLE = """
:root{--ink:#1b1f24;--soft:#59636e;--line:#d5dbe1;--paper:#fff;--panel:#f5f7f9;--s0:#0072b2;--s1:#c04f00;
--s2:#008a64;--s3:#aa3377;--s4:#8a6a00;--s5:#5b4ea3;--survived:#009e73;--stalled:#8fd0bd;--reset:#e69f00;
--timed:#7b3294;--undecided:#b8c0c8}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ec;--soft:#9aa5b1;--line:#39424c;--paper:#14181c;
--panel:#1d2329;--s0:#4aa8e0;--s1:#f08a3c;--s2:#2fc79a;--s3:#e07ab0;--s4:#e0b040;--s5:#a99be8;
--survived:#1f9e78;--stalled:#7cc4ae;--reset:#e0a020;--timed:#a65cc0;--undecided:#5a646e}}
svg text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;font-size:12px;
fill:var(--ink)}svg .soft{fill:var(--soft)}svg .strong{font-weight:600;font-size:13px}
svg .axis{stroke:var(--soft)}svg .rule{stroke:var(--line)}svg .ink{stroke:var(--ink);stroke-width:1.5}
svg .model{fill:none;stroke:var(--soft);stroke-width:1.5}svg .dash{stroke-dasharray:5 4}
svg .guide{stroke-dasharray:2 4;stroke-width:1}svg .bar{stroke-width:2.5}svg .hollow{fill:var(--paper);stroke-width:2.5}
svg .faint{opacity:.3}svg .dot{fill:var(--ink)}svg .track{fill:var(--panel);stroke:var(--line)}
svg .survived{fill:var(--survived)}svg .stalled{fill:var(--stalled)}svg .reset{fill:var(--reset)}
svg .timed_out{fill:var(--timed)}svg .undecided{fill:var(--undecided)}
""".replace("\n", "") + "".join(
    f"svg .f{i}{{fill:var(--s{i})}}svg .l{i}{{stroke:var(--s{i})}}" for i in range(6))

FAULTS = {"pop_crash": "power loss of the PoP (pop_crash)",
          "lb_crash": "the announcing daemon dies (lb_crash)",
          "origin_failure": "the origin dies (origin_failure)"}


class Canvas:
    def __init__(self):
        self.out = []

    def text(self, x, y, text, style="", anchor="start"):
        self.out.append(f'<text x="{x:.1f}" y="{y:.1f}" class="{style}" text-anchor="{anchor}">'
                        f"{escape(text)}</text>")

    def line(self, style, x1, y1, x2, y2):
        self.out.append(f'<line class="{style}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>')

    def rect(self, style, x, y, width, height, title=""):
        inner = f"<title>{escape(title)}</title>" if title else ""
        self.out.append(f'<rect class="{style}" x="{x:.1f}" y="{y:.1f}" width="{max(0, width):.1f}" '
                        f'height="{height:.1f}">{inner}</rect>')

    def circle(self, style, x, y, r, title=""):
        inner = f"<title>{escape(title)}</title>" if title else ""
        self.out.append(f'<circle class="{style}" cx="{x:.1f}" cy="{y:.1f}" r="{r}">{inner}</circle>')

    def path(self, style, points):
        d = " ".join(f"{'M' if i == 0 else 'L'}{x:.1f} {y:.1f}" for i, (x, y) in enumerate(points))
        self.out.append(f'<path class="{style}" d="{d}"/>')

    def body(self):
        return "\n".join(self.out)


def drawing(plot, alone=True):
    """The SVG; alone: with its style and paper, else for a page that has the style."""
    title, _, body, width, height = plot
    style = f'<style>{STYLE}</style>\n<rect width="{width}" height="{height}" fill="var(--paper)"/>\n'
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
            f'aria-label="{escape(title, {chr(34): "&quot;"})}">\n{style if alone else ""}{body}\n</svg>\n')


def tick_step(span, count):
    raw = span / count
    base = 10 ** math.floor(math.log10(raw))
    return next(m * base for m in (1, 2, 5, 10) if m * base >= raw * (1 - 1e-9))


class Frame:
    """One panel: time in seconds upwards from 0, places x0 to x1 along."""

    def __init__(self, canvas, box, x0, x1, y1):
        self.canvas = canvas
        self.left, self.top, self.width, self.height = box
        self.x0, self.x1, self.y1 = x0, x1, y1

    def x(self, value):
        return self.left + (value - self.x0) / (self.x1 - self.x0) * self.width

    def y(self, value):
        return self.top + self.height * (1 - value / self.y1)

    def axes(self, ticks, label):
        c, bottom = self.canvas, self.top + self.height
        step = tick_step(self.y1, 7)
        for i in range(int(self.y1 / step + 1e-9) + 1):
            y = self.y(i * step)
            c.line("rule", self.left, y, self.left + self.width, y)
            c.text(self.left - 7, y + 4, f"{i * step:g}", "soft", "end")
        c.line("axis", self.left, bottom, self.left + self.width, bottom)
        for at, name in ticks:
            c.line("axis", self.x(at), bottom, self.x(at), bottom + 4)
            c.text(self.x(at), bottom + 18, name, "soft", "middle")
        c.text(self.left + self.width, bottom + 36, label, "soft", "end")
        c.text(self.left - 30, self.top - 10, "failover, seconds after the fault", "soft")

    def users(self, colour, at_px, users):
        """Each user a faint dot, side by side in the order of their times."""
        times = sorted(u["failover_ms"] for u in users if u["failover_ms"] is not None)
        times = times[::math.ceil(len(times) / DOTS_MAX) or 1]
        for i, t in enumerate(times):
            aside = (i * 0.618034 % 1 - 0.5) * 13
            self.canvas.circle(f"{colour} faint", at_px + aside, self.y(t / 1000), 2)

    def quantile(self, point, name, colour, at_px, filled):
        """p50 or p90 with its interval; what is later than anybody watched is an arrow there."""
        f, c = point["failover"], self.canvas
        value, interval = f[name], f[name + "_interval"]
        top = f["observed_ms"]
        said = f"{point['variant']} {name} {text_of(f, name)}"
        if interval:
            low, high = (top if v is None else v for v in interval)
            c.line(f"l{colour} bar", at_px, self.y(low / 1000), at_px, self.y(high / 1000))
            for v in (low, high):
                c.line(f"l{colour} bar", at_px - 4, self.y(v / 1000), at_px + 4, self.y(v / 1000))
        y = self.y((top if value is None else value) / 1000)
        c.circle(f"f{colour}" if filled else f"hollow l{colour}", at_px, y, 5, said)
        if value is None:
            c.path(f"l{colour} bar model", [(at_px, y - 6), (at_px, y - 20)])
            c.path(f"l{colour} bar model", [(at_px - 5, y - 14), (at_px, y - 20), (at_px + 5, y - 14)])
            c.text(at_px + 9, y - 11, f"> {top / 1000:.3g} s", "soft")

    def point(self, point, colour, at_px):
        self.users(f"f{colour}", at_px, point["users"])
        self.quantile(point, "p50", colour, at_px - 11, True)
        self.quantile(point, "p90", colour, at_px + 11, False)


def text_of(f, name):
    """A quantile with its interval, for people."""
    def s(ms):
        return f"> {f['observed_ms'] / 1000:.3g} s" if ms is None else f"{ms / 1000:.2f} s"
    interval = f[name + "_interval"]
    return s(f[name]) + (f" [{s(interval[0])}, {s(interval[1])}]" if interval else "")


def highest(points):
    """The top of an axis for these points, in seconds."""
    values = [v for p in points for f in [p["failover"]]
              for v in (f["p90"], f["observed_ms"] if f["never"] else None, *(f["p90_interval"] or ()))
              if v is not None]
    values += [u["failover_ms"] for p in points for u in p["users"] if u["failover_ms"] is not None]
    values += [model_of(p, .9) for p in points if has_model(p)]
    return max([*values, 1000]) / 1000 * 1.08


def model_of(point, p):
    return model_ms(p, point["interval_ms"], point["timeout_ms"], point["fall"], point["ttl"])


def grouped(points, keys):
    out = {}
    for p in points:
        out.setdefault(tuple(p[k] for k in keys), []).append(p)
    return out


def places(count, height):
    """Boxes of so many panels, (left, top, width, height): one, or two abreast."""
    if count == 1:
        return [(60, 72, WIDTH - 180, height)]
    return [(60 + i % 2 * 505, 72 + i // 2 * (height + 112), 330, height) for i in range(count)]


def panel_title(canvas, box, p, with_interval):
    checks = f"checks {p['interval_ms']} ms x {p['fall']}" if with_interval else f"down after {p['fall']} checks"
    canvas.text(box[0] - 30, box[1] - 44, f"{p['scenario']}: {p['fault']} {p['target']}", "strong")
    canvas.text(box[0] - 30, box[1] - 28,
                f"{checks}, hold time {p['hold_time']} s, announced by {p['speaker']}", "soft")


def key(canvas, y, model):
    """What the marks mean."""
    x = 30
    canvas.circle("dot faint", x + 4, y - 4, 2)
    canvas.text(x + 12, y, "a user", "soft")
    canvas.circle("dot", x + 75, y - 4, 5)
    canvas.text(x + 86, y, "median", "soft")
    canvas.circle("hollow ink", x + 150, y - 4, 5)
    canvas.text(x + 161, y, "p90", "soft")
    canvas.line("ink", x + 205, y - 11, x + 205, y + 3)
    canvas.text(x + 213, y, "95 % interval (from 5 trials on)", "soft")
    if model:
        canvas.line("model", x + 420, y - 4, x + 450, y - 4)
        canvas.line("model dash", x + 566, y - 4, x + 596, y - 4)
        canvas.text(x + 456, y, "model, median", "soft")
        canvas.text(x + 602, y, "model, p90: detection + U(0, TTL)", "soft")


def name_series(canvas, frame, named):
    """Names to the right of the panel, kept apart; named: [(y, text, colour)]."""
    last = -math.inf
    for y, text, colour in sorted(named):
        last = max(y, last + 15)
        canvas.text(frame.left + frame.width + 12, last + 4, text, f"f{colour} strong")


# --- failover against TTL ---

RUN = ["runtime", "scenario", "fault", "target", "speaker", "interval_ms", "fall", "hold_time"]


def ttl_panels(points):
    """The runs in which some mode has several TTLs."""
    out = []
    for mine in grouped(points, RUN).values():
        modes = grouped([p for p in mine if p["mode"] != "anycast"], ["mode"])
        if any(len(ps) > 1 for ps in modes.values()):
            out.append(mine)
    return out


def ttl_places(ttls):
    """ttl -> place along: to scale, or evenly where the small ones would lie on each other."""
    gaps = [b - a for a, b in zip(ttls, ttls[1:])]
    if gaps and ttls[-1] <= 10 * min(gaps):
        return {t: t for t in ttls}
    return {t: i + 1 for i, t in enumerate(ttls)}


def model_line(canvas, frame, style, mine, at, p):
    """Straight between the TTLs, which it very nearly is."""
    mine = sorted(mine, key=lambda q: q["ttl"])
    canvas.path(style, [(frame.x(at[q["ttl"]]), frame.y(model_of(q, p) / 1000)) for q in mine])


def ttl_panel(canvas, box, points):
    ttls = sorted({p["ttl"] for p in points if p["mode"] != "anycast"})
    at = ttl_places(ttls)
    span = max(at.values()) or 1
    frame = Frame(canvas, box, -span * .16, span * 1.06, highest(points))
    anycast = [p for p in points if p["mode"] == "anycast"]
    frame.axes([(at[t], f"{t:g}") for t in ttls], "TTL, seconds")
    panel_title(canvas, box, points[0], True)
    named = []
    for p in anycast:
        aside = frame.left + frame.width * .055
        canvas.text(aside, box[1] + box[3] + 18, "no TTL", "soft", "middle")
        if p["failover"]["p50"] is not None:
            y = frame.y(p["failover"]["p50"] / 1000)
            canvas.line("l0 guide", frame.left, y, frame.left + frame.width, y)
        frame.point(p, 0, aside)
        named.append((frame.y((p["failover"]["p50"] or p["failover"]["observed_ms"]) / 1000),
                      p["variant"], 0))
    for colour, (mode, mine) in enumerate(grouped(
            [p for p in points if p["mode"] != "anycast"], ["mode"]).items(), 1):
        if has_model(mine[0]):
            for p, style in ((.5, "model"), (.9, "model dash")):
                model_line(canvas, frame, style, mine, at, p)
        for p in mine:
            frame.point(p, colour, frame.x(at[p["ttl"]]))
        last = max(mine, key=lambda p: p["ttl"])["failover"]
        named.append((frame.y((last["p50"] or last["observed_ms"]) / 1000), mode[0], colour))
    name_series(canvas, frame, named)


def failover_by_ttl(points):
    panels = ttl_panels(points)
    return panelled(panels, ttl_panel, "Failover against TTL",
                    "How long users of a failed PoP were cut off, by the TTL of the DNS answer; all "
                    "variants of a panel were hit by the same faults.")


# --- failover against check interval ---

def interval_panels(points):
    """Conditions that differ in nothing but the interval, with the variants that are at several."""
    out = []
    for mine in grouped(points, [k for k in RUN if k != "interval_ms"]).values():
        several = [p for ps in grouped(mine, ["variant"]).values() if len(ps) > 1 for p in ps]
        if several:
            out.append(several)
    return out


def interval_panel(canvas, box, points):
    intervals = sorted({p["interval_ms"] for p in points})
    frame = Frame(canvas, box, 0, intervals[-1] * 1.12, highest(points))
    frame.axes([(i, f"{i:g}") for i in intervals], "check interval, ms")
    panel_title(canvas, box, points[0], False)
    series = grouped(points, ["variant"])
    named = []
    for i, mine in enumerate(series.values()):
        offset = (i - (len(series) - 1) / 2) * 48
        mine.sort(key=lambda p: p["interval_ms"])
        if has_model(mine[0]):
            for p, style in ((.5, "model"), (.9, "model dash")):
                canvas.path(style, [(frame.x(q["interval_ms"]) + offset, frame.y(model_of(q, p) / 1000))
                                    for q in mine])
        for p in mine:
            frame.point(p, i % 6, frame.x(p["interval_ms"]) + offset)
        last = mine[-1]["failover"]
        named.append((frame.y((last["p50"] or last["observed_ms"]) / 1000), mine[0]["variant"], i % 6))
    name_series(canvas, frame, named)


def failover_by_interval(points):
    return panelled(interval_panels(points), interval_panel, "Failover against check interval",
                    "How long users of a failed PoP were cut off, by how often its health is checked.")


def panelled(panels, draw, title, what):
    """None when there is nothing to draw."""
    if not panels:
        return None
    canvas, height = Canvas(), 330
    boxes = places(len(panels), height)
    key(canvas, 18, any(has_model(p) for mine in panels for p in mine))
    for box, mine in zip(boxes, panels):
        shifted = (box[0], box[1] + 36, box[2], box[3])
        draw(canvas, shifted, mine)
    return title, what, canvas.body(), WIDTH, boxes[-1][1] + 36 + height + 48


# --- sessions ---

FATES = [("reset", "reset"), ("timed_out", "timed out"), ("undecided", "undecided at the end"),
         ("stalled", "survived, after a stall"), ("unharmed", "survived")]
BAR = (190, 470)  # left, width


def session_conditions(points, reference):
    """For each (runtime, scenario, fault, speaker) the run at the reference's checks and hold
    time, or the first."""
    out = []
    for mine in grouped(points, ["runtime", "scenario", "fault", "target", "speaker"]).values():
        at_reference = [p for p in mine if all(p[k] == reference[k] for k in
                                               ("interval_ms", "fall", "hold_time"))]
        first = (at_reference or mine)[0]["run"]
        out.append([p for p in mine if p["run"] == first])
    return out


def session_row(canvas, y, point):
    s = dict(point["sessions"])
    s["unharmed"] = s["survived"] - s["stalled"]
    left, width = BAR
    canvas.text(left - 12, y + 14, point["variant"], "", "end")
    canvas.rect("track", left, y, width, 20)
    x = left
    for fate, name in FATES:
        part = width * s[fate] / s["open"] if s["open"] else 0
        if part:
            canvas.rect("survived" if fate == "unharmed" else fate, x, y, part, 20, f"{name}: {s[fate]}")
        x += part
    said = f"lost {s['lost']} of {s['open']}" if s["open"] else "no session was open"
    if s["interval"]:
        low, high = s["interval"]
        said += f", {100 * low:.0f} to {100 * high:.0f} %"
        if high > low:
            for share in (low, high):
                canvas.line("ink", left + width * share, y + 3, left + width * share, y + 17)
            canvas.line("ink", left + width * low, y + 10, left + width * high, y + 10)
    if s["undecided"]:
        said += f"; {s['undecided']} undecided"
    canvas.text(left + width + 12, y + 14, said, "soft")


def sessions_by_fault(points, reference):
    groups = session_conditions([p for p in points if p["sessions"]["open"]], reference)
    if not groups:
        return None
    canvas, y, x = Canvas(), 60, 30
    for fate, name in FATES:
        canvas.rect("survived" if fate == "unharmed" else fate, x, 8, 12, 12)
        canvas.text(x + 18, 18, name, "soft")
        x += 40 + 7 * len(name)
    for share in (0, 25, 50, 75, 100):
        canvas.text(BAR[0] + BAR[1] * share / 100, 44, f"{share} %", "soft", "middle")
    canvas.text(BAR[0] + BAR[1] + 30, 44, "lost: reset or timed out, with its 95 % interval", "soft")
    for mine in groups:
        p = mine[0]
        canvas.text(30, y + 12, f"{p['scenario']}: {FAULTS.get(p['fault'], p['fault'])}", "strong")
        canvas.text(BAR[0] + BAR[1] + 12, y + 12, f"undone after {p['undo_ms'] / 1000:g} s, "
                    f"announced by {p['speaker']}", "soft")
        y += 20
        for p in mine:
            session_row(canvas, y, p)
            y += 25
        y += 12
    return ("Sessions lost by variant and fault",
            "What became of the long connections that were open at the failed PoP.",
            canvas.body(), WIDTH, y)


def all_plots(points, reference):
    """[(file's name, plot)] of the questions that these points have an answer to."""
    plots = [("failover-by-ttl", failover_by_ttl(points)),
             ("failover-by-interval", failover_by_interval(points)),
             ("sessions-by-fault", sessions_by_fault(points, reference))]
    return [(name, plot) for name, plot in plots if plot]
