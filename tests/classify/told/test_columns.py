"""The side-by-side table of a real run: a column for each container that made or read the image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.program import probe

CAPTURES = Path(__file__).parents[2] / "captures"


@pytest.fixture(scope="module", params=["16-root-without-dac-override", "20-two-pvcs"])
def document(request: pytest.FixtureRequest) -> Any:
    return probe("classify", CAPTURES / request.param, "--json").document


def cells(document: Any, row: str) -> dict[str, str]:
    names = [column["name"] for column in document["table"]["columns"]]
    (found,) = (one for one in document["table"]["rows"] if one["name"] == row)
    return {name: cell["text"] for name, cell in zip(names, found["cells"], strict=True)}


def marked(document: Any) -> set[str]:
    return {row["name"] for row in document["table"]["rows"] if row["differs"]}


def test_every_cell_rests_on_a_field_of_the_document(document: Any) -> None:
    for row in document["table"]["rows"]:
        for cell in row["cells"]:
            assert bool(cell["text"]) == bool(cell["pointer"])
            found = document
            for part in cell["pointer"].split("/")[1:]:
                found = found[int(part)] if isinstance(found, list) else found[part]
            assert found is not None


def test_two_claims_at_one_path() -> None:
    document = probe("classify", CAPTURES / "20-two-pvcs", "--json").document
    claims = cells(document, "claim")
    assert claims["push-to-quay"] == "model-cache" != claims["push-to-internal"] == claims["build-image"]
    assert cells(document, "inode")["push-to-quay"] == "34273962"
    assert cells(document, "device")["push-to-quay"] == cells(document, "device")["push-to-internal"] == "7:0"
    assert {"claim", "inode", "size", "config", "modified"} <= marked(document)
    assert not {"device", "mount source", "identity", "mode oci", "looked"} & marked(document)
    roles = {column["name"]: column["role"] for column in document["table"]["columns"]}
    assert (roles["build-image"], roles["push-to-quay"]) == ("producer", "consumer")


def test_one_volume_and_two_outcomes() -> None:
    document = probe("classify", CAPTURES / "16-root-without-dac-override", "--json").document
    access = cells(document, "access")
    assert (access["push-to-internal"], access["push-to-quay"]) == ("EACCES", "granted")
    assert cells(document, "mode oci")["push-to-internal"] == "2700 1001:1000970000"
    assert cells(document, "mode oci/image.tar")["push-to-internal"] == "", "behind what it could not pass"
    assert marked(document) == {"access"}


def test_logs_without_objects_have_columns_too() -> None:
    logs = sorted((CAPTURES / "20-two-pvcs/logs").glob("*.log"))
    document = probe("classify", *logs, "--json").document
    assert "claim" not in {row["name"] for row in document["table"]["rows"]}
    assert {"inode", "size", "config"} <= marked(document)
