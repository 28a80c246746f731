"""A kernel of our own that the driver compiles from PTX and launches: what every JIT-compiled kernel comes through.

Each block turns its numbers round in shared memory, squares them and adds their places, in 32-bit integers: there is
one right answer. The PTX is of version 6.3 for sm_75, which every driver since branch 410 compiles for every GPU since
Turing. It has another name each time, so that no cache of the driver's answers.

Why upgrades break it: a driver compiles PTX up to its own version only, so one that is older than the toolkit of a
runtime refuses what that runtime writes (CUDA_ERROR_UNSUPPORTED_PTX_VERSION), and minor-version compatibility does not
help. ``ptx_version`` is the newest that it takes; to go back to an older driver is where it falls.
"""

from __future__ import annotations

COMPONENTS = ("driver",)
IMPORTS = ("numpy",)
KIND = "operator"
TIERS = ("gpu",)
# There is one right answer.
TOLERANCE = 0.0
TIMED = False
METRICS = (
    {"name": "ptx_version", "unit": "", "direction": "higher", "kind": "exact"},
    {"name": "jit_time", "unit": "s", "direction": "lower", "kind": "sampled", "gated": False},
)
CASES = {"1": {"n": 1}, "1000": {"n": 1000}, "1048573": {"n": 1048573}}

_THREADS = 256
_PTX = """\
.version {version}
.target sm_75
.address_size 64

.visible .entry {name}(.param .u64 y, .param .u64 x, .param .u32 n)
{{
    .reg .pred %inside;
    .reg .b32 %r<10>;
    .reg .b64 %a<6>;
    .shared .align 4 .b8 values[1024];

    ld.param.u64 %a0, [y];
    ld.param.u64 %a1, [x];
    ld.param.u32 %r0, [n];
    mov.u32 %r1, %ctaid.x;
    mov.u32 %r2, %ntid.x;
    mov.u32 %r3, %tid.x;
    mad.lo.u32 %r4, %r1, %r2, %r3;
    setp.lt.u32 %inside, %r4, %r0;
    cvta.to.global.u64 %a0, %a0;
    cvta.to.global.u64 %a1, %a1;
    mul.wide.u32 %a2, %r4, 4;
    add.u64 %a0, %a0, %a2;
    add.u64 %a1, %a1, %a2;
    mov.u32 %r5, 0;
@%inside ld.global.u32 %r5, [%a1];
    mov.u32 %r6, values;
    shl.b32 %r7, %r3, 2;
    add.u32 %r7, %r6, %r7;
    st.shared.u32 [%r7], %r5;
    bar.sync 0;
    sub.u32 %r8, %r2, %r3;
    sub.u32 %r8, %r8, 1;
    shl.b32 %r8, %r8, 2;
    add.u32 %r8, %r6, %r8;
    ld.shared.u32 %r5, [%r8];
    mad.lo.u32 %r9, %r5, %r5, %r4;
@%inside st.global.u32 [%a0], %r9;
    ret;
}}
"""


def ptx(name, version="6.3"):
    """The text of the kernel, under a name."""
    return _PTX.format(name=name, version=version)


def prepare(params, tools):
    """Compile the kernel and fill its memory; the work launches it and reads what it wrote."""
    import ctypes
    import secrets

    import numpy as np

    from compat.probe.cuda import Device
    from compat.probe.cuda_module import Module

    n = params["n"]
    device = Device()
    x, y = device.allocate(4 * n), device.allocate(4 * n)
    device.write(x, tools.integers(-(2**31), 2**31, n, "int32").tobytes())
    device.write(y, b"\xff" * (4 * n))
    name = f"turned_{secrets.token_hex(8)}"
    module = Module(device, ptx(name))
    arguments = ctypes.c_uint64(y), ctypes.c_uint64(x), ctypes.c_uint32(n)

    def work():
        module.launch(name, -(-n // _THREADS), _THREADS, *arguments)
        return {"y": np.frombuffer(device.read(y, 4 * n), "<i4")}

    return work


def reference(params, tools):
    """The same in numpy, whose unsigned integers wrap round as the GPU's do."""
    import numpy as np

    n = params["n"]
    blocks = -(-n // _THREADS)
    values = np.zeros(blocks * _THREADS, "uint32")
    values[:n] = tools.integers(-(2**31), 2**31, n, "int32").view("uint32")
    turned = values.reshape(blocks, _THREADS)[:, ::-1].reshape(-1)
    return {"y": (turned * turned + np.arange(len(turned), dtype="uint32"))[:n].view("int32")}


def observe(*_):
    """The newest PTX version that the driver compiles, and how long it takes to, three times."""
    import secrets
    import time

    from compat.probe.cuda import Device
    from compat.probe.cuda_module import Module

    def compile_once(version):
        text = ptx(f"turned_{secrets.token_hex(8)}", version)
        begin = time.perf_counter()
        Module(device, text).close()
        return time.perf_counter() - begin

    with Device() as device:
        return {"ptx_version": _newest(compile_once), "jit_time": [compile_once("6.3") for _ in range(3)]}


def _newest(compile_once):
    """The first that is taken, from one that no driver knows yet downwards; any other refusal is a fault."""
    from compat.probe.libcuda import CudaError

    for tenths in range(159, 62, -1):
        try:
            compile_once(f"{tenths // 10}.{tenths % 10}")
        except CudaError as problem:
            if problem.name != "CUDA_ERROR_UNSUPPORTED_PTX_VERSION":
                raise
        else:
            return tenths / 10
    raise RuntimeError("the driver compiles no PTX, not even version 6.3")
