"""Pictures for people: overlays, contact sheets, heat maps, image and animation files, HTML report pages."""

from maskreel.common.show._colours import PALETTE, heatmap
from maskreel.common.show._overlay import overlay
from maskreel.common.show._page import Page
from maskreel.common.show._save import save_animation, save_image
from maskreel.common.show._sheet import contact_sheet, side_by_side

__all__ = ["PALETTE", "Page", "contact_sheet", "heatmap", "overlay", "save_animation", "save_image", "side_by_side"]
