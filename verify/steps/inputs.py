"""Step 7: the details stand under the statement's root, and each register input follows from signed blocks.

R(t) at either end of the period is the last usable reading at or before t, and fits its neighbours: a spike is no end.
A reading that was passed over fails, unless the statement says that readings were flagged; then it is printed.
"""

from __future__ import annotations

from collections.abc import Sequence

from attestation.carriers import carriers
from attestation.history import History, as_of, claim_point_at, profile_at, profiles_in
from attestation.registration import BASE_UNITS, ReadingPlace
from core import jcs
from core.errors import InputError, NotFound, VerificationFailed
from core.merkle import leaf_hash, root, verify_inclusion
from core.quantity import Quantity
from core.records import ClockQuality
from mrv.calculation.gaps import SUBSTITUTION
from mrv.quality import uncertainty
from verify.case import Case
from verify.frame_chains import with_index
from verify.instruments import findings
from verify.model import BlockItem, Detail, Details
from verify.readings import Register, check_bodies
from verify.report import NotChecked
from verify.sources import RegisterSource, register_sources


def check(case: Case) -> str:
    """Raises VerificationFailed (details-…, body-mismatch, reading-…, serial-mismatch, input-mismatch, meter-foreign,
    notice-left-out), NotChecked (details-absent, blocks-absent, earlier-step-failed).
    """
    details = case.evidence.details
    if details is None:
        raise NotChecked("details-absent", "a public file discloses no inputs")
    check_details(case, details)
    _check_gaps(details)
    sources = register_sources(details)
    _check_notices(case, sources)
    if sources and not case.evidence.blocks:
        raise NotChecked("blocks-absent", f"{len(details.records)} details stand under the statement; the blocks that "
                         "the registers were read from are not in the file")
    values = sum(check_bodies(items) for items in case.evidence.blocks.values())
    passed = sum(_check_source(case, source) for source in sources)
    if passed and case.statement.completeness.get("flagged") == "0":
        raise VerificationFailed("reading-not-last", f"{passed} later readings were passed over, and the statement "
                                 "says that none was flagged")
    if passed:
        case.notice("readings-passed-over")
    return (f"{len(details.records)} details, {len(sources)} register inputs recomputed, {values} values decoded"
            + (f", {passed} flagged readings passed over" if passed else ""))


def check_details(case: Case, details: Details) -> None:
    """Passes when every disclosed record stands under the statement's root. Raises VerificationFailed (details-…)."""
    leaves = [_leaf(detail) for detail in details.records]
    count = case.statement.details_count
    if details.complete:
        if len(leaves) != count:
            raise VerificationFailed("details-count", f"{len(leaves)} details, the statement has {count}")
        if root(leaves) != case.statement.details_root:
            raise VerificationFailed("details-root", "the details are not those of the statement",
                                     where="details/complete.json")
        return
    for detail, leaf in zip(details.records, leaves, strict=True):
        try:
            verify_inclusion(leaf, detail.index, count, detail.path, case.statement.details_root)
        except VerificationFailed as error:
            raise VerificationFailed("details-root", error.message, where=f"detail {detail.index}") from None


def _leaf(detail: Detail) -> bytes:
    return leaf_hash(jcs.canonical({"salt": detail.salt.hex(), "record": detail.record}))


def _check_notices(case: Case, sources: Sequence[RegisterSource]) -> None:
    """The statement says what registrations and boundary readings show of its meters; it may say more."""
    shown = findings(sources, lambda meter: _known(case, meter), case.statement.period)
    hidden = [found for found in shown if found.code not in case.statement.notices]
    if hidden:
        raise VerificationFailed("notice-left-out", f"the statement does not say {hidden[0].code}: {hidden[0].message}",
                                 where=hidden[0].where)


def _known(case: Case, subject: str) -> History:
    """What was registered of a subject before the statement."""
    try:
        return as_of(case.histories[subject], case.evidence.statement.index or 0)
    except NotFound as error:
        raise VerificationFailed("input-mismatch", error.message, where=subject) from None


def _check_source(case: Case, source: RegisterSource) -> int:
    """Checks one register input; answers how many usable readings were passed over."""
    history = case.histories[source.meter]
    _check_owner(case, source)
    if source.mark is not None:
        _check_claim_point(case, source)
    register = Register(history, source.quantity, _blocks_of(case, source.meter))
    period = source.part or case.statement.period
    # A substituted gap before the opening reading holds no reading that could have been taken.
    passed = register.usable_within(*source.before) if source.before else 0
    begins = source.before[1] if source.before else period.start
    unflagged = case.statement.completeness.get("flagged") == "0"
    floor = None if source.opening is None else source.start
    for place, instant, known in ((source.opening, begins, None), (source.closing, period.end, floor)):
        if place is not None:
            _check_index(case, place)
            register.check_place(place, source.method, known)
            passed += register.passed_over(place, instant)
            register.check_fit(place)
            if unflagged and register.falls_below(place, period.end):
                raise VerificationFailed("reading-not-last", "the register stands below the reading later, and the "
                                         "statement says that none was flagged", where=source.meter)
    _check_quantity(case, source)
    _check_uncertainty(case, source)
    return passed


