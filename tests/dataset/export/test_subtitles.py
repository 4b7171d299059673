from pathlib import Path

import pytest

from made_dataset import caption_row, kept, made_store
from sharegpt4video.dataset.export import export
from sharegpt4video.dataset.rows import SourceVideo
from sharegpt4video.errors import SettingsError


def test_subtitles_beside_the_videos(tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    (tmp_path / "videos").mkdir()
    rows = []
    for number in range(2):
        (tmp_path / "videos" / f"{number}.mp4").write_bytes(b"video")
        rows.append(caption_row(number, location=str(tmp_path / "videos" / f"{number}.mp4")))
    rows += [caption_row(2, location="s3://bucket/a.mp4"), caption_row(3, location=f"{tmp_path}/x.zip::a.mp4")]
    store = made_store(tmp_path / "set", rows)
    result = export(store, "srt", "")
    assert result.videos == 2
    assert result.left_out == {"not a file of this machine, so nothing can lie beside it": 2}
    with av.open(str(tmp_path / "videos" / "1.srt")) as container:
        packets = [packet for packet in container.demux() if packet.size]
        times = [(p.pts * p.time_base, (p.pts + p.duration) * p.time_base) for p in packets]
    assert times == [(0, 2), (2, 4), (4, 8)]
    with pytest.raises(SettingsError, match=r"0\.srt: exists"):
        export(store, "srt", "")
    assert export(store, "srt", "", overwrite=True).videos == 2


def test_spans_of_one_file_do_not_fight_for_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"video")
    rows = [caption_row(number, location=str(tmp_path / "a.mp4")) for number in range(2)]
    store = made_store(tmp_path / "set", rows, selected=[kept(0), kept(1)])
    store.append("sources", [SourceVideo(rows[1].id, rows[1].location, start_seconds=0.0, end_seconds=8.0)])
    result = export(store, "vtt", "")
    assert result.videos == 1
    assert result.left_out == {"parts of a longer file (several would need the same name)": 1}
    assert [file.name for file in tmp_path.glob("*.vtt")] == ["a.vtt"]
