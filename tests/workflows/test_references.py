"""The reference check accepts every case of the conformance set and refuses each of its references misspelt."""

import json
import re

import pytest
from hera.workflows import models
from tests.workflows.test_conformance import cases, manifest_of

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.runtime.check import check

CASES = list(cases())
# what stands between double braces, or names a template or a step
REFERENCE = re.compile(
    r"\{\{(?P<tag>[^=}]+)\}\}|\"(?:template|entrypoint|onExit|target)\": \"(?P<template>[^\"]+)\""
    r"|\"depend(?:s|encies)\": \[?\"(?P<step>[^\"]+)\""
)


def workflow(text):
    return models.Workflow.model_validate(json.loads(text))


@pytest.mark.parametrize("case", CASES)
def test_a_case_is_accepted(case):
    check(workflow(json.dumps(manifest_of(case))))


@pytest.mark.parametrize("case", CASES)
def test_each_misspelt_reference_of_a_case_is_refused_in_one_line(case):
    text = json.dumps(manifest_of(case))
    for match in REFERENCE.finditer(text):
        group = str(match.lastgroup)
        word = re.search(r"\w+(?=\W*$)", match[group])
        if word is None or (match[group].startswith("item") and "withParam" in text):
            continue  # what the items of a list hold, only the run tells
        end = match.start(group) + word.end()
        with pytest.raises(BadInput) as refused:
            check(workflow(f"{text[:end]}zz{text[end:]}"))
        assert "\n" not in str(refused.value)
