"""The networks that predict frames: SimVP (IncepU, gSTA, TAU) and ConvLSTM, with what trains and loads them."""

from maskreel.vfp.networks._convlstm import ConvLSTM, ConvLSTMConfig, build_convlstm
from maskreel.vfp.networks._divergence import differential_divergence
from maskreel.vfp.networks._inference import optimise_for_inference
from maskreel.vfp.networks._roll_out import roll_out
from maskreel.vfp.networks._scheduled_sampling import ReverseScheduledSampling, ScheduledSampling
from maskreel.vfp.networks._simvp import SimVP, SimVPConfig, build_simvp
from maskreel.vfp.networks.checkpoints import load_published
from maskreel.vfp.networks.onnx import export_onnx

__all__ = [
    "ConvLSTM",
    "ConvLSTMConfig",
    "ReverseScheduledSampling",
    "ScheduledSampling",
    "SimVP",
    "SimVPConfig",
    "build_convlstm",
    "build_simvp",
    "differential_divergence",
    "export_onnx",
    "load_published",
    "optimise_for_inference",
    "roll_out",
]
