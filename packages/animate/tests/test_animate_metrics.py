from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity

from maskreel.animate.metrics import (
    L1,
    IdentityScore,
    MaskScore,
    PictureScore,
    PoseScore,
    Steadiness,
    centroid_and_covariance,
    colour_histogram,
    histogram_distance,
    l1,
    mean_interval,
    pose_distance,
    regions,
)


def square(size: int = 32, top: int = 10, left: int = 12, side: int = 9) -> torch.Tensor:
    mask = torch.zeros(1, size, size, dtype=torch.bool)
    mask[:, top : top + side, left : left + side] = True
    return mask


def noise(count: int, size: int = 32, seed: int = 0) -> torch.Tensor:
    return torch.randint(0, 256, (count, 3, size, size), generator=torch.Generator().manual_seed(seed)).byte()


def test_regions_are_those_of_the_signed_distance():
    from scipy.ndimage import distance_transform_edt

    mask = torch.rand(2, 40, 50, generator=torch.Generator().manual_seed(1)) > 0.997
    mask |= square(50)[:, :40]
    found = regions(mask, margin=4)
    for one, band, inside, outside in zip(mask, found.boundary, found.inside, found.outside, strict=True):
        near = np.where(one.numpy(), np.asarray(distance_transform_edt(one)), np.asarray(distance_transform_edt(~one)))
        assert np.array_equal(band.numpy(), near <= 4)
        assert np.array_equal(inside.numpy(), one.numpy() & (near > 4))
        assert np.array_equal(outside.numpy(), ~one.numpy() & (near > 4))
    assert torch.equal(found.foreground, mask)
    assert torch.equal(found.background, ~mask)


def test_regions_without_a_margin_leave_nothing_for_the_boundary():
    found = regions(square(), margin=0)
    assert not found.boundary.any()
    assert torch.equal(found.inside, square())


def test_l1_by_hand_of_bytes_and_floats():
    a, b = torch.zeros(2, 3, 4, 4, dtype=torch.uint8), torch.zeros(2, 3, 4, 4, dtype=torch.uint8)
    b[0, 0] = 51  # a fifth, in one channel of three
    b[1, :, 0] = 255  # in one row of four
    mask = torch.zeros(2, 4, 4, dtype=torch.bool)
    mask[1, :2] = True
    assert l1(a, b).tolist() == pytest.approx([0.2 / 3, 0.25])
    assert l1(a.float() / 255, b.float() / 255).tolist() == pytest.approx([0.2 / 3, 0.25])
    masked = l1(a, b, mask=mask)
    assert masked[0].isnan()
    assert masked[1] == pytest.approx(0.5)


def test_l1_in_chunks_pools_pixels():
    a, b, mask = noise(5), noise(5, seed=1), torch.rand(5, 32, 32) > 0.5
    whole, parts = L1(), L1()
    assert math.isnan(whole.compute())
    whole.update(a, b, mask=mask)
    for some in (slice(2), slice(2, None)):
        parts.update(a[some], b[some], mask=mask[some])
    expected = np.abs(a.numpy() / 255 - b.numpy() / 255).transpose(0, 2, 3, 1)[mask.numpy()].mean()
    assert whole.compute() == pytest.approx(expected, rel=1e-6)
    assert parts.compute() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("a", "b", "error", "match"),
    [
        (torch.zeros(1, 1, 4, 4), torch.zeros(1, 3, 4, 4), ValueError, r"a must have shape \(N, 3, H, W\)"),
        (torch.zeros(1, 3, 4, 4).int(), torch.zeros(1, 3, 4, 4).int(), TypeError, "a must be uint8"),
        (torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 5), ValueError, "b must have shape"),
        (torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 4).byte(), TypeError, r"b must be torch\.float32"),
    ],
)
def test_pictures_are_checked(a, b, error, match):
    with pytest.raises(error, match=match):
        l1(a, b)


def test_masks_are_checked():
    pictures = torch.zeros(1, 3, 4, 4)
    with pytest.raises(TypeError, match=r"mask must be torch\.bool"):
        l1(pictures, pictures, mask=torch.zeros(1, 4, 4))
    with pytest.raises(ValueError, match=r"mask must have shape \(1, 4, 4\), got \(4, 4\)"):
        l1(pictures, pictures, mask=torch.zeros(4, 4).bool())


