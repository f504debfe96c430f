"""Strangers who calculate: many at once, slowly sent, never read, and reports larger than a reader's program takes."""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import Awaitable, Callable
from copy import deepcopy
from datetime import date
from typing import Any
from xml.etree import ElementTree

import pytest
from starlette.types import Message, Receive, Scope, Send

from api.limits import RUNNING_CALCULATIONS, RUNNING_OF_ONE, WAITING_CALCULATIONS, WAITING_OF_ONE, CalculationMiddleware
from certificates.workbook import xlsx
from core.errors import CarbonSealError
from mrv.authoring.catalogue import load, shipped
from mrv.calculation.run import RunResult, run
from mrv.presentation.excel import MAX_FORMULA_CHARS
from mrv.presentation.workbook import workbook_of

CASE = next(case for case in load().cases if case.rule == "inventory.enterprise@2"
            and "document" in case.body and "error" not in case.body)


# many at once

class Node:
    """An application that answers a calculation when it is told to."""

    def __init__(self) -> None:
        self.begun, self.most, self.now, self.finish = 0, 0, 0, asyncio.Event()
        self.asked = self.gone = 0
        self.app = CalculationMiddleware(self._calculate)

    async def _calculate(self, scope: Scope, receive: Receive, send: Send) -> None:
        while (message := await receive()).get("more_body", False):
            pass
        if message["type"] == "http.disconnect":
            self.gone += 1
            return
        self.begun, self.now = self.begun + 1, self.now + 1
        self.most = max(self.most, self.now)
        try:
            if scope["path"].endswith("broken"):
                raise RuntimeError
            await self.finish.wait()
        finally:
            self.now -= 1
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    def ask(self, path: str = "/v1/mrv/run/x", receive: Receive | None = None, send: Send | None = None,
            host: str = "") -> asyncio.Task[str]:
        """A request, from an address of its own if none is given; "done", or the code with which it was refused."""
        self.asked += 1
        scope = {"type": "http", "method": "POST", "path": path, "client": (host or f"10.0.0.{self.asked}", 1)}

        async def asked() -> str:
            try:
                await self.app(scope, receive or _at_once, send or _read)
            except CarbonSealError as error:
                return error.code
            except RuntimeError:
                return "broken"
            return "done"

        return asyncio.create_task(asked())


async def _at_once() -> Message:
    return {"type": "http.request", "body": b"{}", "more_body": False}


async def _read(_message: Message) -> None:
    pass


async def _never(_message: Message | None = None) -> Any:
    await asyncio.Event().wait()


def run_at(scenario: Callable[[Node], Awaitable[None]]) -> None:
    """Run a scenario against a node of its own, a minute at most."""
    async def whole() -> None:
        await asyncio.wait_for(scenario(Node()), 60)

    asyncio.run(whole())


async def settle() -> None:
    """Let every task come as far as it can."""
    for _ in range(50):
        await asyncio.sleep(0)


def test_few_calculations_run_and_few_wait_and_the_next_is_told_to_come_again() -> None:
    async def scenario(node: Node) -> None:
        asked = [node.ask() for _ in range(RUNNING_CALCULATIONS + WAITING_CALCULATIONS + 3)]
        await settle()
        assert node.begun == RUNNING_CALCULATIONS
        assert [task.result() for task in asked if task.done()] == ["calculations-busy"] * 3
        node.finish.set()
        ended = await asyncio.gather(*asked)
        assert ended.count("done") == RUNNING_CALCULATIONS + WAITING_CALCULATIONS
        assert node.most == RUNNING_CALCULATIONS
        assert await node.ask() == "done"
        assert not node.app._lanes

    run_at(scenario)


@pytest.mark.parametrize("path", ["/v1/mrv/eval/x", "/v1/mrv/run/x", "/v1/mrv/compare/x", "/v1/mrv/report/x",
                                  "/v1/mrv/plans/check/x"])
def test_every_calculation_counts_and_nothing_else_waits_for_it(path: str) -> None:
    async def scenario(node: Node) -> None:
        running = [node.ask(path) for _ in range(RUNNING_CALCULATIONS + WAITING_CALCULATIONS)]
        await settle()
        assert await node.ask(path) == "calculations-busy"
        others = [node.ask(other) for other in ("/v1/frames", "/v1/claims", "/v1/mrv/plans")]
        await settle()
        assert node.begun == RUNNING_CALCULATIONS + len(others)
        node.finish.set()
        assert set(await asyncio.gather(*running, *others)) == {"done"}

    run_at(scenario)


def test_a_calculation_that_fails_or_is_broken_off_gives_its_place_back() -> None:
    async def scenario(node: Node) -> None:
        for _ in range(2 * RUNNING_CALCULATIONS):
            assert await node.ask("/v1/mrv/run/broken") == "broken"
        gone = [node.ask() for _ in range(RUNNING_CALCULATIONS + WAITING_CALCULATIONS)]
        await settle()
        for task in gone:
            task.cancel()
        await asyncio.gather(*gone, return_exceptions=True)
        node.finish.set()
        assert await node.ask() == "done"
        assert not node.app._lanes

    run_at(scenario)


