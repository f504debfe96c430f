"""carbonseal-verify as an auditor runs it: from files, without a network, with one of three exit statuses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from verify_cases import CASES
from verify_world import Lies, World

from verify import bundle, command
from verify.command import INVALID, UNUSABLE, VALID, main
from verify.trust import MAX_TRUST_BYTES

ROOT = Path(__file__).resolve().parents[2]
VECTORS = ROOT / "tests" / "vectors" / "evidence"
FORBIDDEN = ("sqlmodel", "sqlalchemy", "fastapi", "starlette", "celery", "web3", "yaml", "httpx", "requests",
             "urllib.request", "http.client", "pydantic", "jinja2")


def run(name: str, *options: str) -> int:
    folder = VECTORS / name
    return main([str(folder / "file.cseal"), "--trust", str(folder / "trust.json"), *options])


def test_a_valid_file_ends_with_zero(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("full") == VALID
    assert "结论：有效" in capsys.readouterr().out.replace(":", "：")


def test_an_invalid_file_ends_with_one_and_names_step_and_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("changed-reading_fail", "--lang", "en") == INVALID
    shown = capsys.readouterr().out
    assert "Verdict: not valid" in shown
    assert " 7 Inputs recomputed: failed (body-mismatch)" in shown


def test_unusable_input_ends_with_two_and_prints_no_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("not-a-zip_fail") == UNUSABLE
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("container-not-zip 这不是证据文件。\n  详情: this is not an evidence file")


def test_unusable_input_is_told_in_english_to_who_asks_for_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("not-a-zip_fail", "--lang", "en") == UNUSABLE
    printed = capsys.readouterr().err
    assert printed.startswith("container-not-zip this is not an evidence file")
    assert "  what to do: give the .cseal file as it was exported" in printed
    assert printed.isascii()


def test_a_failed_step_says_in_chinese_what_its_code_means(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("changed-reading_fail") == INVALID
    assert "数据块正文与块头不符" in capsys.readouterr().out


def test_json_is_one_document_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("full", "--json") == VALID
    document = json.loads(capsys.readouterr().out)
    assert document["valid"] is True
    assert [step["n"] for step in document["steps"]] == list(range(1, 11))
    assert {tuple(step) for step in document["steps"]} == {("n", "name", "outcome", "code", "detail")}
    assert document["as_of"] == {"index": "20", "block": "120", "time": "2026-11-17T00:02:00.000Z"}
    assert document["level"] == "full"


def test_json_of_unusable_input_still_says_not_valid(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("not-a-zip_fail", "--json") == UNUSABLE
    document = json.loads(capsys.readouterr().out)
    assert document["valid"] is False
    assert document["steps"] == []
    assert document["error"]["code"] == "container-not-zip"
    assert document["error"]["message_zh"] == "这不是证据文件。"


def test_simulated_data_and_a_development_chain_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("development-chain", "--lang", "en") == VALID
    shown = capsys.readouterr().out
    assert "Development chain" in shown
    assert "data are simulated" in shown
    assert "Not proven: that sensors tell the truth" in shown


def test_a_development_chain_is_not_valid_unless_allowed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("development-chain-refused_fail", "--json") == INVALID
    third = json.loads(capsys.readouterr().out)["steps"][2]
    assert (third["outcome"], third["code"]) == ("not-checked", "development-chain")


def test_a_file_for_review_says_it_is_no_certificate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "review.cseal"
    path.write_bytes(World().file(purpose="review"))
    assert main([str(path), "--trust", str(VECTORS / "full" / "trust.json"), "--lang", "en"]) == INVALID
    assert "no certificate" in capsys.readouterr().out


@pytest.mark.parametrize("missing", ["file", "trust"])
def test_a_missing_file_is_unusable_input(missing: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = VECTORS / "full"
    paths = {"file": folder / "file.cseal", "trust": folder / "trust.json", missing: tmp_path / "none"}
    assert main([str(paths["file"]), "--trust", str(paths["trust"])]) == UNUSABLE
    assert str(tmp_path / "none") in capsys.readouterr().err


def test_a_folder_is_unusable_input(tmp_path: Path) -> None:
    assert main([str(tmp_path), "--trust", str(VECTORS / "full" / "trust.json")]) == UNUSABLE


def test_a_file_over_the_limit_is_not_read(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(command, "MAX_FILE_BYTES", 10)
    monkeypatch.setattr(bundle, "MAX_FILE_BYTES", 10)
    assert run("full") == UNUSABLE
    assert "container-too-large" in capsys.readouterr().err


def test_a_file_of_exactly_the_limit_is_read_and_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    size = (VECTORS / "full" / "file.cseal").stat().st_size
    for limit, ends in ((size, VALID), (size - 1, UNUSABLE)):
        monkeypatch.setattr(command, "MAX_FILE_BYTES", limit)
        assert run("full") == ends


@pytest.mark.parametrize(("endless", "code"), [("file", "container-too-large"), ("trust", "trust-too-large")])
def test_a_device_without_an_end_is_unusable_input(endless: str, code: str, monkeypatch: pytest.MonkeyPatch,
                                                   capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(command, "MAX_FILE_BYTES", 2**20)
    folder = VECTORS / "full"
    paths = {"file": folder / "file.cseal", "trust": folder / "trust.json", endless: Path("/dev/zero")}
    assert main([str(paths["file"]), "--trust", str(paths["trust"]), "--json"]) == UNUSABLE
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["code"], error["where"]) == (code, "/dev/zero")
    assert error["hint"]


@pytest.mark.parametrize("kind", ["file", "trust"])
def test_a_pipe_is_read_as_a_file_is(kind: str) -> None:
    folder = VECTORS / "full"
    paths = {"file": folder / "file.cseal", "trust": folder / "trust.json"}
    with subprocess.Popen(["cat", str(paths[kind])], stdout=subprocess.PIPE) as cat:
        assert cat.stdout is not None
        paths[kind] = Path(f"/dev/fd/{cat.stdout.fileno()}")
        assert main([str(paths["file"]), "--trust", str(paths["trust"])]) == VALID


def test_too_little_memory_says_nothing_about_the_file(monkeypatch: pytest.MonkeyPatch,
                                                       capsys: pytest.CaptureFixture[str]) -> None:
    def exhausted(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(command, "verify", exhausted)
    assert run("full") == UNUSABLE
    printed = capsys.readouterr()
    assert (printed.out, printed.err.partition(" ")[0]) == ("", "evidence-unreadable")


def test_a_trust_list_of_exactly_the_limit_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, folder = tmp_path / "trust.json", VECTORS / "full"
    for size, ends in ((MAX_TRUST_BYTES, VALID), (MAX_TRUST_BYTES + 1, UNUSABLE)):
        path.write_bytes((folder / "trust.json").read_bytes().ljust(size))
        assert main([str(folder / "file.cseal"), "--trust", str(path)]) == ends
    assert "trust-too-large" in capsys.readouterr().err


def test_unusable_input_is_told_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    main(["none.cseal", "--trust", str(VECTORS / "full" / "trust.json"), "--json"])
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["code"], error["where"]) == ("evidence-unreadable", "none.cseal")
    assert error["hint"]


def test_a_bad_trust_list_is_unusable_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "trust.json").write_text('{"schema": 1e2}')
    assert main([str(VECTORS / "full" / "file.cseal"), "--trust", str(tmp_path / "trust.json")]) == UNUSABLE
    assert "json-number" in capsys.readouterr().err


def test_the_trust_list_is_required() -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["x.cseal"])
    assert stopped.value.code == UNUSABLE


def test_the_text_names_every_step_in_chinese(capsys: pytest.CaptureFixture[str]) -> None:
    run("buyer")
    shown = capsys.readouterr().out
    for title in ("文件完整", "日志检查点签名", "区块链锚定", "数据帧连续完整", "证书状态"):
        assert title in shown
    assert "[非必需]" in shown


def fresh(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False,
                          timeout=60)


def test_a_fresh_interpreter_loads_no_database_no_web_no_chain_client() -> None:
    result = fresh(f"import sys, verify.command; print([m for m in {FORBIDDEN!r} if m in sys.modules])")
    assert result.stdout.strip() == "[]", result.stderr


def test_it_verifies_with_sockets_forbidden() -> None:
    folder = VECTORS / "full"
    result = fresh(
        "import socket, sys\n"
        "def refuse(*_, **__): raise RuntimeError('a socket was opened')\n"
        "socket.socket = socket.create_connection = socket.getaddrinfo = refuse\n"
        f"from verify.command import main\n"
        f"sys.exit(main([{str(folder / 'file.cseal')!r}, '--trust', {str(folder / 'trust.json')!r}]))")
    assert result.returncode == VALID, result.stderr
    assert result.stderr == ""


def test_it_runs_from_another_directory(tmp_path: Path) -> None:
    folder = VECTORS / "changed-reading_fail"
    result = subprocess.run([sys.executable, "-m", "verify.command", str(folder / "file.cseal"), "--trust",
                             str(folder / "trust.json")], cwd=tmp_path, capture_output=True, text=True, check=False,
                            env={"PYTHONPATH": str(ROOT)}, timeout=60)
    assert result.returncode == INVALID
    assert result.stderr == ""


def test_every_case_ends_with_a_status_and_no_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, case in CASES.items():
        status = run(name if case.valid else f"{name}_fail", "--json")
        assert status in (VALID, INVALID, UNUSABLE)
        printed = capsys.readouterr()
        json.loads(printed.out)
        assert printed.err == ""
    assert Lies() == World().lies