def test_picture_score_of_each_region():
    truth = noise(2) // 2
    subject = square().expand(2, -1, -1)
    found = regions(subject, margin=2)
    pictures = truth.clone()
    pictures[(found.inside[:, None]).expand_as(truth)] += 51  # a fifth too bright, well inside
    score = PictureScore(margin=2)
    score.update(pictures[:1], truth[:1], subject[:1])
    score.update(pictures[1:], truth[1:], subject[1:])
    values = score.compute()
    share = 25 / 81  # of the square of 9 x 9
    assert values["l1_foreground"] == pytest.approx(0.2 * share)
    assert values["l1"] == pytest.approx(0.2 * 25 / 32**2)
    assert values["l1_background"] == values["l1_boundary"] == 0
    assert values["psnr_foreground"] == pytest.approx(-10 * math.log10(0.04 * share), abs=1e-4)
    assert values["psnr_boundary"] == math.inf
    assert values["ssim_foreground"] < values["ssim_boundary"] < 1
    expected = [
        structural_similarity(
            a.permute(1, 2, 0).numpy(), b.permute(1, 2, 0).numpy(), channel_axis=-1, gaussian_weights=True,
            sigma=1.5, use_sample_covariance=False, data_range=255,
        )
        for a, b in zip(pictures, truth, strict=True)
    ]  # fmt: skip
    assert values["ssim"] == pytest.approx(np.mean(expected), abs=2e-3)


def test_ms_ssim_of_small_pictures_is_that_of_doubled_pixels():
    from maskreel.common.metrics import ms_ssim

    truth = torch.nn.functional.interpolate(noise(3, 24).float(), 96, mode="bilinear").byte()
    pictures = (truth.float() * 0.8 + 0.2 * noise(3, 96, seed=1)).byte()
    nobody = torch.zeros(3, 96, 96, dtype=torch.bool)
    score = PictureScore()
    score.update(pictures[:1], truth[:1], nobody[:1])
    score.update(pictures[1:], truth[1:], nobody[1:])
    large = (torch.nn.functional.interpolate(part.float() / 255, 192, mode="nearest") for part in (pictures, truth))
    expected = ms_ssim(*large)
    assert 0.5 < expected.min() < expected.max() < 0.99
    assert score.compute()["ms_ssim"] == pytest.approx(expected.mean().item(), abs=1e-5)
    assert math.isnan(PictureScore().compute()["ms_ssim"])


def test_a_region_that_never_had_a_pixel_is_nan():
    score = PictureScore()
    score.update(noise(1), noise(1, seed=1), torch.zeros(1, 32, 32, dtype=torch.bool))
    values = score.compute()
    assert all(
        math.isnan(values[f"{name}_{where}"]) for name in ("l1", "psnr", "ssim") for where in ("foreground", "boundary")
    )
    assert values["l1"] == pytest.approx(values["l1_background"])


def test_mask_score_is_the_mean_over_frames():
    truth = torch.cat([square(), square()])
    masks = torch.cat([square(), square(left=12 + 9)])
    score = MaskScore()
    score.update(masks[:1], truth[:1])
    score.update(masks[1:], truth[1:])
    assert score.compute()["iou"] == 0.5
    assert 0.5 < score.compute()["f"] < 1  # the two squares share a side


def test_flicker_and_drift_by_hand():
    frames = torch.zeros(4, 3, 8, 8)
    frames[1:] += torch.tensor([0.1, 0.2, 0.1])[:, None, None, None]
    frames[:, :, :, :4] += torch.rand(4, 3, 8, 4)  # not looked at
    still = torch.zeros(4, 8, 8, dtype=torch.bool)
    still[..., 4:] = True
    whole, chunks = Steadiness(), Steadiness()
    whole.update(frames, still)
    for start, stop in ((0, 1), (1, 3), (3, 3), (3, 4)):
        chunks.update(frames[start:stop], still[start:stop])
    for score in (whole, chunks):
        assert score.compute()["flicker"] == pytest.approx(0.1, abs=1e-6)
        assert score.compute()["drift"] == pytest.approx((0.1 + 0.2 + 0.1) / 3, abs=1e-6)


def test_the_reference_may_change():
    frames, still = noise(3), torch.ones(3, 32, 32, dtype=torch.bool)
    score, wild = Steadiness(), Steadiness()
    score.update(frames, still, reference=frames)
    wild.update(frames, still)
    assert score.compute() == {"flicker": 0, "drift": 0}
    assert min(wild.compute().values()) > 0.2
    assert all(math.isnan(value) for value in Steadiness().compute().values())


