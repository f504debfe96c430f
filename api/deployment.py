"""A deployment directory: settings, database, the node's own keys, the chain's state, the trust list, the lock.

    carbonseal.toml   settings                      keys/log.pem        signs checkpoints (Ed25519)
    carbonseal.db     the database (SQLite, WAL)    keys/node.pem       signs statements, manifests, disputes
    trust.json        for readers: what to trust    keys/chain.key      the node's account on the chain
    chain/            anvil's state, addresses.json keys/salt.key       secret from which salts of details derive
    tokens/           one file per organisation     lock                held by the process that writes
    signed            the last checkpoint signed, outside the database

The node holds only its own keys: enterprises, verifiers, registrars and governors keep theirs elsewhere.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import cast

from sqlalchemy import Connection, Engine, Table, insert, select, update

from api import accounts, idempotency, schema
from api.chain import ChainLink, deploy
from api.models import ApiWriter
from certificates.registry import ChainParticipant
from core import settings as settings_module
from core.clock import Clock, SharedClock, SystemClock
from core.database import open_engine, transaction
from core.errors import FormError, InputError, NotFound, Refused, Unavailable
from core.ethereum import Account, load_account
from core.settings import FILE_NAME, Settings, Value
from core.signer import KeySigner, load_signer, write_secret
from ledger import log
from ledger.lock import FileLock
from ledger.note import VerifierKey, key_of
from verify.trust import ChainTrust, Trust, load_trust

NODE_ORG = "org:node"
SALT_BYTES = 32
# "Until further notice" in the contract's uint64 milliseconds.
NO_END = 2**63 - 1

_WRITER = cast(Table, ApiWriter.__table__)  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Deployment:
    """An open deployment. Holding one does not make its process the writer; see `writing`."""

    directory: Path
    settings: Settings
    engine: Engine
    clock: Clock
    log_signer: KeySigner
    node_signer: KeySigner
    account: Account
    salt_secret: bytes
    sealing: threading.Lock = field(default_factory=threading.Lock, compare=False)

    @property
    def origin(self) -> str:
        """The log's origin."""
        return self.settings.origin

    @property
    def trust_path(self) -> Path:
        """The trust list that readers are given."""
        return self.directory / "trust.json"

    @cached_property
    def trust(self) -> Trust:
        """The trust list. Raises InputError (trust-unreadable), FormError."""
        return load_trust(self.trust_path)

    @property
    def log_key(self) -> VerifierKey:
        """The key that checkpoints are verified with."""
        return key_of(self.origin, self.log_signer.public_key)

    @property
    def last_signed(self) -> FileLock:
        """Where the last signed checkpoint is remembered outside the database."""
        return FileLock(self.directory / "signed")

    def chain_link(self) -> ChainLink:
        """A link to the deployment's chain; the caller starts and stops it."""
        return ChainLink(self.directory / "chain", self.settings, self.account, self.clock)

    def close(self) -> None:
        """Give the database's connections back."""
        self.engine.dispose()


@dataclass(frozen=True)
class Founding:
    """What a deployment is founded with.

    `origin`: "<domain>/<park>", invented when empty (the log of a trial); `organisations`: id → roles of its token;
    `registrars`, `rule_publishers`: public keys in DER, kept elsewhere; `governors`: accounts of which `threshold` sign
    changes of the participant registry, the node's own when empty; `settings`: more lines of carbonseal.toml.
    """

    origin: str = ""
    organisations: Mapping[str, Sequence[str]] = field(default_factory=dict)
    registrars: Sequence[bytes] = ()
    rule_publishers: Sequence[bytes] = ()
    governors: Sequence[str] = ()
    threshold: int = 1
    settings: Mapping[str, Value] = field(default_factory=dict)


