"""The small example that each image carries, and how to go on from it with one's own data."""

import os
from pathlib import Path

from pydantic import BaseModel

from fastnlp_jobs.job import secrets

_OWN = {"crawl": "files"}  # configs to start from where the example of a job reads nothing of one's own
_FOLDER = "FASTNLP_EXAMPLE"  # set in every image of docker/Dockerfile: configs and inputs of the example


def is_here() -> bool:
    """Whether this machine is an image that carries the example."""
    return _FOLDER in os.environ


def config_of(job: str) -> Path:
    """The example's config of a job."""
    return Path(os.environ[_FOLDER]) / f"{job}.yaml"


def how_to_go_on(job: str, config_class: type[BaseModel]) -> str:
    """What to write and run for data of one's own: the example's config with /data in place of its folders."""
    text = (
        config_of(_OWN.get(job, job))
        .read_text(encoding="utf-8")
        .replace(os.environ[_FOLDER], "/data")
        .replace("/tmp/", "/data/")
    )
    lines = [line for line in text.splitlines() if not line.startswith(("#", "public_example_key"))]
    variables = "".join(f" --env {name}" for name in secrets(config_class).values())
    mounts = '--user "$(id -u):$(id -g)"' + variables + ' --volume "$PWD/data:/data"'
    return "\n".join(
        [
            "",
            "That was the example of this image; its output is gone with the container. For data of your own, put it",
            f"into the folder `data`, write data/{job}.yaml, such as",
            "",
            *(f"    {line}" for line in lines),
            "",
            "and run",
            "",
            f"    docker run --rm {mounts} job-{job} --config /data/{job}.yaml",
            "",
            f"All keys of the config: docker run --rm job-{job} --help",
        ]
    )
