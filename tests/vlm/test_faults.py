"""How long to wait before asking a server again."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

from sharegpt4video.vlm.faults import Fault, retry_after_seconds
from sharegpt4video.vlm.pace import Pace


def test_retry_after_is_read_in_all_its_forms() -> None:
    later = datetime.now(timezone.utc) + timedelta(seconds=30)
    assert 27 < (retry_after_seconds({"retry-after": format_datetime(later, usegmt=True)}) or 0) <= 30
    assert retry_after_seconds({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0
    assert retry_after_seconds({"retry-after": "7"}) == 7
    assert retry_after_seconds({"retry-after-ms": "1500", "retry-after": "7"}) == 1.5
    assert [retry_after_seconds({"retry-after": odd}) for odd in ("soon", "", "-5", "nan", "inf")] == [None] * 5
    assert retry_after_seconds({}) is None


def test_waits_double_vary_and_stay_under_the_cap() -> None:
    paces = [Pace(6, 1000.0, 1.0, 10.0) for _ in range(50)]
    waits = [[pace.wait_seconds(Fault("x")) for _ in range(7)] for pace in paces]
    for wanted, found in zip((1, 2, 4, 8, 10, 10), zip(*waits, strict=True), strict=False):
        assert all(wait is not None and wanted <= wait <= wanted * 1.25 for wait in found)
        assert len(set(found)) > 1
    assert {wait for *_, wait in waits} == {None}
    assert 10 <= (Pace(1, 1000.0, 1.0, 10.0).wait_seconds(Fault("x", wait_seconds=3600)) or 0) <= 12.5
