"""Which server is meant: flags and `ARGO_*`, as `argo` itself reads them."""

import pytest

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.runtime.argo.server import named_server


def server(address="argo.example:2746", **environment):
    found = named_server({"ARGO_SERVER": address, **environment})
    assert found is not None
    return found


def test_without_a_server_there_is_none():
    assert named_server({"ARGO_TOKEN": "x", "ARGO_SERVER": ""}) is None


@pytest.mark.parametrize(
    ("address", "more", "url"),
    [
        ("argo.example:2746", {}, "https://argo.example:2746/"),
        ("argo.example:2746", {"ARGO_SECURE": "false"}, "http://argo.example:2746/"),
        ("argo.example:2746", {"ARGO_SECURE": ""}, "https://argo.example:2746/"),
        ("http://argo.example", {"ARGO_SECURE": "true"}, "http://argo.example/"),
        ("https://argo.example/base", {}, "https://argo.example/base/"),
        ("argo.example:2746", {"ARGO_BASE_HREF": "/argo/"}, "https://argo.example:2746/argo/"),
        ("https://argo.example/own/", {"ARGO_BASE_HREF": "/argo/"}, "https://argo.example/own/"),
        ("[::1]:2746", {}, "https://[::1]:2746/"),
        (" argo.example \n", {}, "https://argo.example/"),
    ],
)
def test_an_address_becomes_scheme_host_and_base_path(address, more, url):
    assert server(address, **more).url == url


def test_the_flag_goes_before_the_variable():
    found = named_server({"ARGO_SERVER": "other:1"}, address="mine:2")
    assert found is not None
    assert found.url == "https://mine:2/"


@pytest.mark.parametrize("address", ["ftp://argo.example", "https://", "argo:port", "https://a/?x=1", "argo:99999"])
def test_another_form_of_address_is_refused_with_the_expected_one(address):
    with pytest.raises(BadInput, match=r"ARGO_SERVER: expected HOST:PORT or https://HOST:PORT/BASE/, got "):
        server(address)


PLANTED = "hunter2"


def test_a_password_in_the_address_is_refused_and_not_repeated():
    with pytest.raises(BadInput, match="a token goes into ARGO_TOKEN") as refused:
        server(f"https://me:{PLANTED}@argo.example")
    assert PLANTED not in str(refused.value)


@pytest.mark.parametrize("token", ["abc.def", "Bearer abc.def", "  Bearer abc.def\n"])
def test_a_token_is_taken_with_and_without_its_scheme(token):
    assert server(ARGO_TOKEN=token).authorization == "Bearer abc.def"


def test_a_token_that_cannot_be_sent_is_refused_and_not_repeated():
    with pytest.raises(BadInput, match="ARGO_TOKEN: expected a token") as refused:
        server(ARGO_TOKEN="hunter2\nhunter3")
    assert "hunter" not in str(refused.value)


def test_a_server_is_shown_without_its_token():
    assert "hunter2" not in repr(server(ARGO_TOKEN="hunter2"))


@pytest.mark.parametrize(
    ("environment", "verify"),
    [
        ({}, True),
        ({"ARGO_INSECURE_SKIP_VERIFY": "true"}, False),
        ({"ARGO_INSECURE_SKIP_VERIFY": "0"}, True),
    ],
)
def test_certificates_are_checked_unless_told_otherwise(environment, verify):
    assert server(**environment).verify is verify


def test_a_truth_value_of_another_form_is_refused():
    with pytest.raises(BadInput, match="ARGO_SECURE: expected true or false, got ja"):
        server(ARGO_SECURE="ja")


def test_a_certificate_authority_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(BadInput, match=r"--certificate-authority .*: no such file; give a PEM file"):
        named_server({"ARGO_SERVER": "argo"}, certificate_authority=tmp_path / "ca.pem")


def test_the_link_has_the_base_path_and_the_workflows_namespace():
    assert server("argo.example/base").link("ns", "run-1") == "https://argo.example/base/workflows/ns/run-1"