def _blocks_of(case: Case, meter: str) -> list[tuple[BlockItem, ClockQuality]]:
    """The meter's blocks in the order of the chains that carried it."""
    blocks = {(item.gateway, item.epoch, item.seq): item for item in case.evidence.blocks.get(meter, ())}
    gateways = dict.fromkeys(carrier.gateway for carrier in carriers(case.histories[meter], case.statement.period))
    ordered = []
    for gateway in gateways:
        for item in case.evidence.frames.get(gateway, ()):
            block = blocks.get((gateway, item.frame.epoch, item.frame.seq))
            if block is not None:
                ordered.append((block, item.frame.clock))
    return ordered


def _check_index(case: Case, place: ReadingPlace) -> None:
    """The log index a reading names is its frame's; of a frame without proof, not above the next proven one."""
    for item, proven in with_index(place.gateway, case.evidence.frames.get(place.gateway, ())):
        if (item.frame.epoch, item.frame.seq) == (place.epoch, place.seq):
            exact = item.entry.index is not None
            if place.index > proven or (exact and place.index != proven):
                raise VerificationFailed("reading-not-found", f"the frame is not at index {place.index}",
                                         where=place.gateway)
            return
    raise VerificationFailed("reading-not-found", f"the file has no frame epoch {place.epoch} seq {place.seq}",
                             where=place.gateway)


def _check_owner(case: Case, source: RegisterSource) -> None:
    """The meter is registered for the organisation that claims, at the reading it claims by."""
    profile = profile_at(case.histories[source.meter], source.closing.time)
    if profile is None or profile.org != case.statement.subject:
        raise VerificationFailed("meter-foreign", f"the meter is registered for {profile.org if profile else 'nobody'}",
                                 where=source.meter, hint="an enterprise claims by its own meters")


def _check_claim_point(case: Case, source: RegisterSource) -> None:
    """The claim point is that register, open then, of the claiming organisation."""
    mark = source.mark or ""
    try:
        point = claim_point_at(case.histories[mark], case.evidence.statement.index or 0)
    except NotFound as error:
        raise VerificationFailed("input-mismatch", error.message, where=mark) from None
    if (point.meter, point.quantity, point.org) != (source.meter, source.quantity, case.statement.subject):
        raise VerificationFailed("input-mismatch", "the claim point is another register, or of another organisation",
                                 where=mark)
    if source.start < point.opening or (point.closing is not None and source.closing.position > point.closing):
        raise VerificationFailed("input-mismatch", "the claim point was not open over these serial numbers", where=mark)


def _check_quantity(case: Case, source: RegisterSource) -> None:
    """The quantity is the difference of the two serial numbers, in the base unit of the register."""
    profile = profile_at(case.histories[source.meter], source.closing.time)
    column = profile.column(source.quantity) if profile else None
    difference = source.closing.position - source.start
    try:
        if column is None or Quantity.from_json(source.amount).to(BASE_UNITS[column.unit][0]).value != difference:
            raise VerificationFailed("input-mismatch", f"the quantity is not the register difference {difference}",
                                     where=source.name)
    except InputError as error:
        raise VerificationFailed("input-mismatch", error.message, where=source.name) from None


def _check_uncertainty(case: Case, source: RegisterSource) -> None:
    """What the difference states follows from the accuracy classes that the meter had, as registered before it."""
    since = source.opening.time if source.opening else (source.part or case.statement.period).start
    known = _known(case, source.meter)
    classes = [profile.accuracy_class for profile in profiles_in(known, since, source.closing.time)]
    expected = uncertainty.of_register(classes, source.method)
    if source.uncertainty != expected:
        raise VerificationFailed("input-mismatch", f"the meter's classes give an uncertainty of {expected or 'none'}, "
                                 f"the statement says {source.uncertainty or 'none'}", where=source.name)


def _check_gaps(details: Details) -> None:
    """What stands for a gap states the uncertainty of its rule."""
    for record in (detail.record for detail in details.records if detail.record["kind"] == "input"):
        source = record.get("source")
        if isinstance(source, dict) and source.get("type") == SUBSTITUTION \
                and record.get("uncertainty") != uncertainty.of_substitution(str(source.get("rule"))):
            raise VerificationFailed("input-mismatch", "a substituted gap states another uncertainty than its rule has",
                                     where=str(record.get("name")))
