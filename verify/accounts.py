"""Whether an account spoke for an organisation: one rule for the node that accepts and the reader who checks."""

from __future__ import annotations

from attestation.history import Participant
from core.errors import Forbidden
from core.ethereum import parse_address


def check_account(signer: str, participant: Participant, code: str, instant: int) -> None:
    """Passes when `signer` is an account of the organisation and the organisation is valid at that instant (ms UTC).

    Raises Forbidden with this code.
    """
    if parse_address(signer) not in {parse_address(account) for account in participant.accounts}:
        raise Forbidden(code, f"{signer} is not an account of {participant.org}",
                        hint="sign with a registered account, or have this one registered")
    ended = participant.valid_until is not None and instant >= participant.valid_until
    if ended or instant < participant.valid_from:
        raise Forbidden(code, f"{participant.org} is not valid at that time", hint="renew its registration")
