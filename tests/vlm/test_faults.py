"""How long to wait before asking a server again."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

from sharegpt4video.vlm.faults import retry_after_seconds


def test_retry_after_is_read_in_all_its_forms() -> None:
    later = datetime.now(timezone.utc) + timedelta(hours=1)
    assert 3000 < (retry_after_seconds({"retry-after": format_datetime(later, usegmt=True)}) or 0) <= 3600
    assert retry_after_seconds({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0
    assert retry_after_seconds({"retry-after": "7"}) == 7
    assert retry_after_seconds({"retry-after-ms": "1500", "retry-after": "7"}) == 1.5
    assert [retry_after_seconds({"retry-after": odd}) for odd in ("soon", "", "-5", "nan", "inf")] == [None] * 5
    assert retry_after_seconds({}) is None
