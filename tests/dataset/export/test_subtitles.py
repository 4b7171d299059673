from dataclasses import replace
from pathlib import Path

import pytest

from made_dataset import MADE, caption_row, kept, made_store
from sharegpt4video.dataset.export import export
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
    assert times == [(0, 1), (1, 2), (2, 4), (4, 8)]
    with pytest.raises(SettingsError, match=r"0\.srt: exists"):
        export(store, "srt", "")
    assert export(store, "srt", "", overwrite=True).videos == 2


def test_spans_of_one_file_do_not_fight_for_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"video")
    rows = [caption_row(number, location=str(tmp_path / "a.mp4")) for number in range(2)]
    rows[1] = replace(rows[1], provenance=replace(MADE, settings={"start_seconds": 0.0, "end_seconds": 8.0}))
    store = made_store(tmp_path / "set", rows, selected=[kept(0), kept(1)])
    result = export(store, "vtt", "")
    assert result.videos == 1
    assert result.left_out == {"videos that are part of a longer file (several would need the same name beside it)": 1}
    assert [file.name for file in tmp_path.glob("*.vtt")] == ["a.vtt"]


@pytest.mark.parametrize("name", ["é" * 125 + ".mp4", "x" * 252 + ".ts", "x" * 251 + ".mkv"])
def test_a_name_as_long_as_can_be_gets_its_subtitles(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"video")
    store = made_store(tmp_path / "set", [caption_row(0, location=str(tmp_path / name))])
    assert export(store, "srt", "").videos == 1
    (found,) = tmp_path.glob("*.srt")
    assert found.stem[:100] == name[:100]


def test_videos_that_differ_in_their_ending_both_get_subtitles(tmp_path: Path) -> None:
    rows = []
    for number, name in enumerate(("a.mp4", "a.mkv")):
        (tmp_path / name).write_bytes(b"video")
        rows.append(caption_row(number, location=str(tmp_path / name)))
    for overwrite in (False, True):
        result = export(made_store(tmp_path / f"set{overwrite}", rows), "srt", "", overwrite=overwrite)
        assert result.videos == 2
        assert "in their name" in result.text()
    assert {file.name for file in tmp_path.glob("*.srt")} == {"a.srt", "a.mkv.srt"}
    assert (tmp_path / "a.srt").read_text("utf-8") != (tmp_path / "a.mkv.srt").read_text("utf-8")
