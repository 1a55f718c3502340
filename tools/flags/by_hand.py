"""Options whose tests `driven.py` cannot see: what it looks for is not written there as it expects it.

Each is given by the option, as it tells itself, the file of tests, and the test.
"""

from __future__ import annotations

__all__ = ["BY_HAND"]

_ANIMATE = "packages/animate/tests/test_animate_options.py"
_ANIMATE_TRAIN = "packages/animate/tests/test_animate_train.py"
_INPAINT_PARTS = "packages/inpaint/tests/test_parts.py"
_INVERSION = "packages/inversion/tests/test_options_inversion.py"
_VFP = "packages/vfp/tests/test_options_vfp.py"

_NAMED = "test_parts_of_a_forecaster_are_the_files_that_are_named"

BY_HAND = {
    # Asked for where it is not, a device is refused: the option is looked at.
    "animate motion.device": (_ANIMATE, "test_the_device_is_asked_for"),
    "animate reconstruct.device": (_ANIMATE, "test_the_device_is_asked_for"),
    "animate evaluate.device": (_ANIMATE, "test_the_device_is_asked_for"),
    "inversion report.device": (_INVERSION, "test_the_device_of_the_report_is_asked_for"),
    "vfp train-segmenter.blur_share": (
        "packages/vfp/tests/test_segmentation_training.py",
        "test_the_share_of_blur_images",
    ),
    "vfp reproduce.data": (_VFP, "test_a_data_set_to_reproduce_with_is_not_rendered"),
    # By a class or function under another name.
    "maskreel.animate.commands.train._Train.head_start": (_ANIMATE, "test_a_head_start_passes_pictures_on"),
    # Files that are not there are named: they are opened.
    "maskreel.inpaint.config.InpaintConfig.fill_weights": (_INPAINT_PARTS, "test_weights_that_are_missing_are_named"),
    "maskreel.vfp.config.ForecastConfig.segmenter": (_VFP, _NAMED),
    "maskreel.vfp.config.ForecastConfig.predictor": (_VFP, _NAMED),
    "maskreel.vfp.config.ForecastConfig.masks": (_VFP, _NAMED),
    "maskreel.vfp.config.ForecastConfig.table": (_VFP, _NAMED),
    "maskreel.vfp.config.ForecastConfig.interaction": (_VFP, _NAMED),
    "maskreel.inversion.commands._run_flags.TeacherFlags.short_side": (
        _INVERSION,
        "test_the_short_side_is_for_teachers_that_have_one",
    ),
    # Told by its place on the command line.
    "maskreel.animate.commands.train.Tiny.data": (_ANIMATE_TRAIN, "test_one_video_is_enough"),
    "maskreel.inversion.commands._run_flags.SequenceFlags.masks": (
        "packages/inversion/tests/test_cli_run.py",
        "test_two_processes_make_the_same_frames",
    ),
}
