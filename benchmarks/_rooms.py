"""The benchmarks that ``rooms.py`` runs, and where their headline figures stand in what they print."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

NUMBER = r"(?P<value>\d[\d,]*(?:\.\d+)?)"
Better = Literal["more", "less"]


@dataclass(frozen=True)
class Figure:
    """A number in the output: ``#`` in the pattern stands for it, and a blank for any blanks."""

    name: str
    unit: str
    better: Better
    pattern: str

    def value(self, output: str) -> float:
        """The number; raises ValueError where the output has none, or more than one."""
        found = re.findall(self.pattern.replace(" ", r"[ \t]+").replace("#", NUMBER), output, re.MULTILINE)
        if len(found) != 1:
            raise ValueError(f"{self.name}: {len(found)} places in the output match {self.pattern!r}, not one")
        return float(found[0].replace(",", ""))


@dataclass(frozen=True)
class Benchmark:
    """A run of a script with its arguments; a script may have several."""

    name: str
    room: str
    arguments: str
    figures: tuple[Figure, ...]

    @property
    def command(self) -> list[str]:
        return ["python", *f"benchmarks/{self.arguments}".split()]

    @property
    def script(self) -> str:
        return self.arguments.split()[0]


def benchmark(name: str, room: str, arguments: str, *figures: tuple[str, str, Better, str]) -> Benchmark:
    return Benchmark(name, room, arguments, tuple(Figure(*figure) for figure in figures))