def create(directory: Path, founding: Founding | None = None, *, clock: Clock | None = None,
           chain: bool = True) -> Deployment:
    """Make a deployment: settings, keys, database, contracts, trust list, tokens. An init that died may run again.

    `chain`: False leaves the contracts out (they are deployed when `deploy_contracts` is called).
    Raises InputError (deployment-exists, anvil-missing), Unavailable (chain-…), and what settings raise.
    """
    founding = founding or Founding()
    path = directory / FILE_NAME
    if (directory / "trust.json").exists() or (path.exists() and not chain):
        raise InputError("deployment-exists", "the directory holds a deployment already", where=str(directory),
                         hint="choose an empty directory, or serve this one")
    values: dict[str, Value] = {
        "origin": founding.origin or f"node-{secrets.token_hex(4)}.carbonseal.invalid/park", **founding.settings}
    text = settings_module.render(values)
    Settings(**values)  # type: ignore[arg-type]  # render has checked the types; this refuses what is insecure
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    _create_keys(directory / "keys")
    if not path.exists():
        path.write_text(text, encoding="utf-8")
    deployment = open_deployment(directory, clock=clock, upgrade=True)
    for org, roles in {NODE_ORG: ["operator"], **founding.organisations}.items():
        if not accounts.token_path(directory, org).exists():
            add_token(deployment, org, roles)
    if chain:
        deploy_contracts(deployment, founding)
    return deployment


def deploy_contracts(deployment: Deployment, founding: Founding) -> None:
    """Deploy the contracts, once, and write the trust list that names them: with it the deployment is complete."""
    link = deployment.chain_link()
    link.start()
    try:
        if not (link.directory / "addresses.json").exists():
            deploy(link.chain, link.directory, founding.governors or [deployment.account.address], founding.threshold)
        if not founding.governors:
            _enter_node(deployment, link)
        addresses = link.addresses
    finally:
        link.stop()
    trust = Trust(
        deployment.origin, deployment.log_key,
        ChainTrust(addresses.chain_id, addresses.anchors, addresses.certificates, addresses.participants),
        tuple(founding.registrars), tuple(founding.rule_publishers), allow_development_chain=link.embedded)
    save_trust(deployment, trust)


def _enter_node(deployment: Deployment, link: ChainLink) -> None:
    """The only governor of a trial deployment is the node itself: without this it might not even anchor."""
    account = deployment.account
    link.enter(ChainParticipant(NODE_ORG, ("node",), 0, NO_END, (account.address,)),
               lambda digest: [account.sign_digest(digest)])


def save_trust(deployment: Deployment, trust: Trust) -> None:
    """Write the trust list, whole or not at all."""
    temporary = deployment.trust_path.with_suffix(".new")
    temporary.write_text(json.dumps(trust.as_json(), indent=2) + "\n", encoding="utf-8")
    temporary.replace(deployment.trust_path)


def open_deployment(directory: Path, *, clock: Clock | None = None, upgrade: bool = False) -> Deployment:
    """Open the deployment of a directory. `clock`: overrides the one the settings name; `upgrade`: bring an older
    database up to date (only the writer does).

    Raises NotFound (deployment-missing), Unavailable (schema-outdated), and what settings and keys raise.
    """
    if not (directory / FILE_NAME).exists():
        raise NotFound("deployment-missing", "the directory holds no deployment", where=str(directory),
                       hint=f"make one: carbonseal init --dir {directory}")
    settings = settings_module.load(directory)
    engine = open_engine(settings.database_url or directory / "carbonseal.db")
    if upgrade:
        schema.upgrade(engine)
    schema.check_revision(engine)
    keys = directory / "keys"
    return Deployment(
        directory, settings, engine, clock or clock_of(directory, settings), load_signer(keys / "log.pem"),
        load_signer(keys / "node.pem"), load_account(keys / "chain.key"), _load_salt(keys / "salt.key"))


