"""Video in and out: frames as `Clip`, files and folders through PyAV."""

from maskreel.common.video._clip import Clip

__all__ = ["Clip"]
