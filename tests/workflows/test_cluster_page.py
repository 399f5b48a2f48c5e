"""docs/cluster.md shows the files as they are, and what the settings `cluster` name exists in them."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
SHOWN = dict(re.findall(r"^`([\w/.-]+\.yaml)`\n\n```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
FILES = sorted(f"workflows/cluster/{path.name}" for path in (ROOT / "workflows" / "cluster").iterdir())
SETTINGS = yaml.safe_load((ROOT / "configs" / "workflows" / "cluster.yaml").read_text(encoding="utf-8"))


def manifests(kind):
    texts = [(ROOT / name).read_text(encoding="utf-8") for name in FILES]
    return [found for text in texts for found in yaml.safe_load_all(text) if found["kind"] == kind]


def names(kind):
    return {found["metadata"]["name"] for found in manifests(kind)}


@pytest.mark.parametrize("name", [*FILES, "configs/workflows/cluster.yaml"])
def test_the_page_shows_the_file(name):
    assert SHOWN[name] == (ROOT / name).read_text(encoding="utf-8")


def test_the_page_shows_no_other_file():
    assert set(SHOWN) == {*FILES, "configs/workflows/cluster.yaml"}


def test_every_object_the_settings_name_is_on_the_page():
    assert SETTINGS["service_account"] in names("ServiceAccount")
    assert SETTINGS["queue"] in names("LocalQueue")
    assert SETTINGS["state"]["claim"] in names("PersistentVolumeClaim")
    assert SETTINGS["priority_class"] in names("PriorityClass")
    created = dict(re.findall(r"kubectl create secret (?:generic|docker-registry) (\S+) (.*)$", PAGE, re.MULTILINE))
    for source in SETTINGS["secrets"].values():
        assert f"={source['key']}=" in created[source["secret"]]
    assert "=accessKey=" in created[SETTINGS["storage"]["secret"]]
    assert set(SETTINGS["images"]["pull_secrets"]) <= set(created)


def test_the_steps_account_may_report_their_results():
    account = SETTINGS["service_account"]
    bound = [b["roleRef"]["name"] for b in manifests("RoleBinding") if b["subjects"][0]["name"] == account]
    rules = [rule for role in manifests("Role") if role["metadata"]["name"] in bound for rule in role["rules"]]
    assert {"apiGroups": ["argoproj.io"], "resources": ["workflowtaskresults"], "verbs": ["create", "patch"]} in rules


def test_no_manifest_holds_a_secret():
    assert not [found for found in manifests("Secret") if "data" in found or "stringData" in found]
