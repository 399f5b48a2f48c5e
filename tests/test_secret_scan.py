"""The secret scan finds a planted key, and nothing in this repository."""

import subprocess

from secret_scan import findings

# In two halves, so that the scan of this repository does not find its own test.
KEY = "AKIA" + "QWERTYUIOPASDFGH"


def repository(folder, text):
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    (folder / "settings.py").write_text(text, encoding="utf-8")
    return folder


def test_a_planted_key_is_found_with_file_and_line_and_not_shown(tmp_path):
    found = findings(repository(tmp_path, f'name = "demo"\nkey = "{KEY}"\n'))
    assert found == ["settings.py:2: AWS Access Key"]


def test_a_private_key_is_found(tmp_path):
    found = findings(repository(tmp_path, "-----BEGIN " + "RSA PRIVATE KEY-----\n"))
    assert found == ["settings.py:1: Private Key"]


def test_hashes_are_no_secrets(tmp_path):
    assert findings(repository(tmp_path, f'digest = "{"0123456789abcdef" * 4}"\n')) == []
