"""OpenSTL's and A4Bio's networks written out plainly from their description: what ours are measured and tested against.

Nothing here is shared with `maskreel.vfp.networks`. The names of the modules are the published ones.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor


class ConvSC(nn.Module):
    def __init__(self, c_in: int, c_out: int, *, down: bool = False, up: bool = False, original: bool = False) -> None:
        super().__init__()
        if up and original:
            conv: nn.Module = nn.ConvTranspose2d(c_in, c_out, 3, 2, 1, output_padding=1)
        elif up:
            conv = nn.Sequential(nn.Conv2d(c_in, 4 * c_out, 3, 1, 1), nn.PixelShuffle(2))
        else:
            conv = nn.Conv2d(c_in, c_out, 3, 2 if down else 1, 1)
        self.conv = nn.ModuleDict({"conv": conv, "norm": nn.GroupNorm(2, c_out)})
        self.act = nn.LeakyReLU(0.2) if original else nn.SiLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.conv["norm"](self.conv["conv"](x)))


class GatedAttention(nn.Module):
    def __init__(self, dim: int, kind: str) -> None:
        super().__init__()
        unit: dict[str, nn.Module] = {
            "conv0": nn.Conv2d(dim, dim, 5, padding=2, groups=dim),
            "conv_spatial": nn.Conv2d(dim, dim, 7, padding=9, groups=dim, dilation=3),
            "conv1": nn.Conv2d(dim, 2 * dim if kind == "gsta" else dim, 1),
        }
        if kind == "tau":
            squeezed = dim // max(dim // 16, 4)
            unit["fc"] = nn.Sequential(
                nn.Linear(dim, squeezed, bias=False), nn.ReLU(), nn.Linear(squeezed, dim, bias=False), nn.Sigmoid()
            )
        self.kind = kind
        self.proj_1 = nn.Conv2d(dim, dim, 1)
        self.spatial_gating_unit = nn.ModuleDict(unit)
        self.proj_2 = nn.Conv2d(dim, dim, 1)

    def forward(self, x: Tensor) -> Tensor:
        unit = self.spatial_gating_unit
        z = F.gelu(self.proj_1(x))
        u = z.clone()
        a = unit["conv1"](unit["conv_spatial"](unit["conv0"](z)))
        if self.kind == "gsta":
            f, g = torch.split(a, a.shape[1] // 2, dim=1)
            y = torch.sigmoid(g) * f
        else:
            b, c = u.shape[:2]
            se = unit["fc"](F.adaptive_avg_pool2d(u, 1).view(b, c)).view(b, c, 1, 1)
            y = se * a * u
        return self.proj_2(y) + x.clone()


class SubBlock(nn.Module):
    def __init__(self, dim: int, kind: str, mlp_ratio: float) -> None:
        super().__init__()
        hidden = int(dim * mlp_ratio)
        self.norm1 = nn.BatchNorm2d(dim)
        self.attn = GatedAttention(dim, kind)
        self.norm2 = nn.BatchNorm2d(dim)
        self.mlp = nn.ModuleDict(
            {
                "fc1": nn.Conv2d(dim, hidden, 1),
                "dwconv": nn.Sequential(OrderedDict(dwconv=nn.Conv2d(hidden, hidden, 3, 1, 1, groups=hidden))),
                "fc2": nn.Conv2d(hidden, dim, 1),
            }
        )
        self.layer_scale_1 = nn.Parameter(1e-2 * torch.ones(dim))
        self.layer_scale_2 = nn.Parameter(1e-2 * torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.layer_scale_1.unsqueeze(-1).unsqueeze(-1) * self.attn(self.norm1(x))
        y = self.mlp["fc1"](self.norm2(x))
        y = self.mlp["fc2"](F.gelu(self.mlp["dwconv"](y)))
        return x + self.layer_scale_2.unsqueeze(-1).unsqueeze(-1) * y


class MetaBlock(nn.Module):
    def __init__(self, c_in: int, c_out: int, kind: str, mlp_ratio: float) -> None:
        super().__init__()
        self.block = SubBlock(c_in, kind, mlp_ratio)
        self.same = c_in == c_out
        if not self.same:
            self.reduction = nn.Conv2d(c_in, c_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        z = self.block(x)
        return z if self.same else self.reduction(z)


class MidMetaNet(nn.Module):
    def __init__(self, c_in: int, c_hid: int, depth: int, kind: str, mlp_ratio: float) -> None:
        super().__init__()
        layers = [MetaBlock(c_in, c_hid, kind, mlp_ratio)]
        layers += [MetaBlock(c_hid, c_hid, kind, mlp_ratio) for _ in range(depth - 2)]
        self.enc = nn.Sequential(*layers, MetaBlock(c_hid, c_in, kind, mlp_ratio))

    def forward(self, x: Tensor) -> Tensor:
        b, t, c, h, w = x.shape
        return self.enc(x.reshape(b, t * c, h, w)).reshape(b, t, c, h, w)


class Inception(nn.Module):
    def __init__(self, c_in: int, c_hid: int, c_out: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c_hid, 1)
        groups = 8 if c_hid % 8 == 0 else 1
        self.layers = nn.ModuleList(
            nn.Sequential(
                OrderedDict(
                    conv=nn.Conv2d(c_hid, c_out, k, padding=k // 2, groups=groups),
                    norm=nn.GroupNorm(groups, c_out),
                    activate=nn.LeakyReLU(0.2),
                )
            )
            for k in (3, 5, 7, 11)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        return torch.stack([layer(x) for layer in self.layers]).sum(dim=0)


class MidIncepNet(nn.Module):
    def __init__(self, c_in: int, c_hid: int, depth: int) -> None:
        super().__init__()
        half = c_hid // 2
        self.enc = nn.ModuleList([Inception(c_in if i == 0 else c_hid, half, c_hid) for i in range(depth)])
        self.dec = nn.ModuleList(
            [Inception(c_hid if i == 0 else 2 * c_hid, half, c_in if i == depth - 1 else c_hid) for i in range(depth)]
        )
        self.depth = depth

    def forward(self, x: Tensor) -> Tensor:
        b, t, c, h, w = x.shape
        z, skips = x.reshape(b, t * c, h, w), []
        for i in range(self.depth):
            z = self.enc[i](z)
            if i < self.depth - 1:
                skips.append(z)
        z = self.dec[0](z)
        for i in range(1, self.depth):
            z = self.dec[i](torch.cat([z, skips[-i]], dim=1))
        return z.reshape(b, t, c, h, w)


class PlainSimVP(nn.Module):
    """SimVP as OpenSTL computes it, `kind` "gsta", "tau" or "incepu", or as A4Bio's first version does, "v1"."""

    def __init__(
        self, kind: str, frames: int, channels: int, hid_s: int, hid_t: int, n_s: int, n_t: int, mlp_ratio: float = 8.0
    ) -> None:
        super().__init__()
        v1 = self.v1 = kind == "v1"
        enc = [ConvSC(channels if i == 0 else hid_s, hid_s, down=i % 2 == 1, original=v1) for i in range(n_s)]
        dec = [
            ConvSC(2 * hid_s if v1 and i == n_s - 1 else hid_s, hid_s, up=i % 2 == 0, original=v1) for i in range(n_s)
        ]
        self.enc = nn.ModuleDict({"enc": nn.Sequential(*enc)})
        if kind in ("v1", "incepu"):
            self.hid: nn.Module = MidIncepNet(frames * hid_s, hid_t, n_t)
        else:
            self.hid = MidMetaNet(frames * hid_s, hid_t, n_t, kind, mlp_ratio)
        self.dec = nn.ModuleDict({"dec": nn.Sequential(*dec), "readout": nn.Conv2d(hid_s, channels, 1)})

    def forward(self, x_raw: Tensor) -> Tensor:
        b, t, c, h, w = x_raw.shape
        first, *others = self.enc["enc"].children()
        x = enc1 = first(x_raw.view(b * t, c, h, w))
        for layer in others:
            x = layer(x)
        _, c_, h_, w_ = x.shape
        y = self.hid(x.view(b, t, c_, h_, w_)).reshape(b * t, c_, h_, w_)
        *others, last = self.dec["dec"].children()
        for layer in others:
            y = layer(y)
        y = last(torch.cat([y, enc1], dim=1) if self.v1 else y + enc1)
        return self.dec["readout"](y).reshape(b, t, c, h, w)


