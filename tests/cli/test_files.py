import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharegpt4video.cli.files import fitted, video_name


@pytest.mark.parametrize(
    ("video", "name"),
    [
        ("a/park.mp4", "park"),
        ("park.v2.mkv", "park.v2"),
        ("https://example.org/films/big%20buck.mp4?token=1", "big buck"),
        ("https://example.org/", "video"),
    ],
)
def test_names(video: str, name: str) -> None:
    assert video_name(video) == name


@pytest.mark.parametrize("url", ["https://example.org/a%00b.mp4", "https://example.org/x%2Fa_b.mp4?x=%00"])
def test_a_url_gives_a_name_that_a_disk_takes(url: str) -> None:
    assert video_name(url) == "a_b"


@given(st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1, max_size=300), st.integers(1, 60))
def test_a_long_name_is_cut_to_what_a_folder_takes(stem: str, suffix_bytes: int) -> None:
    suffix = "." + "j" * suffix_bytes
    short = fitted(stem, suffix)
    assert len(f"{short}{suffix}".encode()) <= 255
    assert short == fitted(stem, suffix)
    assert (short == stem) == (len(f"{stem}{suffix}".encode()) <= 255)


def test_long_names_that_differ_at_the_end_stay_apart() -> None:
    assert fitted("é" * 200 + "1", ".json") != fitted("é" * 200 + "2", ".json")
