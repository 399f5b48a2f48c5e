"""From comments to a report: crawl, prepare, then mine, describe, label and augment side by side, then report.

FASTNLP_SETTINGS names the settings (configs/workflows/NAME.yaml, or a path). `hera submit` sets it from
`--settings`; `hera generate yaml workflows/full.py` prints what is submitted.
"""

import sys
from pathlib import Path

from hera.workflows import DAG

# Hera's loader makes neither this folder nor its parent importable.
sys.path.append(str(Path(__file__).resolve().parents[1]))
from workflows.frame import crawled, framed, read_settings
from workflows.steps import step, summary

settings = read_settings()

with framed(settings, "full") as workflow:
    summary(settings)
    with DAG(name="main"):
        crawl = step(settings, "crawl", input=crawled(settings), output="comments")
        prepare = step(settings, "prepare", input=crawl, output="documents")
        mine = step(settings, "mine", input=prepare, output="patterns")
        describe = step(settings, "describe", input=prepare, output="description")
        label = step(settings, "label", input=prepare, output="labels")
        augment = step(settings, "augment", input=prepare, output="augmented")
        step(
            settings,
            "report",
            comments=crawl,
            documents=prepare,
            patterns=mine,
            description=describe,
            labels=label,
            augmented=augment,
            output="report",
        )
