"""kill -9 between any two steps: no seq carries two payloads, nothing durable is lost, nothing is doubled."""

import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from edge_helpers import GATEWAY, ORIGIN, SEED
from spool_helpers import build

from attestation.envelope import open_envelope
from attestation.frame import check_successor, decode_frame, link_of, read_submissions
from core.signer import KeySigner
from edge.spool import Spool

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
STATEMENTS = ("INSERT INTO frames", "UPDATE chain SET seq", "COMMIT", "BEGIN IMMEDIATE")


def start(path):
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{HERE}"}
    return subprocess.Popen([sys.executable, str(HERE / "spool_helpers.py"), str(path)], stdout=subprocess.PIPE,
                            text=True, env=environment)


def check_chain(path):
    """The whole chain of a spool, checked link by link; its envelopes by seq."""
    spool = Spool(path, GATEWAY, ORIGIN, limit_bytes=2**30, limit_frames=10**6)
    last, envelopes = None, {}
    for item in spool.waiting(10**6, 2**40):
        for submission in read_submissions(item.data):
            envelope = open_envelope(submission.envelope)
            frame = decode_frame(envelope.payload)
            check_successor(last, frame)
            last = link_of(frame, envelope.payload)
            assert frame.seq not in envelopes
            envelopes[frame.seq] = submission.envelope.hex()
    assert spool.next_place().seq == len(envelopes)
    spool.close()
    return envelopes


def test_a_gateway_killed_again_and_again_keeps_one_chain(tmp_path):
    rng = random.Random(7)
    path = tmp_path / "s"
    durable: dict[int, str] = {}
    for _ in range(6):
        process = start(path)
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(rng.randrange(3, 24))]
        time.sleep(rng.random() / 100)
        process.kill()
        lines += process.stdout.read().splitlines()
        process.wait()
        signed: dict[int, str] = {}
        for words in (line.split() for line in lines):
            if words[:1] == ["signed"] and len(words) == 3:
                signed[int(words[1])] = words[2]
            elif words[:1] == ["durable"] and len(words) == 2 and int(words[1]) in signed:
                durable[int(words[1])] = signed[int(words[1])]
        envelopes = check_chain(path)
        assert all(envelopes[seq] == envelope for seq, envelope in durable.items())
        durable |= envelopes
    assert len(durable) > 10


@pytest.mark.parametrize("statement", STATEMENTS)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_kill_at_each_statement_leaves_all_of_the_frame_or_nothing(tmp_path, statement, after):
    """The statement is where the process dies, before or after SQLite has carried it out."""
    path = tmp_path / "s"
    child = os.fork()
    if child == 0:
        _die_at(path, statement, after)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -9
    envelopes = check_chain(path)
    assert len(envelopes) == (3 if statement == "COMMIT" and after else 2)


def _die_at(path, statement, after):
    spool = Spool(path, GATEWAY, ORIGIN, limit_bytes=2**30, limit_frames=10**6)
    signer = KeySigner.from_seed(SEED)
    for number in range(2):
        spool.sign_next(build(signer, number))

    class Deadly:
        """The connection, until the statement comes."""

        def __init__(self, real):
            self.real = real

        def execute(self, sql, *arguments):
            hit = sql.startswith(statement)
            if hit and not after:
                os.kill(os.getpid(), 9)
            result = self.real.execute(sql, *arguments)
            if hit:
                os.kill(os.getpid(), 9)
            return result

    spool._connection = Deadly(spool._connection)
    spool.sign_next(build(signer, 2))
    os._exit(1)


def test_a_torn_write_ahead_file_loses_only_what_was_never_durable(tmp_path):
    """The tail of the WAL is cut at many places, as after a power cut: the spool opens, and its chain has no hole."""
    path = tmp_path / "s"
    spool = Spool(path, GATEWAY, ORIGIN, limit_bytes=2**30, limit_frames=10**6)
    signer = KeySigner.from_seed(SEED)
    for number in range(6):
        spool.sign_next(build(signer, number))
    wal = Path(f"{path}-wal").read_bytes()
    counts = set()
    for number, size in enumerate(range(len(wal), len(wal) // 2, -1371)):
        copy = tmp_path / f"copy-{number}"
        shutil.copy(path, copy)
        Path(f"{copy}-wal").write_bytes(wal[:size])
        counts.add(len(check_chain(copy)))
    spool.close()
    assert max(counts) == 6
    assert len(counts) > 1
