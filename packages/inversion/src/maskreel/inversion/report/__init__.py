"""The honest report: what independent networks see in inverted frames, with controls in the same table.

verifier = load_unet_verifier("unet.safetensors")
score = score_frames(frames, targets, class_names, verifier)          # one sequence, one verifier
write_report(["RUN"], "report.html", verifiers=[verifier], teacher=teacher)
"""

from maskreel.inversion.report.controls import blurred, noise, normalised, silhouettes, swapped
from maskreel.inversion.report.distribution import KernelDistance, kernel_distance
from maskreel.inversion.report.estimate import Estimate, estimate
from maskreel.inversion.report.evidence import Evidence, Opinion
from maskreel.inversion.report.examine import examine
from maskreel.inversion.report.independence import require_independent, shared_weights
from maskreel.inversion.report.memorisation import Nearest, nearest_frames
from maskreel.inversion.report.page import write_page, write_report
from maskreel.inversion.report.precision import average_precision
from maskreel.inversion.report.score import MIN_PIXELS, ObjectScore, VerifierScore, score_found, score_frames
from maskreel.inversion.report.self_score import self_score
from maskreel.inversion.report.sources import open_verifier
from maskreel.inversion.report.statistics import norm_distances
from maskreel.inversion.report.subject import Subject
from maskreel.inversion.report.tables import as_json
from maskreel.inversion.report.temporal import DeclaredFlow, Steadiness, mask_motion, steadiness
from maskreel.inversion.report.verifier import (
    CallableVerifier,
    Found,
    MaskRCNNVerifier,
    SemanticVerifier,
    Verifier,
    load_unet_verifier,
)

__all__ = [
    "MIN_PIXELS",
    "CallableVerifier",
    "DeclaredFlow",
    "Estimate",
    "Evidence",
    "Found",
    "KernelDistance",
    "MaskRCNNVerifier",
    "Nearest",
    "ObjectScore",
    "Opinion",
    "SemanticVerifier",
    "Steadiness",
    "Subject",
    "Verifier",
    "VerifierScore",
    "as_json",
    "average_precision",
    "blurred",
    "estimate",
    "examine",
    "kernel_distance",
    "load_unet_verifier",
    "mask_motion",
    "nearest_frames",
    "noise",
    "norm_distances",
    "normalised",
    "open_verifier",
    "require_independent",
    "score_found",
    "score_frames",
    "self_score",
    "shared_weights",
    "silhouettes",
    "steadiness",
    "swapped",
    "write_page",
    "write_report",
]
