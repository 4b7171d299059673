"""Over 300 damaged, odd and hostile files: frames in order or a VideoError, but no crash, no hang, no eaten memory.

The files are made from small good ones with a fixed seed and read in worker processes (this file, run as a script)
under a limit on memory and on time for each file.
"""

from __future__ import annotations

import json
import math
import os
import random
import resource
import shutil
import signal
import struct
import subprocess
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SECONDS_PER_FILE = 60
ADDRESS_SPACE_BYTES = 6 << 30
RESIDENT_BYTES = 400 << 20
LARGE_RESIDENT_BYTES = 2 << 30
LARGE = ("gif-large.gif", "large.mkv", "limit.png", "mp4-stsd-large.mp4")
"""Files whose pictures are just within the size limit."""
SMALL_PIXELS = 1 << 20
WORKERS = 2

CONTAINERS: dict[str, dict[str, Any]] = {
    "h264.mp4": {"audio_seconds": (0.0, 0.4)},
    "mpeg4.mp4": {"codec": "mpeg4", "b_frames": 2},
    "h264.mkv": {"b_frames": 2},
    "ffv1.mkv": {"codec": "ffv1", "pix_fmt": "yuv444p"},
    "vp9.webm": {"codec": "libvpx-vp9"},
    "mjpeg.avi": {"codec": "mjpeg", "pix_fmt": "yuvj420p"},
    "mpeg4.avi": {"codec": "mpeg4"},
    "plain.gif": {"codec": "gif", "pix_fmt": "rgb8"},
    "h264.ts": {"audio_seconds": (0.0, 0.4)},
    "plain.flv": {"codec": "flv"},
    "vp8.ogv": {"codec": "libvpx", "container": "ogg"},
    "mpeg2.mpg": {"codec": "mpeg2video"},
    "wmv.asf": {"codec": "wmv2"},
    "hevc.mov": {"codec": "libx265"},
}