def test_centroid_and_covariance_of_a_square():
    centroid, covariance = centroid_and_covariance(square(size=32, top=10, left=12, side=9))
    assert centroid[0].tolist() == pytest.approx([16 / 32, 14 / 32])
    variance = (9**2 - 1) / 12 / 32**2  # of 9 whole numbers in a row
    assert covariance[0].tolist() == [pytest.approx([variance, 0], abs=1e-12), pytest.approx([0, variance], abs=1e-12)]
    assert centroid_and_covariance(torch.zeros(1, 4, 4))[0].isnan().all()


def test_pose_distance_of_a_moved_and_a_larger_square():
    here = square()
    moved, spread = pose_distance(here, square(top=13, left=16))
    assert moved.item() == pytest.approx(5 / 32)
    assert spread.item() == pytest.approx(0, abs=1e-6)
    centre, spread = pose_distance(here, square(top=8, left=10, side=13))
    assert centre.item() == pytest.approx(0, abs=1e-12)
    deviations = [math.sqrt((side**2 - 1) / 12) / 32 for side in (9, 13)]
    assert spread.item() == pytest.approx(math.sqrt(2) * (deviations[1] - deviations[0]))


def test_pose_distance_of_slanted_masks_is_that_of_their_gaussians():
    from scipy.linalg import sqrtm

    rng = torch.Generator().manual_seed(3)
    a, b = (torch.rand(1, 20, 20, generator=rng).tril(), torch.rand(1, 20, 20, generator=rng).flip(-1).tril())
    one, other = (centroid_and_covariance(x)[1][0].numpy() for x in (a, b))
    expected = math.sqrt(np.trace(one + other - 2 * np.real(sqrtm(one @ other))))
    assert pose_distance(a, b)[1].item() == pytest.approx(expected, rel=1e-6)


def test_pose_score_leaves_out_frames_without_a_mask():
    empty = torch.zeros(1, 32, 32, dtype=torch.bool)
    score = PoseScore()
    assert math.isnan(score.compute()["pose_centroid"])
    score.update(torch.cat([square(), square()]), torch.cat([square(top=12), empty]))
    assert score.compute()["pose_centroid"] == pytest.approx(2 / 32)


def test_masks_of_poses_are_checked():
    with pytest.raises(ValueError, match=r"masks must have shape \(N, H, W\)"):
        centroid_and_covariance(torch.zeros(4, 4))
    with pytest.raises(ValueError, match="truth must have shape"):
        pose_distance(torch.zeros(1, 4, 4), torch.zeros(2, 4, 4))


def test_colour_histogram_counts_the_subject_only():
    picture = torch.zeros(1, 3, 32, 32, dtype=torch.uint8)
    picture[:, 0, :, 16:] = 255
    histogram = colour_histogram(picture, square(left=12, side=8), bins=2)[0]
    assert histogram.tolist() == [0.5, 0, 0, 0, 0.5, 0, 0, 0]  # black, red
    with pytest.raises(ValueError, match="bins must be 2 or more, got 1"):
        colour_histogram(picture, square(), bins=1)


def test_histogram_distance_by_hand():
    a, b = torch.tensor([0.5, 0.5, 0, 0]), torch.tensor([0, 0.5, 0.5, 0])
    assert histogram_distance(a, b).item() == pytest.approx(0.5)
    assert histogram_distance(a, a).item() == 0
    assert histogram_distance(a, torch.tensor([0, 0, 0.5, 0.5])).item() == 1


def test_identity_score_of_the_same_and_other_clothes():
    source = noise(1)
    score = IdentityScore(source, square())
    assert math.isnan(score.compute()["identity"])
    score.update(source, square())
    assert score.compute()["identity"] == 0
    score.update(torch.full_like(source, 255), square())
    assert score.compute()["identity"] > 0.4


def test_mean_interval_covers_the_mean_and_leaves_out_nan():
    mean, low, high = mean_interval([1.0, 2.0, 3.0, math.nan, math.inf])
    assert mean == 2
    assert 1 <= low < 2 < high <= 3
    assert mean_interval([4.0, 4.0]) == (4, 4, 4)
    assert all(math.isnan(x) for x in mean_interval([math.nan]))


def test_the_interval_is_about_two_standard_errors():
    values = np.random.default_rng(5).normal(size=400)
    mean, low, high = mean_interval(values.tolist())
    error = values.std() / 20
    assert (mean - low, high - mean) == (pytest.approx(1.96 * error, rel=0.1), pytest.approx(1.96 * error, rel=0.1))


def test_interval_settings_are_checked():
    with pytest.raises(ValueError, match="resamples must be 1 or more, got 0"):
        mean_interval([1.0], resamples=0)
    with pytest.raises(ValueError, match="level must be above 0 and below 1, got 1"):
        mean_interval([1.0], level=1)
