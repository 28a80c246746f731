"""torch's convolutions in one, two and three dimensions, forward and backward, against float64.

On a GPU they are cuDNN, which chooses among many kernels by heuristics that come with each release (implicit products,
Winograd, FFT, and other ones for channels_last and for half precision); on a CPU, oneDNN or a loop over matrix
products. The gradients of input, weight and bias are three more computations with kernels of their own. Flags are left
at their defaults, so kernels that are not deterministic are among them, and on a GPU float32 is computed in tf32: cases
in tf32 are about that, and cases in fp32 switch it off.

torch 2.9.0 took far more memory for a three-dimensional convolution in bf16 than 2.8 (pytorch#166643), and oneDNN 3.12
is wrong on some processors where the last dimension of the result is 1 (pytorch#169688). The reference is torch's
convolution in float64 on the CPU, which is another code: cuDNN is not there, and oneDNN has no such type.
"""

from __future__ import annotations

COMPONENTS = ("torch",)
IMPORTS = ("torch",)
KIND = "operator"
TIERS = ("cpu", "gpu")

# x: the shape of the input (batch, channels, *spatial). weight: of the weight, (channels of the result, channels of a
# group, *kernel), or (channels of x, channels of the result in a group, *kernel) of a transposed one. options: torch's.
# length: of the longest sum, which in most is that of the bias's gradient.
CASES = {
    "fp32-1d": {
        "dtype": "fp32",
        "x": (5, 17, 1003),
        "weight": (13, 17, 5),
        "options": {"stride": 2, "padding": 3, "dilation": 2},
        "length": 2505,
    },
    "fp32-1d-long-kernel": {"dtype": "fp32", "x": (2, 7, 1531), "weight": (5, 7, 129), "length": 2806},
    "fp32-2d": {
        "dtype": "fp32",
        "x": (3, 13, 37, 41),
        "weight": (17, 13, 3, 3),
        "options": {"padding": 1},
        "length": 4551,
    },
    "fp32-2d-1x1": {"dtype": "fp32", "x": (2, 65, 29, 31), "weight": (33, 65, 1, 1), "length": 1798},
    "fp32-2d-strided": {
        "dtype": "fp32",
        "x": (2, 11, 45, 38),
        "weight": (19, 11, 5, 3),
        "options": {"stride": (2, 3), "padding": (2, 1)},
        "length": 598,
    },
    "fp32-2d-dilated": {
        "dtype": "fp32",
        "x": (2, 9, 40, 35),
        "weight": (10, 9, 3, 3),
        "options": {"padding": 2, "dilation": (2, 3)},
        "length": 2640,
    },
    "fp32-2d-grouped": {
        "dtype": "fp32",
        "x": (2, 24, 31, 33),
        "weight": (36, 2, 3, 3),
        "options": {"padding": 1, "groups": 12},
        "length": 2046,
    },
    "fp32-2d-depthwise": {
        "dtype": "fp32",
        "x": (2, 33, 43, 39),
        "weight": (66, 1, 7, 7),
        "options": {"padding": 3, "groups": 33},
        "length": 3354,
    },
    "fp32-2d-channels-last": {
        "dtype": "fp32",
        "x": (2, 19, 33, 31),
        "weight": (23, 19, 3, 3),
        "options": {"padding": 1},
        "channels_last": True,
        "length": 2046,
    },
    "fp32-2d-transposed": {
        "dtype": "fp32",
        "x": (2, 15, 17, 19),
        "weight": (15, 11, 4, 4),
        "options": {"stride": 3, "padding": 1, "output_padding": 1},
        "transposed": True,
        "length": 5814,
    },
    "fp32-2d-one": {"dtype": "fp32", "x": (1, 3, 5, 5), "weight": (2, 3, 5, 5), "length": 75},
    "fp32-2d-none": {"dtype": "fp32", "x": (0, 3, 9, 9), "weight": (4, 3, 3, 3), "length": 36},
    "fp32-3d": {
        "dtype": "fp32",
        "x": (2, 5, 9, 13, 15),
        "weight": (7, 5, 3, 3, 3),
        "options": {"padding": 1},
        "length": 3510,
    },
    "bf16-2d": {
        "dtype": "bf16",
        "x": (2, 31, 33, 29),
        "weight": (37, 31, 3, 3),
        "options": {"padding": 1},
        "length": 1914,
    },
    "bf16-2d-channels-last": {
        "dtype": "bf16",
        "x": (2, 32, 28, 28),
        "weight": (64, 32, 3, 3),
        "options": {"padding": 1},
        "channels_last": True,
        "length": 1568,
    },
    "bf16-3d": {
        "dtype": "bf16",
        "x": (1, 19, 7, 17, 15),
        "weight": (23, 19, 3, 3, 3),
        "options": {"padding": 1},
        "length": 1785,
    },
    "bf16-3d-to-one": {
        "dtype": "bf16",
        "x": (3, 61, 6, 7, 4),
        "weight": (19, 61, 3, 3, 3),
        "options": {"stride": 3},
        "length": 1647,
    },
    "fp16-2d": {
        "dtype": "fp16",
        "x": (4, 63, 57, 55),
        "weight": (65, 63, 3, 3),
        "options": {"padding": 1},
        "length": 12540,
        "tiers": ("gpu",),
    },
    "fp32-2d-large": {
        "dtype": "fp32",
        "x": (8, 64, 56, 56),
        "weight": (64, 64, 3, 3),
        "options": {"padding": 1},
        "length": 25088,
        "tiers": ("gpu",),
    },
    "tf32-2d-large": {
        "dtype": "tf32",
        "x": (8, 64, 56, 56),
        "weight": (64, 64, 3, 3),
        "options": {"padding": 1},
        "length": 25088,
        "tiers": ("gpu",),
    },
    "tf32-2d-stem": {
        "dtype": "tf32",
        "x": (4, 3, 224, 224),
        "weight": (64, 3, 7, 7),
        "options": {"stride": 2, "padding": 3},
        "length": 50176,
        "tiers": ("gpu",),
    },
    "bf16-2d-large": {
        "dtype": "bf16",
        "x": (16, 256, 14, 14),
        "weight": (256, 256, 3, 3),
        "options": {"padding": 1},
        "channels_last": True,
        "length": 3136,
        "tiers": ("gpu",),
    },
    "fp16-2d-depthwise": {
        "dtype": "fp16",
        "x": (8, 96, 56, 56),
        "weight": (96, 1, 7, 7),
        "options": {"padding": 3, "groups": 96},
        "length": 25088,
        "tiers": ("gpu",),
    },
    "bf16-1d-causal": {
        "dtype": "bf16",
        "x": (2, 768, 2049),
        "weight": (768, 1, 4),
        "options": {"padding": 3, "groups": 768},
        "length": 4104,
        "tiers": ("gpu",),
    },
    "bf16-3d-large": {
        "dtype": "bf16",
        "x": (1, 64, 9, 34, 34),
        "weight": (64, 64, 3, 3, 3),
        "options": {"padding": 1},
        "length": 10404,
        "tiers": ("gpu",),
    },
    "bf16-3d-strided": {
        "dtype": "bf16",
        "x": (1, 96, 9, 33, 33),
        "weight": (96, 96, 3, 3, 3),
        "options": {"stride": 2, "padding": 1},
        "length": 2592,
        "tiers": ("gpu",),
    },
}