class ConvLSTMCell(nn.Module):
    def __init__(self, c_in: int, c_hid: int, kernel: int) -> None:
        super().__init__()
        self.c_hid = c_hid
        self.conv_x = nn.Sequential(nn.Conv2d(c_in, 4 * c_hid, kernel, padding=kernel // 2, bias=False))
        self.conv_h = nn.Sequential(nn.Conv2d(c_hid, 4 * c_hid, kernel, padding=kernel // 2, bias=False))
        self.conv_o = nn.Sequential(nn.Conv2d(2 * c_hid, c_hid, kernel, padding=kernel // 2, bias=False))
        self.conv_last = nn.Conv2d(2 * c_hid, c_hid, 1, bias=False)

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        i_x, f_x, g_x, o_x = torch.split(self.conv_x(x), self.c_hid, dim=1)
        i_h, f_h, g_h, o_h = torch.split(self.conv_h(h), self.c_hid, dim=1)
        c = torch.sigmoid(f_x + f_h) * c + torch.sigmoid(i_x + i_h) * torch.tanh(g_x + g_h)
        return torch.sigmoid(o_x + o_h) * torch.tanh(c), c


class PlainConvLSTM(nn.Module):
    """OpenSTL's ConvLSTM with its dead parameters; frames are observed first, then its own outputs are fed back."""

    def __init__(self, channels: int, widths: tuple[int, ...], patch: int, kernel: int) -> None:
        super().__init__()
        self.patch, self.widths = patch, widths
        inputs = (channels * patch**2, *widths[:-1])
        self.cell_list = nn.ModuleList(
            [ConvLSTMCell(c_in, c_hid, kernel) for c_in, c_hid in zip(inputs, widths, strict=True)]
        )
        self.conv_last = nn.Conv2d(widths[-1], channels * patch**2, 1, bias=False)

    def forward(self, x: Tensor, steps: int) -> Tensor:
        b, t, ch, height, width = x.shape
        p = self.patch
        x = x.view(b, t, ch, height // p, p, width // p, p).permute(0, 1, 4, 6, 2, 3, 5)
        x = x.reshape(b, t, p * p * ch, height // p, width // p)
        h = [x.new_zeros(b, w, height // p, width // p) for w in self.widths]
        c = [torch.zeros_like(state) for state in h]
        outputs = []
        for step in range(t + steps - 1):
            z = x[:, step] if step < t else outputs[-1]
            for i, cell in enumerate(self.cell_list):
                h[i], c[i] = cell(z, h[i], c[i])
                z = h[i]
            outputs.append(self.conv_last(z))
        y = torch.stack(outputs[t - 1 :], dim=1).view(b, steps, p, p, ch, height // p, width // p)
        return y.permute(0, 1, 4, 5, 2, 6, 3).reshape(b, steps, ch, height, width)
