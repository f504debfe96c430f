"""The park that most tests of commands speak to: founded once, enrolled and measured by commands."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from cli_helpers import (
    AFTER,
    MARK,
    MARK2,
    PV,
    PV2,
    START,
    Park,
    answered,
    enrol,
    found,
    frame_file,
    gateway_key,
    wait_for_chain,
)

from api.deployment import open_deployment
from api.server import Server
from core.period import instant_text


@pytest.fixture(scope="session")
def park(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Park]:
    made = found(tmp_path_factory.mktemp("park"))
    deployment = open_deployment(made.directory, upgrade=True)
    with Server(deployment) as server:
        made.url = server.url
        wait_for_chain(server)
        enrol(made, {"key": deployment.node_signer.public_key.hex(), "account": deployment.account.address})
        made.set_clock(AFTER)
        frames = frame_file(made.root / "frames.cbor", gateway_key(made), 26)
        answered(made.do("frames", "put", frames))
        for mark, meter in ((MARK, PV), (MARK2, PV2)):
            answered(made.registrar("claim-point", "open", "--id", mark, "--meter", meter, "--quantity", "energy",
                                    "--grid-point", "CN-JS-000017", "--at", instant_text(START),
                                    "--key", made.keys("org:registrar") / "account.key"))
        yield made
    deployment.close()


@pytest.fixture(scope="session")
def inventory(park: Park) -> dict[str, str]:
    """An issued emission inventory of the whole day."""
    return park.certified(park.inventory("inventory", START, START + 86_400_000))


@pytest.fixture(scope="session")
def green(park: Park) -> dict[str, str]:
    """An issued green power certificate of the second roof's first four hours."""
    return park.certified(park.green("night", START, START + 4 * 3_600_000))
