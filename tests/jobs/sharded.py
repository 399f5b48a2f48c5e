"""A job run whole and in shards, each in a folder of its own, and the bytes that each way leaves."""

from pathlib import Path
from typing import Any

from fastnlp_jobs.execution import execute
from fastnlp_jobs.job import load_job


def run_job(job: str, **settings: Any) -> dict[str, Any]:
    """The result of one run of a job."""
    result: dict[str, Any] = execute(job, load_job(job).Config(**settings))["result"]
    return result


def run_whole(job: str, source: Path, folder: Path, **settings: Any) -> dict[str, Any]:
    """The result of the whole job, written to `folder`."""
    return run_job(job, input=source, output=folder, **settings)


def run_in_shards(job: str, source: Path, folder: Path, shards: int, **settings: Any) -> dict[str, Any]:
    """The result of the merge, written to `folder`; the parts of each stage stand in folders beside it."""
    settings["input"] = source
    parts: dict[str, Path] = {}
    for stage in [stage for stage in load_job(job).Config.READS_PARTS_OF if stage != "merge"]:
        written = folder.with_name(f"{folder.name}-{stage}")
        for shard in range(1, shards + 1):
            run_job(job, stage=stage, shard=f"{shard}/{shards}", output=written / str(shard), **parts, **settings)
        parts = {"parts": written}
    return run_job(job, stage="merge", output=folder, **parts, **settings)


def files(folder: Path) -> dict[str, bytes]:
    """Every file of an artifact, lineage included, by name."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