BENCHMARKS = (
    benchmark(
        "decode", "Reading", "decode.py --minutes 1 10",
        ("one frame every 2 s of a minute", "CPU s", "less", r"one frame every 2 s\n sharegpt4video # s"),
        ("PyAV decoding all, relative to ours", "x", "more", r"one frame every 2 s\n.*\n PyAV, .* # x"),
        ("one frame every 20 s of a minute", "CPU s", "less", r"one frame every 20 s\n sharegpt4video # s"),
        ("PyAV alone, relative to every frame with its time", "x", "more", r"times only .*\n.*\n.*\n PyAV, .* s # x"),
        ("memory, ten minutes of 1080p", "MiB", "less", r"one frame every 2 s 10 min \d+ frames # MiB"),
    ),
    benchmark(
        "peers", "Beside peers", "peers.py --heights 720 --rounds 1",
        ("decode, relative to PyAV", "x", "less", r"sharegpt4video, decode .* s # x"),
        ("shots", "x", "less", r"sharegpt4video, shots .* s # x"),
        ("shots and keyframes", "x", "less", r"sharegpt4video, keyframes .* s # x"),
        ("caption with the embedded model", "x", "less", r"sharegpt4video, caption .* s # x"),
    ),
    benchmark(
        "transitions", "Shots", "transitions.py --quick",
        ("F1 of cuts", "%", "more", r"^sharegpt4video .*\n cuts .* F1 # "),
        ("F1 of fades", "%", "more", r"^sharegpt4video .*\n.*\n fades .* F1 # "),
        ("time a frame", "ms", "less", r"^sharegpt4video # ms/frame"),
        ("F1 of cuts, without the network", "%", "more", r"verify_cuts: false .*\n cuts .* F1 # "),
        ("F1 of fades, without the network", "%", "more", r"verify_cuts: false .*\n.*\n fades .* F1 # "),
        ("time relative to PySceneDetect Adaptive, without the network", "x", "less", r"verify_cuts: false .*\(# x"),
    ),
    benchmark(
        "cuts", "Shots, real videos", "cuts.py",
        ("precision", "%", "more", r"^ours precision # "),
        ("recall", "%", "more", r"^ours precision \S+ recall # "),
        ("a minute of video", "CPU s", "less", r"^ours precision .* # CPU s"),
    ),
    benchmark(
        "keyframes", "Keyframes", "keyframes.py --seconds 60 --minutes 1 2",
        ("a minute of 720p", "s", "less", r"^sharegpt4video .* kept, # s"),
        ("time relative to the published procedure", "x", "less", r"^ours / published: .* seconds #,"),
        ("memory", "MB", "less", r"^sharegpt4video .* peak # MB"),
    ),
    benchmark(
        "encoder_threshold", "Keyframes, encoder", "encoder_threshold.py",
        ("AUC", "", "more", r"^stage32, 3 x 3 # "),
        ("same scenes kept together", "%", "more", r"^ 0\.95: same held #%"),
        ("changes found", "%", "more", r"^ 0\.95: same held .* changes found #%"),
    ),
    benchmark(
        "camera_moves", "Camera", "camera_moves.py --quick",
        ("moves in the right direction", "%", "more", r"^all moves \d+/\d+ #% "),
        ("no move where there is none", "%", "more", r"^static \d+/\d+ #% "),
        ("a pair of pictures", "ms", "less", r"^# ms per pair"),
    ),
    benchmark(
        "stillness", "Stillness", "stillness.py --takes 1",
        ("'still' true", "%", "more", r"^'still': #% true"),
        ("'moves' true", "%", "more", r"^'moves': #% true"),
    ),
    benchmark(
        "camera_travel", "Travel", "camera_travel.py",
        ("moves told", "%", "more", r"^all \d+/\d+ #%"),
        ("a take", "CPU s", "less", r"^# s of CPU a take"),
    ),
    benchmark("tracks", "Objects", "tracks.py", ("described correctly", "%", "more", r"^all \d+ #% ")),
    benchmark(
        "captioning", "Captioning", "captioning.py",
        ("a minute of 720p", "s", "less", r"one pass \S+ # "),
        ("CPU time of it", "CPU s", "less", r"one pass \S+ \S+ # "),
    ),
    benchmark("cast", "Cast", "cast.py", ("in a subject's usual words", "%", "more", r"^\| with a cast \| # %")),
    benchmark(
        "verify", "Verifying", "verify.py",
        ("contradictions seen", "%", "more", r"^all \d+ \d+ #%"),
        ("true answers doubted", "%", "less", r"doubted \(#%\)"),
    ),
    benchmark(
        "real_videos", "Real video", "real_videos.py --examples 0",
        ("claims true", "%", "more", r"^all \d+ \d+ \d+ #%"),
        ("claims about content true", "%", "more", r"^content \d+ \d+ \d+ #%"),
        ("playing time for a second of CPU", "s", "more", r"s of processor \(# seconds of video"),
    ),
    benchmark(
        "engine", "Engine", "engine.py",
        ("16 slots, share of the ideal", "%", "more", r"^ 16 \d+ #% \S+% \S+% "),
        ("64 slots, share of the ideal", "%", "more", r"^ 64 \d+ #% \S+% \S+% "),
        ("a request", "CPU ms", "less", r"^ 16 \d+ \S+ \S+ \S+% #$"),
    ),
    benchmark(
        "concurrency", "Concurrency", "concurrency.py --servers 16",
        ("median share of the best fixed number", "%", "more", r"median #%"),
        ("lowest share", "%", "more", r"lowest #%"),
    ),
    benchmark(
        "build_embedded", "A whole build", "build.py --only embedded",
        ("videos a minute", "videos/min", "more", r"^videos a minute #"),
        ("surveying a second of video", "CPU s", "less", r"^survey .* time, # for"),
        ("captioning a second of video", "CPU s", "less", r"^read .* time, # for"),
    ),
    benchmark(
        "build_decodes", "A whole build", "build.py --quick --only decodes",
        ("CPU time relative to decoding", "x", "less", r"^facts measured, 1 decode \S+ s #"),
        ("without facts", "x", "less", r"^facts left out, 1 decode \S+ s #"),
    ),
    benchmark(
        "order", "A whole build", "order.py",
        ("short clips done, film listed last", "simulated s", "less", r"^nothing compared film last .* done # s"),
        ("film listed first", "simulated s", "less", r"^nothing compared film first .* done # s"),
        ("film first, near-duplicates", "simulated s", "less", r"^near-duplicates film first .* done # s"),
    ),
    benchmark(
        "survey", "Surveying", "survey.py",
        ("CPU time relative to decoding", "x", "less", r"^survey \S+ \S+ \S+ # "),
        ("caption, relative to decoding", "x", "less", r"^caption \S+ \S+ \S+ # "),
    ),
    benchmark(
        "million", "100,000 videos", "million.py --rows 100000",
        ("resume", "CPU s", "less", r"^ 100000 resume \S+ # "),
        ("status", "CPU s", "less", r"^ 100000 status \S+ # "),
        ("filter", "CPU s", "less", r"^ 100000 filter \S+ # "),
        ("filter, with groups", "CPU s", "less", r"^ 100000 filter, with groups \S+ # "),
        ("export sharegpt4video", "CPU s", "less", r"^ 100000 export sharegpt4video \S+ # "),
        ("export csv", "CPU s", "less", r"^ 100000 export csv \S+ # "),
        ("report", "CPU s", "less", r"^ 100000 report \S+ # "),
        ("memory, resume", "MB", "less", r"^ 100000 resume \S+ \S+ #\b"),
        ("memory, filter with groups", "MB", "less", r"^ 100000 filter, with groups \S+ \S+ #\b"),
    ),
    benchmark(
        "store", "Store, 10,000 rows", "store.py --quick",
        ("write", "CPU s", "less", r"^ 10000 write \S+ # "),
        ("read rows", "CPU s", "less", r"^ 10000 read rows \S+ # "),
    ),
    benchmark(
        "web_million", "Browsing 10,000", "web_million.py --quick",
        ("catalogue made", "CPU s", "less", r"^ 10000 catalogue, first time CPU s #"),
        ("first page", "ms", "less", r"^ 10000 catalogue first page #"),
        ("number filter, with the count", "ms", "less", r"^ 10000 catalogue number filter #"),
        ("a word that all captions have", "ms", "less", r"^ 10000 catalogue words, frequent #"),
        ("words and a filter", "ms", "less", r"^ 10000 catalogue words and a filter #"),
        ("videos that look alike", "ms", "less", r"^ 10000 catalogue like a video #"),
        ("memory", "MB", "less", r"^ 10000 catalogue peak MB #"),
    ),
    benchmark(
        "dedup", "Copies found", "dedup.py --quick --only quality",
        ("share of copies found", "", "more", r"^our rule, 8 bits, 0\.90 # "),
        ("wrong pairs", "", "less", r"^our rule, 8 bits, 0\.90 \S+ \S+ #"),
        ("without embeddings", "", "more", r"^our rule, 8 bits, no embeddings # "),
    ),
    benchmark(
        "novelty", "Novelty, 10,000 texts", "novelty.py --quick",
        ("all compared", "s", "less", r"^ 10,000 all compared # "),
        ("decisions right", "", "more", r"^ 10,000 all compared \S+ \S+ \S+ #$"),
    ),
    benchmark(
        "checks", "Checks", "checks.py",
        ("direction swapped", "%", "more", r"^direction swapped \d+ #%"),
        ("count changed", "%", "more", r"^count changed \d+ #%"),
        ("colour changed in the summary", "%", "more", r"^colour changed in the summary \d+ #%"),
        ("events swapped in prose", "%", "more", r"^two events .* \d+ #%"),
        ("true captions flagged", "%", "less", r"^true captions from facts: \d+ captions, #%"),
        ("checked on one core", "captions/s", "more", r"^# captions \("),
    ),
    benchmark(
        "compare", "Comparing", "compare.py --rows 4000",
        ("4,000 videos captioned twice", "CPU s", "less", r"^4000 videos: \S+ s, # CPU s"),
        ("memory", "MB", "less", r"^4000 videos: .* peak # MB"),
    ),
    benchmark(
        "export", "Export, 10,000 videos", "export.py --quick --formats sharegpt4video parquet",
        ("sharegpt4video", "s", "less", r"^ sharegpt4video # "),
        ("parquet", "s", "less", r"^ parquet # "),
    ),
    benchmark(
        "report", "Report, 10,000 rows", "report.py --rows 10000",
        ("report", "CPU s", "less", r"^ 10000 report \S+ # "),
        ("rows in a second, relative to reading rows", "x", "more", r"^report / rows: # times"),
    ),
    benchmark(
        "cutting", "Cutting", "cutting.py --quick",
        ("half a minute of 720p copied", "CPU s", "less", r"^copied \S+ # "),
        ("re-encoded", "CPU s", "less", r"^re-encoded, preset fast \S+ # "),
    ),
    benchmark(
        "web_load", "The pages", "web_load.py --quick",
        ("a page, median", "s", "less", r"^pages \d+, median # s"),
        ("a page, 95 %", "s", "less", r"^pages .* p95 # s"),
        ("memory of the server", "MB", "less", r"^memory, peak server # MB"),
    ),
    benchmark(
        "t2v_export", "Clips for trainers", "t2v_export.py --clips 400 --trainers open-sora",
        ("export, every clip cut", "CPU ms", "less", r"^open-sora export, cutting 400 \S+ \S+ # "),
        ("export again", "CPU ms", "less", r"^open-sora export again 400 \S+ \S+ # "),
        ("lint", "CPU ms", "less", r"^open-sora lint 400 \S+ \S+ # "),
        ("lint, no files", "CPU ms", "less", r"^open-sora lint, no files 400 \S+ \S+ # "),
        ("memory", "MB", "less", r"^open-sora export, cutting 400 \S+ \S+ \S+ #$"),
    ),
    benchmark(
        "t2v_budget", "Events kept", "t2v_budget.py",
        ("events of the closed world, CLIP-77", "%", "more", r"^scenes .*\n(?:.*\n)*?\| CLIP-77 \|(?: \S+ \|){3} #% "),
        ("T5-226", "%", "more", r"^scenes .*\n(?:.*\n)*?\| T5-226 \|(?: \S+ \|){3} #% "),
    ),
    benchmark(
        "world", "Closed world", "world.py --clips 20",
        ("facts all right, hard, 128x128", "%", "more", r"^\| hard 128x128 \| # "),
        ("hard, crf 23", "%", "more", r"^\| hard 128x128, crf 23 \| # "),
        ("hard, noise 0.1", "%", "more", r"^\| hard 128x128, noise 0\.1 \| # "),
        ("simple, 32x32", "%", "more", r"^\| simple 32x32 \| # "),
    ),
    benchmark(
        "sft_data", "Training data", "sft_data.py --clips 8",
        ("samples of one core, from videos", "samples/s", "more", r"^ 0 # \S+$"),
        ("samples of one core, from rendered grids", "samples/s", "more", r"^ 0 \S+ #$"),
        ("rows of 8,192 full", "%", "more", r"^rows of 8192: .*\), # % full"),
        ("rows of 16,384 full", "%", "more", r"^rows of 16384: .*\), # % full"),
    ),
    benchmark(
        "captions_answer", "Scores of captions", "captions_answer.py --videos 300",
        ("dense, TempCompass' aspects", "", "more", r"^\W+ TempCompass.*\n\n.*\n.*\n\| dense \| # "),
        ("dense, MVBench's tasks", "", "more", r"^\W+ MVBench.*\n\n.*\n.*\n\| dense \| # "),
    ),
    benchmark(
        "local_judge", "Local judge", "local_judge.py ../shared/eval/tempcompass --words-alone",
        ("agrees on captions", "%", "more", r"^captioning, unseen videos \d+ # "),
        ("agrees on all", "%", "more", r"^all formats \d+ # "),
    ),
)  # fmt: skip

LEFT_OUT = {
    "chain_captions.py": "needs a trained captioner",
    "proof_captioner.py": "trains models for hours",
    "proof_preferences.py": "trains models for hours",
    "proof_t2v.py": "trains models for hours",
    "proof_understanding.py": "trains models for hours",
    "sharecaptioner.py": "needs a GPU",
    "train_speed.py": "needs a GPU",
}


def picked(benchmark: Benchmark, output: str) -> list[dict[str, Any]]:
    """Its figures as they are kept; raises ValueError where one is not in the output."""
    try:
        return [
            {"name": figure.name, "value": figure.value(output), "unit": figure.unit, "better": figure.better}
            for figure in benchmark.figures
        ]
    except ValueError as fault:
        raise ValueError(f"{benchmark.name}, {fault}") from None
