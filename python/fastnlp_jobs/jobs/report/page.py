"""The page: template, style, scripts and data in one file that a strict policy keeps from the network."""

import base64
import hashlib
from importlib import resources
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from plotly.offline import get_plotlyjs

from fastnlp_jobs import events
from fastnlp_jobs.jobs.report import augmented, shown, summary
from fastnlp_jobs.jobs.report.facts import Description, Facts, read_facts
from fastnlp_jobs.jobs.report.figures import Chart, build_charts
from fastnlp_jobs.jobs.report.provenance import read_chain
from fastnlp_jobs.jobs.report.samples import read_samples
from fastnlp_jobs.jobs.report.tables import PRINTED_ROWS, build_tables

if TYPE_CHECKING:
    from fastnlp_jobs.jobs.report import Config

_PACKAGE = "fastnlp_jobs.jobs.report"


def write_report(config: "Config") -> dict[str, Any]:
    """Write `report.html` into `config.output`; gives the fields of the Result."""
    facts = read_facts(config)
    tables, charts = build_tables(facts, config.table_rows), build_charts(facts)
    script, plotly = _file("report.js"), get_plotlyjs()
    page = _template().render(
        title=shown.text(config.title),
        policy=_policy([script, plotly]),
        style=_file("report.css"),
        script=script,
        plotly=plotly,
        tiles=summary.tiles(facts),
        findings=summary.findings(facts),
        cautions=summary.cautions(facts),
        facts=facts,
        balance=_balance(facts),
        tables=tables,
        printed_rows=PRINTED_ROWS,
        charts=charts,
        figures={name: _figure(chart) for name, chart in charts.items()},
        cloud=_cloud(facts),
        samples=read_samples(config),
        chain=read_chain(config),
    )
    encoded = page.encode("utf-8", errors="replace")
    (config.output / "report.html").write_bytes(encoded)
    events.event("written", file="report.html", size=shown.size(len(encoded)))
    return {
        "comments": facts.flow.comments,
        "documents": facts.flow.documents,
        "rules": None if facts.patterns is None else facts.patterns.rules.height,
        "tables": len(tables),
        "charts": len(charts),
        "html_bytes": len(encoded),
    }


def _template() -> Any:
    environment = Environment(
        loader=PackageLoader(_PACKAGE, package_path=""),
        autoescape=select_autoescape(["j2"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"integer": shown.integer, "percent": shown.percent}
    return environment.get_template("report.html.j2")


def _policy(scripts: list[str]) -> str:
    """Content-Security-Policy: our two scripts by their hash, images in the file, and nothing else."""
    hashes = " ".join(f"'sha256-{_digest(script)}'" for script in scripts)
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _file(name: str) -> str:
    return (resources.files(_PACKAGE) / name).read_text(encoding="utf-8")


def _figure(chart: Chart) -> dict[str, Any]:
    return {"data": chart.traces, "layout": {**chart.layout, "height": chart.height_px}}


def _balance(facts: Facts) -> dict[str, Any]:
    """Words and numbers about the samples of `augment`."""
    found = facts.augmented
    return {} if found is None else {"origin": augmented.origin(found), "tiles": augmented.tiles(found)}


def _cloud(facts: Facts) -> str | None:
    """The word cloud as a data URL."""
    description: Description | None = facts.description
    if description is None or not (description.folder / "wordcloud.png").exists():
        return None
    picture = (description.folder / "wordcloud.png").read_bytes()
    return "data:image/png;base64," + base64.b64encode(picture).decode()
