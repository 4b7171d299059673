"""Files that are no good videos: what can be had, or why nothing can."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import av
import pytest

from media import corners, number_of, numbered_run, quadrants, write_tone, write_video
from reading import refused, seen
from sharegpt4video.errors import VideoError
from sharegpt4video.video.reader import VideoReader
from sharegpt4video.video.streams import opened


class Words:
    def read(self, size: int) -> str:
        return "text"[:size]


def test_every_refusal_says_what_and_why(tmp_path: Path, plain: Path) -> None:
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "words.mp4").write_text("not a video")
    write_tone(tmp_path / "song.m4a")
    assert "No such file" in refused(tmp_path / "none.mp4")
    assert "directory" in refused(tmp_path)
    assert "empty" in refused(tmp_path / "empty.mp4")
    assert "not a video" in refused(str(tmp_path / "words.mp4"))
    assert "no video stream" in refused(tmp_path / "song.m4a")
    assert "not int" in refused(3)
    assert "mode 'rb'" in refused(io.StringIO("text"))
    assert "not bytes" in refused(Words())
    assert "only http" in refused("rtsp://127.0.0.1/stream")
    assert "only http" in refused("concat:///etc/passwd|/etc/hosts")
    assert "No such file" in refused(f"concat:{plain}|{plain}")
    assert "null" in refused("a\0b.mp4").lower()


def test_a_song_with_a_cover_is_not_a_video(tmp_path: Path) -> None:
    path = tmp_path / "song.mp3"
    write_tone(path, codec="libmp3lame")
    jpeg = io.BytesIO()
    write_video(jpeg, [quadrants()], codec="mjpeg", pix_fmt="yuvj420p", container="image2pipe")
    body = b"\0image/jpeg\0\x03\0" + jpeg.getvalue()
    frame = b"APIC" + struct.pack(">I", len(body)) + b"\0\0" + body
    size = bytes(len(frame) >> shift & 0x7F for shift in (21, 14, 7, 0))
    audio = path.read_bytes()
    if audio[:3] == b"ID3":
        audio = audio[
            10
            + int.from_bytes(bytes(4), "big")
            + sum(b << s for b, s in zip(audio[6:10], (21, 14, 7, 0), strict=True)) :
        ]
    path.write_bytes(b"ID3\x03\0\0" + size + frame + audio)
    with av.open(str(path)) as container:
        assert len(container.streams.video) == 1
    assert "no video stream" in refused(path)


@pytest.mark.parametrize(("codec", "suffix", "pix_fmt"), [("mjpeg", "jpg", "yuvj420p"), ("png", "png", "rgb24")])
def test_a_picture_is_a_video_of_one_frame(tmp_path: Path, codec: str, suffix: str, pix_fmt: str) -> None:
    path = tmp_path / f"one.{suffix}"
    write_video(path, [quadrants()], codec=codec, pix_fmt=pix_fmt, container="image2pipe")
    with VideoReader(path) as reader:
        frames = list(reader.frames(every_seconds=2.0))
    assert len(frames) == 1
    assert corners(frames[0].pixels) == "rgbw"
    assert frames[0].seconds == 0.0
    assert frames[0].duration_seconds > 0


def test_a_video_of_one_frame(tmp_path: Path) -> None:
    write_video(tmp_path / "one.mp4", numbered_run(1))
    assert seen(tmp_path / "one.mp4") == [(0, 0.0, 0.04)]


def test_missing_duration_is_none_and_all_frames_come(tmp_path: Path) -> None:
    path = tmp_path / "live.mkv"
    write_video(path, numbered_run(20), container_options={"live": "1"})
    with VideoReader(path) as reader:
        assert reader.info.duration_seconds is None
        assert len(list(reader.decoded())) == 20


def test_a_cut_file_gives_what_is_there_and_says_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "cut.mp4"
    write_video(path, numbered_run(100), container_options={"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with VideoReader(path) as reader:
        numbers = [number_of(decoded.frame().pixels) for decoded in reader.decoded()]
    assert 10 < len(numbers) < 80
    assert numbers[:-1] == list(range(len(numbers) - 1)), "only the last may be damaged"
    assert any("header announces 4.00 s" in warning for warning in reader.warnings)


def test_damage_in_the_middle_costs_only_what_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "hit.mkv"
    write_video(path, numbered_run(60), codec="ffv1", pix_fmt="yuv444p", gop=1, options={"slicecrc": "1"})
    packets, data = [], bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    at = data.index(packets[30])
    data[at : at + len(packets[30])] = b"\xff" * len(packets[30])
    path.write_bytes(data)
    with VideoReader(path) as reader:
        numbers = [number_of(decoded.frame().pixels) for decoded in reader.decoded()]
    assert [n for n in range(60) if n != 30 and n not in numbers] == []
    assert any("damaged" in warning for warning in reader.warnings), reader.warnings


def test_sizes_over_the_limit_are_refused_before_decoding(tmp_path: Path) -> None:
    path = tmp_path / "huge.png"
    write_video(path, [quadrants()], codec="png", pix_fmt="rgb24", container="image2pipe")
    data = bytearray(path.read_bytes())
    data[16:24] = struct.pack(">II", 20_000, 20_000)
    import zlib

    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    path.write_bytes(data)
    refused(path)
    data[16:24] = struct.pack(">II", 17_000, 100)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    path.write_bytes(data)
    assert "limit of 16384" in refused(path)


@pytest.mark.parametrize("name", ["list.m3u8", "list.mp4", "list.ffconcat", "call.sdp", "list.mpd", "frame%03d.png"])
def test_playlists_are_not_followed(tmp_path: Path, plain: Path, name: str) -> None:
    """Each names a good video beside it; none may make the reader open it."""
    (tmp_path / "good.mp4").write_bytes(plain.read_bytes())
    write_video(tmp_path / "good.ts", numbered_run(10))
    write_video(tmp_path / "frame001.png", [quadrants()], codec="png", pix_fmt="rgb24", container="image2pipe")
    texts = {
        "list.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\ngood.ts\n#EXT-X-ENDLIST\n",
        "list.mp4": f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{tmp_path}/good.ts\n#EXT-X-ENDLIST\n",
        "list.ffconcat": "ffconcat version 1.0\nfile good.mp4\n",
        "call.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
        "list.mpd": '<?xml version="1.0"?><MPD type="static"><Period><BaseURL>good.mp4</BaseURL></Period></MPD>',
        "frame%03d.png": "not a picture",
    }
    (tmp_path / name).write_text(texts[name])
    with pytest.raises(VideoError, match="playlists are not followed"), opened(tmp_path / name):
        pass
    assert "not a video in a format that is read here" in refused(tmp_path / name)
    assert "not a video in a format that is read here" in refused(io.BytesIO(texts[name].encode()))