def make_corpus(folder: Path) -> list[Path]:
    """Write the corpus; the same bytes each time, but for what encoders put in their headers."""
    chance = random.Random(20261122)
    good = dict(_good_files(folder))
    files: dict[str, bytes] = {}
    for name, data in good.items():
        stem, _, suffix = name.rpartition(".")
        for at, damaged in enumerate(_truncated(data)):
            files[f"{stem}-cut{at}.{suffix}"] = damaged
        for at in range(10):
            files[f"{stem}-flip{at}.{suffix}"] = _flipped(data, chance, head_only=at % 2 == 0)
        files[f"{stem}-hole.{suffix}"] = data[: len(data) // 3] + bytes(len(data) // 4) + data[len(data) * 7 // 12 :]
        files[f"{stem}-lost.{suffix}"] = data[: len(data) // 3] + data[len(data) // 2 :]
        files[f"{stem}-twice.{suffix}"] = data + data
        files[f"{stem}-padded.{suffix}"] = data + chance.randbytes(5000)
        other = chance.choice(sorted(good))
        files[f"{stem}-then-{other}"] = data + good[other]
        files[f"{stem}-called.{chance.choice(('txt', 'jpg', 'm3u8', 'avi', 'mp4', 'gif'))}"] = data
    files |= dict(_patched_headers(good)) | dict(_not_videos(chance)) | dict(_pictures())
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return sorted(path for path in folder.iterdir() if path.is_file())


def _good_files(folder: Path) -> Iterator[tuple[str, bytes]]:
    from media import numbered_run, write_video

    pictures = numbered_run(12)
    for name, how in CONTAINERS.items():
        write_video(folder / name, pictures, gop=5, **how)
        yield name, (folder / name).read_bytes()
    write_video(folder / "tiny.mkv", numbered_run(3, 1, 1), codec="ffv1", pix_fmt="yuv444p")
    write_video(folder / "thin.mov", numbered_run(3, 1, 200), codec="png", pix_fmt="rgb24")
    write_video(folder / "odd.mp4", numbered_run(3, 33, 17), pix_fmt="yuv444p")
    write_video(folder / "fast.mp4", numbered_run(40), fps=10_000)
    write_video(folder / "one.mp4", numbered_run(1))
    write_video(folder / "large.mkv", numbered_run(1, 8192, 4096))
    write_video(folder / "flat.mov", numbered_run(1, 16384, 8), codec="png", pix_fmt="rgb24")


def _truncated(data: bytes) -> Iterator[bytes]:
    for size in (1, 7, 40, 300, *(len(data) * share // 100 for share in (20, 50, 80, 99)), len(data) - 1):
        yield data[:size]


def _flipped(data: bytes, chance: random.Random, *, head_only: bool) -> bytes:
    damaged = bytearray(data)
    reach = min(1500, len(data)) if head_only else len(data)
    for _ in range(chance.choice((1, 4, 16, 64))):
        damaged[chance.randrange(reach)] ^= 1 << chance.randrange(8)
    return bytes(damaged)


Patch = Callable[[bytes], bytes]


def _after(tag: bytes, offset: int, value: bytes) -> Patch:
    """Overwrite bytes `offset` after each place where `tag` stands."""

    def patch(data: bytes) -> bytes:
        damaged, at = bytearray(data), data.find(tag)
        while at >= 0:
            start = at + len(tag) + offset
            damaged[start : start + len(value)] = value
            at = data.find(tag, at + 1)
        return bytes(damaged[: len(data)])

    return patch


def _patched_headers(good: dict[str, bytes]) -> Iterator[tuple[str, bytes]]:
    tables = (
        ("mp4", "h264.mp4", _mp4_patches()),
        ("webm", "vp9.webm", _webm_patches()),
        ("avi", "mjpeg.avi", _avi_patches()),
        ("gif", "plain.gif", _gif_patches()),
    )
    for ending, source, patches in tables:
        for name, patch in patches.items():
            yield f"{ending}-{name}.{ending}", patch(good[source])
    yield from _patched_packets(good["h264.ts"])


def _mp4_patches() -> dict[str, Patch]:
    big, huge = struct.pack(">I", 0x7FFFFFFF), b"\xff\xff\xff\xff"
    return {
        "tkhd-size": _after(b"tkhd", 76, struct.pack(">II", 60000 << 16, 60000 << 16)),
        "stsd-size": _after(b"avc1", 24, struct.pack(">HH", 65535, 65535)),
        "stsd-large": _after(b"avc1", 24, struct.pack(">HH", 9000, 7000)),
        "stsd-zero": _after(b"avc1", 24, bytes(4)),
        "codec": _after(b"avc", 0, b"z"),
        "scale-zero": _after(b"mdhd", 12, bytes(4)),
        "scale-one": _after(b"mdhd", 12, struct.pack(">I", 1)),
        "scale-huge": _after(b"mdhd", 12, huge),
        "movie-scale": _after(b"mvhd", 12, bytes(4)),
        "movie-length": _after(b"mvhd", 16, huge),
        "stts-count": _after(b"stts", 4, huge),
        "stts-delta": _after(b"stts", 12, big),
        "stts-zero": _after(b"stts", 12, bytes(4)),
        "stts-negative": _after(b"stts", 12, huge),
        "stsz-count": _after(b"stsz", 8, huge),
        "stsz-size": _after(b"stsz", 12, big * 3),
        "stco-far": _after(b"stco", 8, big),
        "stsc-chunks": _after(b"stsc", 8, huge * 2),
        "edit-late": _after(b"elst", 12, big),
        "edit-negative": _after(b"elst", 12, b"\xff\xff\xff\xfe"),
        "edit-many": _after(b"elst", 4, struct.pack(">I", 1 << 20)),
        "matrix": _after(b"tkhd", 40, struct.pack(">9i", 1, 2, 3, 4, 5, 6, 7, 8, 9)),
        "matrix-zero": _after(b"tkhd", 40, bytes(36)),
        "box-size": _after(b"moov", 0, huge),
        "box-self": _after(b"trak", -8, bytes(4)),
        "sps": _after(b"avcC", 8, bytes(12)),
    }


def _webm_patches() -> dict[str, Patch]:
    return {
        "width": _after(b"\xb0\x81", 0, b"\xff"),
        "scale-zero": _after(b"\x2a\xd7\xb1\x83", 0, bytes(3)),
        "scale-huge": _after(b"\x2a\xd7\xb1\x83", 0, b"\xff" * 3),
        "codec": _after(b"V_VP", 0, b"7"),
        "cluster-time": _after(b"\xe7\x81", 0, b"\xff"),
    }


def _avi_patches() -> dict[str, Patch]:
    little = struct.Struct("<I").pack
    return {
        "size": _after(b"avih", 36, little(60000) * 2),
        "frame-size": _after(b"strf", 8, little(1 << 20) * 2),
        "frame-negative": _after(b"strf", 12, little(0x80000000)),
        "scale-zero": _after(b"vids", 16, bytes(4)),
        "rate-zero": _after(b"vids", 20, bytes(4)),
        "rate-huge": _after(b"vids", 20, little(0xFFFFFFFF)),
        "start": _after(b"vids", 24, little(0x7FFFFFFF)),
        "index": _after(b"idx1", 0, little(0xFFFFFFF0)),
    }


def _gif_patches() -> dict[str, Patch]:
    return {
        "screen": _after(b"GIF89a", 0, b"\xff\xff\xff\xff"),
        "large": _after(b"GIF89a", 0, struct.pack("<HH", 6000, 5000)),
        "frame": _after(b"\x2c", 4, b"\xff\xff\xff\xff"),
        "delay": _after(b"\x21\xf9\x04", 1, b"\xff\xff"),
        "nodelay": _after(b"\x21\xf9\x04", 1, b"\x00\x00"),
    }


def _patched_packets(stream: bytes) -> Iterator[tuple[str, bytes]]:
    packets = [stream[at : at + 188] for at in range(0, len(stream), 188)]
    shuffled = packets[:6] + random.Random(3).sample(packets[6:], len(packets) - 6)
    yield "ts-shuffled.ts", b"".join(shuffled)
    yield "ts-reversed.ts", b"".join(reversed(packets))
    yield "ts-late.ts", b"".join(packets[len(packets) // 3 :])
    yield "ts-holes.ts", b"".join(packet for at, packet in enumerate(packets) if at % 5)
    yield "ts-noise.ts", b"".join(packet if at % 4 else bytes(188) for at, packet in enumerate(packets))


def _not_videos(chance: random.Random) -> Iterator[tuple[str, bytes]]:
    yield "empty.mp4", b""
    yield "zeros.mp4", bytes(100_000)
    yield "ones.mkv", b"\xff" * 100_000
    for suffix in ("mp4", "mkv", "ts", "avi", "h264", "bin", "mpg", "mjpeg"):
        yield f"noise.{suffix}", chance.randbytes(60_000)
    for suffix in ("mp4", "txt", "srt", "ass", "nfo", "csv", "json", "svg"):
        yield f"words.{suffix}", b"00:00:01,000 --> 00:00:02,000\nThis is not a video.\n" * 200
    yield "list.m3u8", b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nh264.ts\n#EXT-X-ENDLIST\n"
    yield "list.mp4", b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"
    yield "list.ffconcat", b"ffconcat version 1.0\nfile h264.mp4\n"
    yield "list.mpd", b'<?xml version="1.0"?><MPD><Period><BaseURL>h264.mp4</BaseURL></Period></MPD>'
    yield (
        "call.sdp",
        b"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
    )
    yield "page.html", b"<!DOCTYPE html><html><body>404</body></html>" * 30
    yield "archive.mp4", b"PK\x03\x04" + chance.randbytes(3000)
    yield "program.mp4", b"\x7fELF" + chance.randbytes(3000)
    yield "picture%03d.jpg", b"\xff\xd8\xff\xe0" + bytes(50)
    yield "lone-ftyp.mp4", struct.pack(">I", 24) + b"ftypisom\0\0\2\0isommp41"
    yield "nested.mp4", _nested_boxes(3000)
    yield (
        "huge-box.mp4",
        struct.pack(">I", 24) + b"ftypisom\0\0\2\0isommp41" + struct.pack(">I4sQ", 1, b"moov", 1 << 62),
    )


def _nested_boxes(depth: int) -> bytes:
    data = b""
    for _ in range(depth):
        data = struct.pack(">I", len(data) + 8) + b"moov" + data
    return struct.pack(">I", 24) + b"ftypisom\0\0\2\0isommp41" + data


def _png(width: int, height: int, rows: bytes) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def _pictures() -> Iterator[tuple[str, bytes]]:
    yield "good.png", _png(4, 2, (b"\0" + bytes(12)) * 2)
    yield "good-called.mp4", _png(4, 2, (b"\0" + bytes(12)) * 2)
    yield "bomb.png", _png(50_000, 50_000, bytes(10_000_000))
    yield "bomb-wide.png", _png(2_000_000_000, 1, bytes(1000))
    yield "limit.png", _png(16_384, 4_096, bytes(1000))
    yield "zero.png", _png(0, 0, b"")
    yield "short.png", _png(400, 400, bytes(50))


@dataclass(frozen=True)
class Outcome:
    name: str
    kind: str
    detail: str = ""


def run_worker(folder: Path, names: list[str]) -> list[Outcome]:
    """Read the files in one process, in a fresh one again after each file that ends it."""
    outcomes: list[Outcome] = []
    while names:
        done = subprocess.run(
            [sys.executable, __file__, str(folder)],
            input="\n".join(names),
            capture_output=True,
            text=True,
            timeout=SECONDS_PER_FILE * len(names),
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        finished = [Outcome(*line[1:]) for line in lines if line[0] == "end"]
        outcomes += finished
        if done.stderr.strip():
            outcomes.append(Outcome(finished[-1].name if finished else "?", "noise", done.stderr[-2000:]))
        names = names[len(finished) :]
        if names and done.returncode == 0:
            raise AssertionError(f"the worker stopped early: {done.stderr}")
        if names:
            outcomes.append(
                Outcome(
                    names[0],
                    f"ended by {signal.Signals(-done.returncode).name}"
                    if done.returncode < 0
                    else f"exit {done.returncode}",
                    done.stderr[-2000:],
                )
            )
            names = names[1:]
    return outcomes


def test_corpus_gives_frames_or_video_errors(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    names = [path.name for path in make_corpus(tmp_path)]
    assert len(names) >= 300
    with ThreadPoolExecutor(WORKERS) as pool:
        batches = [names[at::WORKERS] for at in range(WORKERS)]
        outcomes = [
            outcome for batch in pool.map(lambda batch: run_worker(tmp_path, batch), batches) for outcome in batch
        ]
    bad = [outcome for outcome in outcomes if outcome.kind not in ("frames", "VideoError")]
    assert not bad, "\n".join(f"{outcome.name}: {outcome.kind}: {outcome.detail}" for outcome in bad)
    assert sorted(outcome.name for outcome in outcomes) == sorted(names)
    kinds = Counter(outcome.kind for outcome in outcomes)
    by_name = {outcome.name: outcome.kind for outcome in outcomes}
    assert kinds["frames"] > 100 < kinds["VideoError"] + 50
    for name in (*CONTAINERS, "tiny.mkv", "thin.mov", "odd.mp4", "fast.mp4", "one.mp4", "large.mkv", "good-called.mp4"):
        assert by_name[name] == "frames", name
    for name in (
        "empty.mp4",
        "words.txt",
        "list.m3u8",
        "list.mp4",
        "list.ffconcat",
        "call.sdp",
        "bomb.png",
        "noise.bin",
    ):
        assert by_name[name] == "VideoError", name
    shutil.rmtree(tmp_path)


def read_fully(path: Path) -> tuple[str, str]:
    """Read a file every way there is; raises AssertionError where times are not in order."""
    from sharegpt4video.errors import VideoError
    from sharegpt4video.video.reader import VideoReader

    try:
        with VideoReader(path) as reader:
            before, count = -math.inf, 0
            for decoded in reader.decoded():
                assert before < decoded.seconds < decoded.end_seconds < math.inf, f"{before} then {decoded}"
                before, count = decoded.seconds, count + 1
                decoded.small(32)
                if count == 1 or decoded.width * decoded.height <= SMALL_PIXELS:
                    decoded.frame()
            if reader.info.width * reader.info.height > SMALL_PIXELS:
                return "frames", f"{count} {'; '.join(reader.warnings)}"
            some = [frame.seconds for frame in reader.frames(every_seconds=0.1, side_pixels=16)]
            assert some == sorted(set(some)), some
            middle = (reader.info.first_seconds + before) / 2
            list(reader.frames(at_seconds=[middle], side_pixels=16))
            lost = "; ".join(reader.warnings)
    except VideoError as error:
        helpful = path.name in str(error) and len(str(error)) > len(path.name) + 20
        return "VideoError" if helpful else "a VideoError that says nothing", str(error)
    return "frames", f"{count} {lost}"


def _work(folder: Path) -> None:
    """Read the files named on stdin; one line of JSON for each on stdout. A hang ends the process."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE_BYTES, ADDRESS_SPACE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for name in sys.stdin.read().splitlines():
        signal.alarm(SECONDS_PER_FILE)  # its default action ends the process, even inside FFmpeg
        _forget_peak()
        try:
            kind, detail = read_fully(folder / name)
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is the finding
            kind, detail = type(error).__name__, repr(error)
        signal.alarm(0)
        limit = LARGE_RESIDENT_BYTES if name in LARGE else RESIDENT_BYTES
        if (peak := _peak_bytes()) > limit:
            kind, detail = "memory", f"{peak >> 20} MiB after {kind} {detail}"
        sys.stdout.write(json.dumps(["end", name, kind, detail]) + "\n")
        sys.stdout.flush()


def _forget_peak() -> None:
    if Path("/proc/self/clear_refs").exists():
        Path("/proc/self/clear_refs").write_text("5")


def _peak_bytes() -> int:
    """The most memory the process held since `_forget_peak` (since its start where the system cannot tell)."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(peak.split()[1]) * 1024


if __name__ == "__main__":
    _work(Path(sys.argv[1]))
