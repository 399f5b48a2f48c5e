"""What is asked of the operating system."""

import pytest

from fastnlp_jobs.processes import _cores_of_quota


@pytest.mark.parametrize(
    ("text", "cores"), [("max 100000\n", None), ("200000 100000\n", 2), ("150000 100000\n", 2), ("10000 100000\n", 1)]
)
def test_a_share_of_processor_time_is_a_number_of_cores(text, cores):
    assert _cores_of_quota(text) == cores
