"""How many samples a class are worth having: crawl, prepare, augment, a training for each dose and seed, one summary.

Samples are written once, as many as the largest dose asks for (`targets: {dose: 300}` in the config of augment); each
dose is a draw of them by a seed. So doses differ in nothing but their number, and a model is paid once. Every training
has a container of its own; the last one scores them together.

FASTNLP_SETTINGS as for full.py: `hera submit workflows/dose.py --settings intents -p input=intents`.
"""

import sys
from pathlib import Path

from hera.workflows import DAG

# Hera's loader makes neither this folder nor its parent importable.
sys.path.append(str(Path(__file__).resolve().parents[1]))
from workflows.frame import crawled, framed, read_settings
from workflows.steps import step, summary

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.jobs.augment import Doses

settings = read_settings()
if "augment" not in settings.values.steps:
    where = settings.file.where(("steps",))
    raise BadInput(
        f"{where}: no step `augment`, whose samples this workflow measures; add it, or try --settings intents"
    )

with framed(settings, "dose") as workflow:
    summary(settings)
    with DAG(name="main"):
        crawl = step(settings, "crawl", input=crawled(settings), output="comments")
        prepare = step(settings, "prepare", input=crawl, output="documents")
        augment = step(settings, "augment", input=prepare, output="augmented")
        # step has checked the config
        doses = Doses.model_validate((settings.values.steps["augment"] or {}).get("doses") or {})
        step(settings, "augment", name="dose", input=augment, output="doses", parts=list(doses.trainings()))
