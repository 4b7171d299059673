"""Rectified flow against the scheduler of diffusers: the way to noise, the way back, and the loss by hand."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
diffusers = pytest.importorskip("diffusers")

from sharegpt4video.t2v.flow import back, drawn_times, losses, noised, shifted, velocity_of  # noqa: E402


def scheduler(steps: int, shift: float) -> object:
    made = diffusers.FlowMatchEulerDiscreteScheduler(shift=shift)
    made.set_timesteps(sigmas=np.linspace(1, 1 / steps, steps))
    return made


@pytest.mark.parametrize("shift", [1.0, 3.0])
def test_the_way_back_is_that_of_diffusers(shift: float) -> None:
    theirs = scheduler(7, shift)
    noise = torch.randn(2, 3, 4, 5, 6, generator=torch.Generator().manual_seed(0))
    sample, seen = noise, []

    def velocity(sample: torch.Tensor, time: float) -> torch.Tensor:
        seen.append(time * 1000)
        return torch.sin(sample) * time

    ours = list(back(noise, 7, shift, velocity))
    assert seen == pytest.approx(theirs.timesteps.tolist(), rel=1e-5)
    for time, mine in zip(theirs.timesteps, ours, strict=True):
        given = torch.sin(sample) * (float(time) / 1000)
        sample = theirs.step(given, time, sample).prev_sample
        torch.testing.assert_close(mine, sample, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shift", [1.0, 3.0])
def test_noise_is_added_as_diffusers_does(shift: float) -> None:
    theirs = scheduler(4, shift)
    video, noise = torch.randn(4, 3, 2, 4, 4), torch.randn(4, 3, 2, 4, 4)
    expected = theirs.scale_noise(video, theirs.timesteps, noise)
    torch.testing.assert_close(noised(video, noise, theirs.timesteps / 1000), expected, rtol=1e-4, atol=1e-5)
    plain = torch.linspace(1, 0.25, 4)
    torch.testing.assert_close(shifted(plain, shift), (theirs.timesteps / 1000).to(plain), rtol=1e-5, atol=1e-6)


def test_a_step_back_with_the_true_velocity_gives_the_video() -> None:
    video, noise = torch.randn(1, 3, 2, 4, 4), torch.randn(1, 3, 2, 4, 4)
    *_, found = back(noise, 5, 2.0, lambda _, __: noise - video)
    torch.testing.assert_close(found, video, rtol=1e-4, atol=1e-5)


def test_predicted_data_and_predicted_velocity_lose_the_same() -> None:
    video, noise, error = (torch.randn(5, 3, 2, 4, 4) for _ in range(3))
    times = torch.tensor([0.1, 0.3, 0.5, 0.9, 1.0])
    sample = noised(video, noise, times)
    of_data = losses(video + error, video, noise, times, "data")
    velocity = velocity_of(video + error, sample, times, "data")
    torch.testing.assert_close(losses(velocity, video, noise, times, "velocity"), of_data, rtol=1e-3, atol=1e-4)
    assert losses(noise - video, video, noise, times, "velocity").abs().max() < 1e-10
    torch.testing.assert_close(velocity_of(video, sample, times, "data"), noise - video, rtol=1e-3, atol=1e-4)
    assert torch.isfinite(losses(error, video, noise, torch.zeros(5), "data")).all()


def test_times_are_logit_normal_and_shifted() -> None:
    plain = drawn_times(20_000, 0.4, 1.2, 1.0, torch.Generator().manual_seed(0))
    logits = torch.logit(plain.double())
    assert float(logits.mean()) == pytest.approx(0.4, abs=0.03)
    assert float(logits.std()) == pytest.approx(1.2, abs=0.03)
    moved = drawn_times(20_000, 0.4, 1.2, 3.0, torch.Generator().manual_seed(0))
    torch.testing.assert_close(torch.logit(moved.double()), logits + np.log(3.0), rtol=1e-3, atol=1e-3)
