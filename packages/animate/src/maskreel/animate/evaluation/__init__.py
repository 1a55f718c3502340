"""How good a model is: reconstruction, animation of one by another, change of background, beside simple baselines."""

from maskreel.animate.evaluation._comparison_video import ComparisonVideo
from maskreel.animate.evaluation._goals import Goal, goals
from maskreel.animate.evaluation._judges import Judges, load_judges
from maskreel.animate.evaluation._methods import METHODS, SWAPS, Animation, animate, found_masks, swap
from maskreel.animate.evaluation._page import write_page
from maskreel.animate.evaluation._sheet import Gallery, Titled, case_row
from maskreel.animate.evaluation._table import Means, Row, means_of, table_of, write_tables
from maskreel.animate.evaluation._videos import animate_video, reconstruct_video
from maskreel.animate.evaluation._words import goal_words, words_of
from maskreel.animate.evaluation._world import ANIMATION, OTHER, RECONSTRUCTION, SAME, CaseResult, evaluate_case
from maskreel.animate.evaluation._world_case import WorldCase, stored_case, world_case

__all__ = [
    "ANIMATION",
    "METHODS",
    "OTHER",
    "RECONSTRUCTION",
    "SAME",
    "SWAPS",
    "Animation",
    "CaseResult",
    "ComparisonVideo",
    "Gallery",
    "Goal",
    "Judges",
    "Means",
    "Row",
    "Titled",
    "WorldCase",
    "animate",
    "animate_video",
    "case_row",
    "evaluate_case",
    "found_masks",
    "goal_words",
    "goals",
    "load_judges",
    "means_of",
    "reconstruct_video",
    "stored_case",
    "swap",
    "table_of",
    "words_of",
    "world_case",
    "write_page",
    "write_tables",
]
