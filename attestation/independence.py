"""Who may verify for whom: accreditation and independence, as the register of participants knows them (ISO 14065)."""

from __future__ import annotations

from attestation.history import Participant
from core.errors import Forbidden

# Who trades or claims has an interest in the outcome (rules of practice for verifiers).
INTERESTED = frozenset({"enterprise", "trader"})


def check_verifier(verifier: Participant, subject: Participant, accreditation: str) -> None:
    """Passes when the verifier holds this accreditation and is independent of the subject.

    Not independent: the same organisation, the same group, or a verifier that itself trades or
    emits (no carbon-asset management beside verification).
    Raises Forbidden (verifier-not-accredited, verifier-not-independent).
    """
    if "verifier" not in verifier.roles or not verifier.accreditation:
        raise Forbidden("verifier-not-accredited", f"{verifier.org} is not registered as an accredited verifier")
    if verifier.accreditation != accreditation:
        raise Forbidden("verifier-not-accredited", f"{verifier.org} was registered under another accreditation",
                        where="opinion.accreditation")
    same_group = verifier.group is not None and verifier.group == subject.group
    if verifier.org == subject.org or same_group:
        raise Forbidden("verifier-not-independent", f"{verifier.org} is {subject.org} or of its group")
    if verifier.roles & INTERESTED:
        raise Forbidden("verifier-not-independent", f"{verifier.org} has interests beside verification",
                        hint="another verifier has to give the opinion")
