"""What commands print: one document with --json, words for people, errors in one shape, exit codes of the tree."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from cli import output
from cli.options import Json
from core.errors import CarbonSealError, Forbidden, FormError, InputError, NotFound, Refused, Unavailable
from core.errors import VerificationFailed as Failed

ERRORS = [(InputError, 2), (FormError, 2), (NotFound, 2), (Refused, 1), (Forbidden, 1), (Failed, 1), (Unavailable, 3)]


def failing(error: BaseException) -> typer.Typer:
    app = typer.Typer()

    @app.command()
    @output.command
    def act(as_json: Json = False) -> None:
        raise error

    return app


@pytest.mark.parametrize(("kind", "code"), ERRORS)
def test_the_exit_code_is_that_of_the_error(kind: type[CarbonSealError], code: int) -> None:
    error = kind("some-code", "something is wrong", where="there", hint="do this", expected_seq="7")
    result = CliRunner().invoke(failing(error), ["--json"])
    assert result.exit_code == code
    assert json.loads(result.stdout) == {"error": {"code": "some-code", "message": "something is wrong",
                                                   "where": "there", "hint": "do this", "expected_seq": "7"}}
    assert result.stderr == ""


@pytest.mark.parametrize(("language", "words"), [("zh", "怎么办"), ("en", "what to do")])
def test_people_read_the_error_on_stderr_in_their_language(language: str, words: str,
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output.language, "code", language)
    result = CliRunner().invoke(failing(Refused("some-code", "no [red]way[/red]", where="a[0]", hint="try")), [])
    assert result.stdout == ""
    assert "some-code no [red]way[/red]" in result.stderr
    assert "a[0]" in result.stderr
    assert words in result.stderr


UNKNOWN = NotFound("parameter-missing", "there is no parameter 'grid.[x]'", where="grid.[x]", hint="name another")


def test_who_reads_chinese_is_told_in_chinese_what_is_wrong_and_what_to_do() -> None:
    lines = CliRunner().invoke(failing(UNKNOWN), []).stderr.splitlines()
    assert lines[0] == "parameter-missing 没有此参数。"
    assert lines[1:3] == ["  详情: there is no parameter 'grid.[x]'", "  位置: grid.[x]"]
    assert lines[3].startswith("  怎么办: 核对参数名称")
    assert lines[4] == "    name another"


def test_who_reads_english_is_told_in_english_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output.language, "code", "en")
    assert CliRunner().invoke(failing(UNKNOWN), []).stderr.splitlines() == [
        "parameter-missing there is no parameter 'grid.[x]'", "  where: grid.[x]", "  what to do: name another"]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_programs_get_both_languages_whatever_that_of_the_run(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output.language, "code", language)
    error = json.loads(CliRunner().invoke(failing(UNKNOWN), ["--json"]).stdout)["error"]
    assert (error["message"], error["hint"]) == ("there is no parameter 'grid.[x]'", "name another")
    assert error["message_zh"] == "没有此参数。"
    assert error["hint_zh"].startswith("核对参数名称")


def test_a_code_in_a_cell_is_said_in_chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    assert output.told("frame-epoch").startswith("frame-epoch 数据帧的纪元")
    assert output.told("of-tomorrow") == "of-tomorrow"
    monkeypatch.setattr(output.language, "code", "en")
    assert output.told("frame-epoch") == "frame-epoch"


def test_a_bug_shows_no_traceback_but_where_to_report_it() -> None:
    result = CliRunner().invoke(failing(ZeroDivisionError("division by zero")), ["--json"])
    error = json.loads(result.stdout)["error"]
    assert (result.exit_code, error["code"]) == (2, "internal-error")
    assert "ZeroDivisionError" in error["message"]
    assert "CARBONSEAL_DEBUG=1" in error["hint"]
    assert "Traceback" not in result.output


def test_a_bug_shows_its_traceback_to_who_asks_for_it() -> None:
    result = CliRunner().invoke(failing(ZeroDivisionError("x")), ["--json"], env={"CARBONSEAL_DEBUG": "1"})
    assert isinstance(result.exception, ZeroDivisionError)


def test_a_file_that_cannot_be_read_is_named() -> None:
    result = CliRunner().invoke(failing(FileNotFoundError(2, "No such file or directory", "facts.json")), ["--json"])
    error = json.loads(result.stdout)["error"]
    assert (result.exit_code, error["code"], error["where"]) == (2, "file-unusable", "facts.json")


def test_a_reader_that_went_away_is_no_error() -> None:
    assert CliRunner().invoke(failing(BrokenPipeError()), ["--json"]).exit_code == 0


@pytest.mark.parametrize("code", [0, 1, 3])
def test_a_command_s_own_exit_code_is_kept(code: int) -> None:
    assert CliRunner().invoke(failing(typer.Exit(code)), []).exit_code == code


def printed(capsys: pytest.CaptureFixture[str], function: Callable[..., Any], *arguments: Any) -> str:
    function(*arguments)
    return capsys.readouterr().out


def test_an_answer_for_people_is_flat(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, output.print_answer, {"a": {"b": "1"}, "c": ["x", "y"], "d": [{"e": "2"}], "f": None}, False)
    assert [line.split() for line in text.splitlines()] == [["a.b", "1"], ["c", "x,", "y"], ["d.0.e", "2"],
                                                            ["f", "None"]]


def test_an_answer_for_programs_is_the_document(capsys: pytest.CaptureFixture[str]) -> None:
    document = {"名": {"b": ["1"]}}
    text = printed(capsys, output.print_answer, document, True)
    assert json.loads(text) == document
    assert "名" in text


def test_values_stand_below_one_another_whatever_the_script_of_their_names(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, output.print_fields, {"来源": "x", "status": "y", "[a]": "z"})
    assert text.splitlines() == ["来源    x", "status  y", "[a]     z"]


def test_brackets_in_values_are_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert "cp:pv[1,2) [bold]x" in printed(capsys, output.print_fields, {"serials": "cp:pv[1,2) [bold]x"})
    assert "[bold]x" in printed(capsys, output.print_table, "title", ["column"], [["[bold]x"]])


def test_a_line_of_a_batch_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, output.print_json_line, {"id": "1", "名": "x"}) == '{"id":"1","名":"x"}\n'