def test_who_sends_or_reads_slowly_holds_no_place() -> None:
    async def scenario(node: Node) -> None:
        node.finish.set()
        slow = [node.ask(receive=_never) for _ in range(50)] + [node.ask(send=_never) for _ in range(50)]
        await settle()
        assert not any(task.done() for task in slow)
        assert await node.ask() == "done"
        for task in slow:
            task.cancel()

    run_at(scenario)


def test_one_address_holds_one_place_and_leaves_the_others_to_others() -> None:
    async def scenario(node: Node) -> None:
        greedy = [node.ask(host="192.0.2.7") for _ in range(RUNNING_OF_ONE + WAITING_OF_ONE + 3)]
        await settle()
        assert node.begun == RUNNING_OF_ONE
        assert [task.result() for task in greedy if task.done()] == ["calculations-busy"] * 3
        other = node.ask(host="192.0.2.8")
        await settle()
        assert node.begun == RUNNING_OF_ONE + 1
        node.finish.set()
        assert await other == "done"
        assert (await asyncio.gather(*greedy)).count("done") == RUNNING_OF_ONE + WAITING_OF_ONE
        assert await node.ask(host="192.0.2.7") == "done"
        assert not node.app._lanes

    run_at(scenario)


@pytest.mark.parametrize(("hosts", "one"), [
    (("2001:db8::1", "2001:db8::ffff:2"), True), (("2001:db8::1", "2001:db8:0:1::1"), False),
    (("192.0.2.7", "192.0.2.8"), False), (("testclient", "testclient"), True)])
def test_an_ipv6_network_is_one_address(hosts: tuple[str, str], one: bool) -> None:
    async def scenario(node: Node) -> None:
        asked = [node.ask(host=host) for host in hosts]
        await settle()
        assert node.begun == (1 if one else 2)
        node.finish.set()
        assert set(await asyncio.gather(*asked)) == {"done"}

    run_at(scenario)


def hanging_up(when: asyncio.Event) -> Receive:
    """A caller who sends everything, then hangs up."""
    messages: list[Message] = [{"type": "http.request", "body": b"{}", "more_body": False}]

    async def receive() -> Message:
        if messages:
            return messages.pop()
        await when.wait()
        return {"type": "http.disconnect"}

    return receive


def test_nothing_is_calculated_for_who_hung_up_while_waiting() -> None:
    async def scenario(node: Node) -> None:
        running, hung_up = [node.ask() for _ in range(RUNNING_CALCULATIONS)], asyncio.Event()
        await settle()
        waiting = [node.ask(receive=hanging_up(hung_up), host=host) for host in ("192.0.2.7", "192.0.2.7", "192.0.2.8")]
        staying = node.ask(receive=hanging_up(asyncio.Event()), host="192.0.2.7")
        await settle()
        assert node.gone == 0
        hung_up.set()
        await asyncio.gather(*waiting)
        assert (node.gone, node.begun) == (3, RUNNING_CALCULATIONS)
        node.finish.set()
        assert set(await asyncio.gather(*running, staying)) == {"done"}
        assert node.begun == RUNNING_CALCULATIONS + 1
        assert not node.app._lanes

    run_at(scenario)


# workbooks

SHEETS = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def live_cells(result: RunResult) -> int:
    """How many cells of a run's file have a formula."""
    with zipfile.ZipFile(io.BytesIO(xlsx(workbook_of(result)))) as file:
        return sum(len(ElementTree.fromstring(file.read(name)).findall(f".//{SHEETS}f"))
                   for name in file.namelist() if name.startswith("xl/worksheets/"))


def inventory(documents: int) -> RunResult:
    """An inventory of natural gas from so many bills."""
    document = deepcopy(CASE.body["document"]) | {"allow_unconfirmed": True}
    gas = document["inputs"]["gas.natural_gas"][0]
    document["inputs"]["gas.natural_gas"] = [
        {**gas, "source": {**gas["source"], "digest": f"{number:064x}"}} for number in range(documents)]
    return run(shipped(), "inventory.enterprise", None, document, date(2026, 12, 5))


@pytest.mark.parametrize(("documents", "live"), [(200, True), (400, False), (2_000, False)])
def test_a_workbook_of_many_documents_has_no_formula_that_a_spreadsheet_refuses(documents: int, live: bool) -> None:
    result = inventory(documents)
    book = workbook_of(result)
    formulas = [cell.formula for page in book.pages for cell in page.cells.values() if cell.formula]
    assert max(map(len, formulas)) <= MAX_FORMULA_CHARS
    assert any(formula.count("input_gas_natural_gas") == documents for formula in formulas) is live
    assert any("value only" in note for note in book.notes) is not live
    assert live_cells(result) == len(formulas)
