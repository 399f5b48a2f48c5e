"""How many samples a class are worth having: crawl, prepare, augment, then one training set for each dose, compared.

Samples are written once, as many as the largest dose asks for (`targets: {dose: 300}` in the config of augment); the
smaller doses are draws of them. So doses differ in nothing but their number, and a model is paid once. The stage dose
trains the linear classifier on all of them in one container.

FASTNLP_SETTINGS as for full.py: `hera submit workflows/dose.py --settings intents -p input=intents`.
"""

import sys
from pathlib import Path

from hera.workflows import DAG

# Hera's loader makes neither this folder nor its parent importable.
sys.path.append(str(Path(__file__).resolve().parents[1]))
from workflows.frame import crawled, framed, read_settings
from workflows.steps import step, summary

settings = read_settings()

with framed(settings, "dose") as workflow:
    summary(settings)
    with DAG(name="main"):
        crawl = step(settings, "crawl", input=crawled(settings), output="comments")
        prepare = step(settings, "prepare", input=crawl, output="documents")
        augment = step(settings, "augment", input=prepare, output="augmented")
        step(settings, "augment", name="dose", input=augment, stage="dose", output="doses")