@contextmanager
def writing(deployment: Deployment) -> Iterator[int]:
    """Hold the deployment as its one writer of frames; yields the generation that `check_writer` compares.

    The other steps append within transactions of their own, from this process or from workers of its broker.

    Raises Refused (deployment-locked) while another process of this machine holds it. A process on another machine
    (PostgreSQL) or one whose lock file was deleted under it is stopped by the generation instead.
    """
    descriptor = os.open(deployment.directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
            raise Refused("deployment-locked", f"process {holder or '?'} writes to this deployment",
                          where=str(deployment.directory), hint="stop it first; one log has one writer") from None
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        idempotency.release_unfinished(deployment.engine)
        yield _next_generation(deployment.engine)
    finally:
        os.close(descriptor)


@contextmanager
def appending(deployment: Deployment) -> Iterator[Connection]:
    """The transaction of every step that may append to the log, or answer what the log holds.

    Raises Refused (log-rolled-back) before anything is acknowledged, and what `core.database.transaction` raises.
    """
    with transaction(deployment.engine) as connection:
        check_not_rolled_back(deployment, connection)
        yield connection


def check_not_rolled_back(deployment: Deployment, connection: Connection) -> None:
    """Passes while the database holds all that was signed. Raises Refused (log-rolled-back), Unavailable.

    An older copy may be put in place under a running node: what it would acknowledge has an index that was given away.
    """
    try:
        held = deployment.last_signed.read()
    except FormError as error:
        # Damage of ours: told as a form error, a sender would take it for one of its own.
        raise Unavailable("lock-unusable", f"the last checkpoint signed cannot be read: {error.message}",
                          where=str(deployment.last_signed.path), hint="restore this file; nothing was taken") from None
    log.check_held(held, log.size(connection))


def check_writer(connection: Connection, generation: int) -> None:
    """Passes while no newer process has become the writer. Raises Refused (writer-superseded)."""
    current = connection.execute(select(_WRITER.c.generation).where(_WRITER.c.id == 1)).scalar()
    if current != generation:
        raise Refused("writer-superseded", f"this process is writer {generation}, the database has {current}",
                      hint="stop this process; another one has taken over")


def _next_generation(engine: Engine) -> int:
    with transaction(engine) as connection:
        updated = connection.execute(update(_WRITER).where(_WRITER.c.id == 1)
                                     .values(generation=_WRITER.c.generation + 1))
        if updated.rowcount == 0:
            connection.execute(insert(_WRITER).values(id=1, generation=1))
        return cast(int, connection.execute(select(_WRITER.c.generation).where(_WRITER.c.id == 1)).scalar_one())


def _create_keys(directory: Path) -> None:
    directory.mkdir(mode=0o700, exist_ok=True)
    for name in ("log.pem", "node.pem"):
        if not (directory / name).exists():
            KeySigner.generate().save(directory / name)
    if not (directory / "chain.key").exists():
        Account.generate().save(directory / "chain.key")
    if not (directory / "salt.key").exists():
        write_secret(directory / "salt.key", secrets.token_hex(SALT_BYTES).encode() + b"\n")


def add_token(deployment: Deployment, org: str, roles: Sequence[str]) -> Path:
    """A token for an organisation in a file of its own under tokens/; the file's path."""
    with transaction(deployment.engine) as connection:
        token = accounts.issue_token(connection, org, roles, deployment.clock.now())
        return accounts.save_token(deployment.directory, org, token)


def clock_of(directory: Path, settings: Settings) -> Clock:
    """The clock that the settings name: a shared simulated one, else the machine's."""
    return SharedClock(directory / settings.clock_file) if settings.clock_file else SystemClock()


def _load_salt(path: Path) -> bytes:
    try:
        secret = bytes.fromhex(path.read_text(encoding="ascii"))
    except (OSError, ValueError) as error:
        raise InputError("key-file-missing", f"cannot read the salt secret: {error}", where=str(path)) from None
    if len(secret) != SALT_BYTES:
        raise InputError("key-malformed", f"the salt secret must have {SALT_BYTES} bytes", where=str(path))
    return secret
