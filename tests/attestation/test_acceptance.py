from attestation_helpers import START, Gateway, Node, block

from attestation import series
from core.period import Period


def test_smoke(node: Node, gateway: Gateway) -> None:
    a = gateway.frame(block())
    b = gateway.frame(block(start=START + 60_000, energy=1_000_600))
    d = node.put(a, b, a)
    assert [x.outcome for x in d] == ["accepted", "accepted", "duplicate"], [x.error for x in d]
    assert [x.index for x in d] == [2, 3, 2]
    assert node.flags() == set()
    with node.connection() as c:
        e = series.energy(c, "m:main", "energy", Period(START, START + 120_000))
        assert e.value == 1190
        print(e, series.hourly(c, "m:main", "energy", Period(START - 3600000, START + 3600000)))
        s = series.raw(c, "m:main", "power", Period(START, START + 120_000))
        assert len(s.times) == 120
