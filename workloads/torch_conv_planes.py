"""A convolution in bf16 of many large planes, whose input and result have billions of bytes each.

Offsets of more than 32 bits and kernels that are chosen for such sizes only: cuDNN 9.8 to 9.10 computed this one, a
layer of a video model, wrongly, and 9.13 computes it rightly (pytorch#163539).
"""

from __future__ import annotations

COMPONENTS = ("torch",)
IMPORTS = ("torch",)
KIND = "operator"
TIERS = ("gpu",)

# shape: (channels, planes, height, width) of the input; its planes are alike. every: one in so many planes, rows and
# columns of the result is compared. length: of the sums, which are over the channels of 3 by 3 places.
CASES = {
    "bf16-16x124x1282x722": {
        "dtype": "bf16",
        "shape": (16, 124, 1282, 722),
        "every": (41, 127, 61),
        "length": 144,
    },
    "bf16-16x3x61x59": {"dtype": "bf16", "shape": (16, 3, 61, 59), "every": (1, 7, 5), "length": 144},
}


def _operands(params, tools):
    """Draw a plane (1, channels, height, width) and a weight (channels, channels, 3, 3) on the device.

    At most a million values are drawn for the plane, which repeat with a prime period.
    """
    import torch

    channels, _, height, width = params["shape"]
    count, period = channels * height * width, 1048573
    drawn = torch.from_numpy(tools.uniform(min(count, period))).repeat(1 + count // period)[:count]
    plane = tools.tensor(drawn.reshape(1, channels, height, width).numpy(), params["dtype"])
    return plane, tools.tensor(tools.uniform((channels, channels, 3, 3)), params["dtype"])


def prepare(params, tools):
    """Draw a plane and repeat it; the work is one convolution with a kernel of 1 by 3 by 3."""
    import torch

    if tools.device == "cuda":
        tools.took("cuDNN", str(torch.backends.cudnn.version()))
    plane, weight = _operands(params, tools)
    x = plane[:, :, None].expand(-1, -1, params["shape"][1], -1, -1).contiguous()
    weight = weight[:, :, None]
    planes, rows, columns = params["every"]
    return lambda: {"y": torch.nn.functional.conv3d(x, weight)[:, :, ::planes, ::rows, ::columns]}


def reference(params, tools):
    """What is compared, in float64 from the three rows that each row depends on, place by place of the kernel."""
    import torch

    plane, weight = (each.double().cpu() for each in _operands(params, tools))
    _, planes, height, width = params["shape"]
    every_plane, every_row, every_column = params["every"]
    y = 0.0
    for row in range(3):
        for column in range(3):
            seen = plane[0, :, row : height - 2 + row : every_row, column : width - 2 + column : every_column]
            y = y + torch.einsum("oi,ihw->ohw", weight[:, :, row, column], seen)
    return {"y": y[None, :, None].expand(-1, -1, len(range(0, planes, every_plane)), -1, -1)}
