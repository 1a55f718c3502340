"""Data in and out: checks, quarantine, channel statistics, clips of any kind, and what is made of forecasts."""

from maskreel.vfp.data._channel_statistics import ChannelStatistics, channel_statistics
from maskreel.vfp.data._check import DatasetReport, check_dataset, open_dataset
from maskreel.vfp.data._clip_kinds import Clips
from maskreel.vfp.data._clips import open_clips
from maskreel.vfp.data._inspection import Finding
from maskreel.vfp.data._label_events import LabelEvent, label_events
from maskreel.vfp.data._leaderboard import check_leaderboard, read_leaderboard, write_leaderboard
from maskreel.vfp.data._observed_clip import ObservedClip
from maskreel.vfp.data._opening import lists_for, open_split
from maskreel.vfp.data._quarantine import Quarantine, write_quarantine
from maskreel.vfp.data._results import Result, open_result
from maskreel.vfp.data._spread import spread

__all__ = [
    "ChannelStatistics",
    "Clips",
    "DatasetReport",
    "Finding",
    "LabelEvent",
    "ObservedClip",
    "Quarantine",
    "Result",
    "channel_statistics",
    "check_dataset",
    "check_leaderboard",
    "label_events",
    "lists_for",
    "open_clips",
    "open_dataset",
    "open_result",
    "open_split",
    "read_leaderboard",
    "spread",
    "write_leaderboard",
    "write_quarantine",
]