def _values(params, tools, shape):
    """Values of a tensor, as a numpy array; at most a million are drawn, which repeat with a prime period."""
    import math

    import torch

    count, period = math.prod(shape), 1048573
    if params["dtype"] == "tf32":
        # 11 digits, so that it does not matter whether the hardware rounds the operands to tf32 or cuts them off.
        values = tools.integers(-1024, 1025, min(count, period)) / 1024
    else:
        values = tools.uniform(min(count, period))
    return torch.from_numpy(values).repeat(1 + count // period)[:count].reshape(tuple(shape)).numpy()


def _tensor(params, tools, shape):
    """Draw a tensor on the device, in the layout of the case."""
    steps = None
    if params.get("channels_last"):
        channels, height, width = shape[1:]
        steps = (channels * height * width, 1, width * channels, channels)
    dtype = "fp32" if params["dtype"] == "tf32" else params["dtype"]
    return tools.tensor(_values(params, tools, shape), dtype, steps)


def _convolve(params, x, weight, bias=None):
    """One convolution, in the type of its operands."""
    import torch

    name = f"conv{'_transpose' if params.get('transposed') else ''}{x.dim() - 2}d"
    return getattr(torch.nn.functional, name)(x, weight, bias, **params.get("options", {}))


def _operands(params, tools):
    """Draw input, weight, bias, and the gradient of the result."""
    import torch

    x, weight = (_tensor(params, tools, params[name]) for name in ("x", "weight"))
    made = _convolve(params, *(torch.empty(params[name], device="meta") for name in ("x", "weight"))).shape
    bias = _tensor({"dtype": params["dtype"]}, tools, (made[1],))
    return x, weight, bias, _tensor(params, tools, made)


def _everything(params, x, weight, bias, gradient):
    """The result and the gradients of input, weight and bias."""
    import torch

    leaves = [each.detach().requires_grad_() for each in (x, weight, bias)]
    y = _convolve(params, *leaves)
    of_x, of_weight, of_bias = torch.autograd.grad(y, leaves, gradient)
    return {
        "y": _some(y.detach()),
        "gradient of x": _some(of_x),
        "gradient of weight": of_weight,
        "gradient of bias": of_bias,
    }


def _some(y):
    """What is compared: of half a million elements and more each fifth along the last dimension."""
    return y[..., ::5] if y.numel() > 2**19 else y


def _exactly(params, *operands):
    """The same without tf32, which cuDNN uses by default."""
    import torch

    cudnn = torch.backends.cudnn
    before = cudnn.allow_tf32
    cudnn.allow_tf32 = False
    try:
        return _everything(params, *operands)
    finally:
        cudnn.allow_tf32 = before


def prepare(params, tools):
    """Draw the operands; the work is the convolution and its three gradients."""
    import torch

    if tools.device == "cuda":
        tools.took("cuDNN", str(torch.backends.cudnn.version()))
    else:
        tools.took("oneDNN", "yes" if torch.backends.mkldnn.is_available() else "no")
    operands = _operands(params, tools)
    work = _exactly if params["dtype"] == "fp32" else _everything
    return lambda: work(params, *operands)


def reference(params, tools):
    """The same in float64 on the CPU."""
    return _everything(params, *(each.double().cpu() for each in _operands(params, tools)))
