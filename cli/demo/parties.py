"""The parties' own keys: one folder each under participants/, made here, never given to the node."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cli.demo.world import GOVERNORS, Party
from core.ethereum import Account, load_account
from core.signer import KeySigner, load_signer


@dataclass(frozen=True)
class Keys:
    """The keys of one folder: `signer` for the log, `account` for the chain."""

    folder: Path

    @cached_property
    def signer(self) -> KeySigner:
        """The Ed25519 key (registrar, gateway)."""
        return load_signer(self.folder / "signer.pem")

    @cached_property
    def account(self) -> Account:
        """The secp256k1 account (claims, opinions, transfers)."""
        return load_account(self.folder / "account.key")

    def make(self) -> Keys:
        """Generate both keys."""
        KeySigner.generate().save(self.folder / "signer.pem")
        Account.generate().save(self.folder / "account.key")
        return self


@dataclass(frozen=True)
class Parties:
    """All parties of the demonstration below one folder."""

    root: Path

    def make(self, parties: tuple[Party, ...]) -> Parties:
        """Generate the keys of every party, of the governors and of the gateway."""
        for folder in (*(party.folder for party in parties), *GOVERNORS, "gateway"):
            Keys(self.root / folder).make()
        return self

    def of(self, party: Party) -> Keys:
        """One party's keys."""
        return Keys(self.root / party.folder)

    @property
    def gateway(self) -> Keys:
        """The gateway's key."""
        return Keys(self.root / "gateway")

    @property
    def governors(self) -> list[Account]:
        """The governors' accounts."""
        return [Keys(self.root / folder).account for folder in GOVERNORS]
