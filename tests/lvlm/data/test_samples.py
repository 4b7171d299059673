from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharegpt4video.errors import SettingsError
from sharegpt4video.lvlm.data.index import spans
from sharegpt4video.lvlm.data.samples import SampleError, read_samples
from sharegpt4video.lvlm.settings import DataSource

ASKED = {"from": "human", "value": "<image>\nWhat?"}
SAID = {"from": "gpt", "value": "That."}


def written(tmp_path: Path, samples: list[Any], *, lines: bool = False, name: str = "train.json") -> DataSource:
    path = tmp_path / name
    path.write_text("\n".join(map(json.dumps, samples)) if lines else json.dumps(samples))
    return DataSource(str(path))


def one(**changes: Any) -> dict[str, Any]:
    return {"id": "a", "image": "a.png", "conversations": [ASKED, SAID], **changes}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(st.text(), JSON, max_size=3), min_size=1, max_size=4), st.sampled_from([None, 0, 3]))
def test_the_index_finds_what_json_finds(tmp_path_factory: Any, plain: list[Any], indent: int | None) -> None:
    folder = tmp_path_factory.mktemp("index")
    for name, text in {
        "list.json": json.dumps(plain, indent=indent, ensure_ascii=False),
        "lines.jsonl": "\ufeff" + "".join(json.dumps(value) + "\n \n" for value in plain),
    }.items():
        path = folder / name
        path.write_text(text, encoding="utf-8")
        data = path.read_bytes()
        assert [json.loads(data[begin:end]) for begin, end in spans(path)] == plain


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        (" \n", "empty"),
        ("[]", "no sample"),
        ("id,caption\n", "not JSON"),
        ('[{"a": 1}, 5, {"b": 2}]', "stands where a sample should"),
        ('[{"a": 1} {"b": 2}]', "stands where a sample should"),
        ('[{"a": 1}, {"b"', "cut off"),
        ('{"data": [\n{"a": 1}]}', "neither a JSON list nor JSON lines"),
        ('[{"caption": "x"}]', "no 'conversations'"),
    ],
)
def test_a_file_that_is_something_else_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "train.json").write_text(text)
    with pytest.raises(SettingsError, match=said) as caught:
        read_samples(DataSource(str(tmp_path / "train.json")))
    assert "train.json" in str(caught.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        read_samples(DataSource(str(tmp_path / "none.json")))
    with pytest.raises(SettingsError, match="folder"):
        read_samples(DataSource(str(tmp_path)))


@pytest.mark.parametrize("lines", [False, True])
def test_a_sample_is_read_as_it_stands(tmp_path: Path, lines: bool) -> None:
    more = [{"from": "human", "value": " And\n<image>\nthen? "}, {"from": "gpt", "value": "This."}]
    plain = [one(id=1), one(id="b", image=["a.png", "/b.png"], conversations=[ASKED, SAID, *more])]
    samples = read_samples(written(tmp_path, plain, lines=lines))
    assert len(samples) == 2
    assert samples[0].id == "1 (train.json[0])"
    assert samples[0].images == (str(tmp_path / "a.png"),)
    assert [(turn.role, turn.text, turn.places) for turn in samples[1].turns] == [
        ("user", "What?", 1),
        ("assistant", "That.", 0),
        ("user", "And\n\nthen?", 1),
        ("assistant", "This.", 0),
    ]
    assert samples[-1].images == (str(tmp_path / "a.png"), "/b.png")
    assert [sample.id for sample in samples[:]] == [sample.id for sample in samples]


def test_texts_alone_videos_and_system_texts(tmp_path: Path) -> None:
    text = [{"from": "human", "value": "Why?"}, SAID]
    shown = [{"from": "human", "value": "<video>\nWhat?"}, SAID]
    samples = read_samples(
        written(
            tmp_path,
            [
                {"conversations": text},
                {"id": 2, "video": "v.mp4", "conversations": [{"from": "system", "value": "Be brief."}, *shown]},
                {"id": 3, "video": "v.mp4", "conversations": [ASKED, SAID], "start_seconds": 1, "end_seconds": 2.5},
                {"id": 4, "video": "v.mp4", "image": [], "system": "", "conversations": text},
                {"id": 5, "video": "v.mp4", "image": "g.jpg", "conversations": [ASKED, SAID]},
            ],
        )
    )
    assert (samples[0].id, samples[0].system) == ("train.json[0]", None)
    assert (samples[1].system, samples[1].video) == ("Be brief.", str(tmp_path / "v.mp4"))
    assert (samples[2].start_seconds, samples[2].end_seconds) == (1.0, 2.5)
    assert (samples[3].system, samples[3].video, samples[3].images) == ("", "", ())
    assert (samples[4].video, samples[4].images) == ("", (str(tmp_path / "g.jpg"),))
    assert list(samples.problems()) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"conversations": [SAID, ASKED]}, "human begins"),
        ({"conversations": [ASKED, SAID, ASKED]}, "no answer"),
        ({"conversations": [ASKED, ASKED, SAID, SAID]}, "take turns"),
        ({"conversations": []}, "list of turns"),
        ({"conversations": [ASKED, {"from": "gpt"}]}, "turn 1 needs"),
        ({"conversations": [ASKED, {"from": "bot", "value": "x"}]}, "turn 1 needs"),
        ({"conversations": [ASKED, {"from": ["gpt"], "value": "x"}]}, "turn 1 needs"),
        ({"conversations": [{"from": {}, "value": "x"}, SAID]}, "turn 0 needs"),
        ({"conversations": [ASKED, {"from": "gpt", "value": " "}]}, "empty"),
        ({"conversations": [ASKED, {"from": "gpt", "value": "see <image>"}]}, "cannot show"),
        ({"image": ["a.png", "b.png"]}, "1 places"),
        ({"image": None}, "neither image nor video"),
        ({"image": [3]}, "list of paths"),
        ({"conversations": [{"from": "human", "value": "What?"}, SAID]}, "0 places"),
        ({"image": "", "video": "v", "conversations": [{**ASKED, "value": "<image><video>"}, SAID]}, "one place"),
        ({"system": 3}, "'system'"),
        ({"start_seconds": "3"}, "start_seconds"),
        ({"start_seconds": float("nan")}, "start_seconds"),
        ({"start_seconds": 5, "end_seconds": 2.5}, r"\(5\) must be before 'end_seconds' \(2.5\)"),
    ],
)  # fmt: skip
def test_a_wrong_sample_is_named_and_the_others_are_read(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    samples = read_samples(written(tmp_path, [one(), one(**{"id": "bad", **changes}), one()]))
    with pytest.raises(SampleError, match=said) as caught:
        _ = samples[1]
    assert caught.value.id == "bad (train.json[1])"
    assert [error.id for error in samples.problems()] == ["bad (train.json[1])"]
    assert samples[2].id == "a (train.json[2])"
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_a_video_without_a_place_is_refused(tmp_path: Path) -> None:
    """Also where a table was written as JSON, with null for what a row lacks."""
    null = one(video="v.mp4", image=None, conversations=[{"from": "human", "value": "What?"}, SAID])
    absent = {name: value for name, value in null.items() if name != "image"}
    samples = read_samples(written(tmp_path, [absent, null]))
    for at in (0, 1):
        with pytest.raises(SampleError, match="no turn says where"):
            _ = samples[at]


@pytest.mark.parametrize(
    "changes",
    [{"id": "cut \ud83d"}, {"image": "\udc00.png"}, {"conversations": [ASKED, {"from": "gpt", "value": "\ud83d"}]}],
)
def test_half_a_character_is_named_in_whole_ones(tmp_path: Path, changes: dict[str, Any]) -> None:
    samples = read_samples(written(tmp_path, [one(), one(**changes)]))
    with pytest.raises(SampleError, match="half of a character") as caught:
        _ = samples[1]
    assert str(caught.value).encode().startswith(b"sample train.json[1]: ")


def test_the_index_of_many_samples_is_small_and_says_where_each_is(tmp_path: Path) -> None:
    count = 20_000
    with (tmp_path / "many.json").open("w") as file:
        file.write("[\n" + ",\n".join(json.dumps(one(id=at, x='}"],[{')) for at in range(count)) + "\n]\n")
    samples = read_samples(DataSource(str(tmp_path / "many.json"), media="/m"))
    assert len(samples) == count
    assert len(pickle.dumps(samples)) < 17 * count
    assert samples[17_345].id == "17345 (many.json[17345])"
    assert samples[17_345].images == ("/m/a.png",)


@pytest.mark.parametrize("line", ["[1, 2]", "5", '"text"', "null"])
def test_a_line_that_is_no_object_is_a_wrong_sample(tmp_path: Path, line: str) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text(f"{json.dumps(one())}\n{line}\n{json.dumps(one())}\n", encoding="utf-8")
    samples = read_samples(DataSource(str(path)))
    with pytest.raises(SampleError, match="not a JSON object"):
        _ = samples[1]
    assert [error.id for error in samples.problems()] == ["train.jsonl[1]"]
