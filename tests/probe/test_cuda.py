"""The real binding of the driver API against a library of libcuda's ABI that is compiled here, and against none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from compat.probe.libcuda import initialised, open_devices
from tests.probe.fake_cuda import UUID, Cuda, compile_library

MIB = 2**20
OPENED = [
    "cuInit",
    "cuDeviceGet",
    "cuDeviceGetAttribute",  # whether it is shared
    "cuCtxGetCurrent",
    "cuDevicePrimaryCtxRetain",
    "cuCtxSetCurrent",
]
HERE = "import ctypes\nfake = ctypes.CDLL('libcuda.so.1')\n"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_library(tmp_path_factory.mktemp("library"))


@pytest.fixture
def cuda(library: Path, tmp_path: Path) -> Cuda:
    return Cuda(library, tmp_path)


def test_a_gpu_says_what_it_is(cuda: Cuda) -> None:
    code = "with Device(1) as device:\n    answer = [device.uuid, device.l2_bytes, device.memory_info()]"
    found = cuda.run(code, FAKE_CUDA_COUNT=2, FAKE_CUDA_L2=50 * MIB, FAKE_CUDA_TOTAL=1000 * MIB)
    assert found == [f"GPU-{UUID}01", 50 * MIB, [700 * MIB, 1000 * MIB]]  # a context takes 300 MiB
    assert cuda.calls()[: len(OPENED)] == OPENED


def test_a_mig_instance_has_its_own_uuid(cuda: Cuda) -> None:
    assert cuda.run("answer = Device().uuid", FAKE_CUDA_MIG=1) == f"MIG-4d{UUID[2:]}00"


def test_a_driver_that_knows_no_mig_instances_gives_the_gpu_s_uuid(tmp_path: Path) -> None:
    cuda = Cuda(compile_library(tmp_path, "-DWITHOUT_UUID_V2"), tmp_path)
    assert cuda.run("answer = Device().uuid") == f"GPU-{UUID}00"


def test_an_instance_whose_uuid_cannot_be_read_is_not_taken_for_its_gpu(cuda: Cuda) -> None:
    code = """
    try:
        answer = Device().uuid
    except CudaError as problem:
        answer = str(problem)
    """
    found = cuda.run(code, FAKE_CUDA_MIG=1, FAKE_CUDA_FAIL="cuDeviceGetUuid_v2=101")
    assert found == "cuDeviceGetUuid_v2: CUDA_ERROR_INVALID_DEVICE (101)"


def test_the_context_is_the_one_of_the_process_and_what_was_current_is_current_again(cuda: Cuda) -> None:
    code = HERE + (
        "def current():\n    found = ctypes.c_void_p()\n    fake.cuCtxGetCurrent(ctypes.byref(found))\n"
        "    return found.value\n"
        "fake.cuInit(0)\n"
        "fake.cuCtxSetCurrent(ctypes.c_void_p(77))\n"
        "device = Device()\n"
        "inside, held = current(), fake.fake_held()\n"
        "device.close()\n"
        "device.close()\n"
        "answer = [inside, held, current(), fake.fake_held()]"
    )
    assert cuda.run(code) == [1, 1, 77, 0]


def test_memory_that_is_taken_is_gone_and_comes_back(cuda: Cuda) -> None:
    code = HERE + (
        "device = Device()\n"
        "begin = device.memory_info()[0]\n"
        f"address = device.allocate({64 * MIB})\n"
        "taken = begin - device.memory_info()[0]\n"
        f"device.memset(address, 7, {64 * MIB})\n"
        "device.free(address)\n"
        "answer = [taken, begin - device.memory_info()[0], fake.fake_held()]"
    )
    assert cuda.run(code) == [64 * MIB, 0, 1]
    assert f"cuMemsetD8Async {64 * MIB}" in cuda.calls()


def test_events_measure_the_device_and_are_waited_for(cuda: Cuda) -> None:
    code = HERE + (
        "device = Device()\n"
        "start, end = device.create_event(), device.create_event()\n"
        "device.record(start)\n"
        "begin = time.perf_counter()\n"
        "fake.fake_launch(None, ctypes.c_longlong(200_000_000), 0)\n"
        "device.record(end)\n"
        "queued = time.perf_counter() - begin\n"
        "elapsed = device.elapsed(start, end)\n"
        "waited = time.perf_counter() - begin\n"
        "fake.fake_launch(None, 0, ctypes.c_longlong(100_000_000))\n"
        "device.synchronize()\n"
        "synchronised = time.perf_counter() - begin\n"
        "device.destroy_event(start), device.destroy_event(end)\n"
        "answer = [queued, elapsed, waited, synchronised, fake.fake_held()]"
    )
    queued, elapsed, waited, synchronised, held = cuda.run(code)
    assert queued < 0.1 < waited
    assert elapsed == pytest.approx(0.2, rel=0.1)
    assert waited >= 0.19
    assert synchronised >= waited + 0.09
    assert held == 1


def test_events_are_recorded_on_the_stream_that_torch_works_on(cuda: Cuda) -> None:
    code = HERE + (
        "import types\n"
        "device = Device()\n"
        "stream = ctypes.c_void_p()\n"
        "fake.cuStreamCreate(ctypes.byref(stream), 0)\n"
        "class Torch:\n"
        "    on = False\n"
        "    def is_initialized(self):\n        return self.on\n"
        "    def current_stream(self, ordinal):\n"
        "        assert ordinal == 0 and self.on, 'asking would initialise CUDA'\n"
        "        return types.SimpleNamespace(cuda_stream=stream.value)\n"
        "torch = Torch()\n"
        "sys.modules['torch'] = types.SimpleNamespace(cuda=torch)\n"
        "def timed():\n"
        "    start, end = device.create_event(), device.create_event()\n"
        "    device.record(start)\n"
        "    fake.fake_launch(stream, ctypes.c_longlong(100_000_000), ctypes.c_longlong(100_000_000))\n"
        "    device.record(end)\n"
        "    return device.elapsed(start, end)\n"
        "idle = timed()\n"
        "torch.on = True\n"
        "answer = [idle, timed()]"
    )
    idle, busy = cuda.run(code)
    assert idle < 0.05
    assert busy == pytest.approx(0.1, rel=0.2)


@pytest.mark.parametrize(
    ("call", "code", "name"),
    [
        ("cuInit", 100, "CUDA_ERROR_NO_DEVICE"),
        ("cuDeviceGet", 101, "CUDA_ERROR_INVALID_DEVICE"),
        ("cuCtxGetCurrent", 3, "CUDA_ERROR_NOT_INITIALIZED"),
        ("cuDevicePrimaryCtxRetain", 46, "CUDA_ERROR_DEVICE_UNAVAILABLE"),
        ("cuCtxSetCurrent", 201, "CUDA_ERROR_INVALID_CONTEXT"),
        ("cuDeviceGetAttribute", 1, "CUDA_ERROR_INVALID_VALUE"),
        ("cuDeviceGetUuid", 101, "CUDA_ERROR_INVALID_DEVICE"),
        ("cuMemGetInfo_v2", 201, "CUDA_ERROR_INVALID_CONTEXT"),
        ("cuMemAlloc_v2", 2, "CUDA_ERROR_OUT_OF_MEMORY"),
        ("cuMemsetD8Async", 1, "CUDA_ERROR_INVALID_VALUE"),
        ("cuMemFree_v2", 1, "CUDA_ERROR_INVALID_VALUE"),
        ("cuEventCreate", 2, "CUDA_ERROR_OUT_OF_MEMORY"),
        ("cuEventRecord", 400, "CUDA_ERROR_INVALID_HANDLE"),
        ("cuEventSynchronize", 700, "CUDA_ERROR_ILLEGAL_ADDRESS"),
        ("cuEventElapsedTime", 600, "CUDA_ERROR_NOT_READY"),
        ("cuEventDestroy_v2", 400, "CUDA_ERROR_INVALID_HANDLE"),
        ("cuCtxSynchronize", 700, "CUDA_ERROR_ILLEGAL_ADDRESS"),
        ("cuDevicePrimaryCtxRelease_v2", 201, "CUDA_ERROR_INVALID_CONTEXT"),
        ("cuInit", 9999, "CUDA error"),  # newer than the driver's table of names
    ],
)
def test_an_error_names_the_call_and_what_the_driver_calls_it(cuda: Cuda, call: str, code: int, name: str) -> None:
    every = """
    try:
        with Device() as device:
            device.uuid, device.l2_bytes, device.memory_info()
            address = device.allocate(64)
            device.memset(address, 0, 64)
            device.free(address)
            start, end = device.create_event(), device.create_event()
            device.record(start), device.record(end)
            device.elapsed(start, end)
            device.destroy_event(start)
            device.synchronize()
        answer = None
    except CudaError as problem:
        answer = [str(problem), problem.call, problem.name]
    """
    named = None if name == "CUDA error" else name
    assert cuda.run(every, FAKE_CUDA_FAIL=f"{call}={code}") == [f"{call}: {name} ({code})", call, named]


def test_a_device_that_cannot_be_made_current_is_not_kept(cuda: Cuda) -> None:
    code = HERE + "try:\n    Device()\nexcept CudaError:\n    answer = fake.fake_held()"
    assert cuda.run(code, FAKE_CUDA_FAIL="cuCtxSetCurrent=201") == 0


def test_without_a_driver_there_is_no_device(tmp_path: Path) -> None:
    (tmp_path / "libcuda.so.1").write_text("not a library", encoding="utf-8")
    cuda = Cuda(tmp_path, tmp_path)
    code = """
    try:
        answer = Device().uuid
    except CudaError as problem:
        answer = [str(problem), problem.name, driver_version(), initialised(), loaded_libraries()]
    """
    said, *rest = cuda.run(code)
    assert said.startswith("dlopen: ")
    assert "libcuda.so.1" in said
    assert rest == [None, None, False, []]


def test_the_version_is_the_newest_cuda_that_the_driver_speaks(cuda: Cuda) -> None:
    assert cuda.run("answer = [driver_version(), initialised()]", FAKE_CUDA_VERSION=13010) == ["13.1", False]
    assert cuda.run("answer = driver_version()", FAKE_CUDA_FAIL="cuDriverGetVersion=34") is None
    assert "cuInit" not in cuda.calls()


def test_the_library_that_is_loaded_is_named(cuda: Cuda) -> None:
    code = "before = loaded_libraries()\nctypes.CDLL('libcuda.so.1')\nanswer = [before, loaded_libraries()]"
    assert cuda.run(code) == [[], [str(cuda.library)]]


def test_only_cuinit_initialises_cuda(cuda: Cuda) -> None:
    code = (
        "found = [initialised()]\n"
        "fake = ctypes.CDLL('libcuda.so.1')\n"
        "found.append(initialised())\n"
        "fake.cuDriverGetVersion(ctypes.byref(ctypes.c_int()))\n"
        "found.append(initialised())\n"
        "before = open(os.environ['FAKE_CUDA_LOG']).read()\n"
        "fake.cuInit(0)\n"
        "found.append(initialised())\n"
        "answer = [found, 'cuInit' in before]"
    )
    assert cuda.run(code) == [[False, False, False, True], False]


def test_each_loaded_library_is_asked(cuda: Cuda, tmp_path: Path) -> None:
    other = tmp_path / "libcuda.so.570.124.06"  # as a forward compatibility package brings one
    other.write_bytes(cuda.library.read_bytes())
    code = f"""
    ctypes.CDLL("libcuda.so.1")
    second = ctypes.CDLL({str(other)!r})
    before = initialised()
    second.cuInit(0)
    answer = [before, initialised()]
    """
    assert cuda.run(code) == [False, True]


def test_a_library_whose_file_was_replaced_is_still_the_one_that_is_asked(cuda: Cuda, tmp_path: Path) -> None:
    file = tmp_path / "libcuda.so.570.124.06"
    file.write_bytes(cuda.library.read_bytes())
    (tmp_path / "libcuda.so.1").symlink_to(file)
    code = f"""
    fake = ctypes.CDLL("libcuda.so.1")
    fake.cuInit(0)
    with open({str(file)!r} + ".new", "wb") as new, open({str(file)!r}, "rb") as old:
        new.write(old.read())
    os.replace({str(file)!r} + ".new", {str(file)!r})
    answer = [initialised(), loaded_libraries()]
    """
    assert cuda.run(code, LD_LIBRARY_PATH=tmp_path) == [True, [str(file)]]


@pytest.mark.parametrize(("code", "answer"), [(0, True), (3, False), (4, True), (34, None), (999, None)])
def test_what_the_driver_answers_decides(cuda: Cuda, code: int, answer: bool | None) -> None:
    asked = "ctypes.CDLL('libcuda.so.1')\nanswer = initialised()"
    if code == 0:
        asked = "Device()\nanswer = initialised()"
    assert cuda.run(asked, FAKE_CUDA_FAIL=f"cuDeviceGetCount={code}") is answer


def test_a_child_of_a_process_with_cuda_has_none(cuda: Cuda) -> None:
    code = """
    device = Device()
    read, write = os.pipe()
    if os.fork() == 0:
        try:
            Device()
            said = "a device"
        except CudaError as problem:
            said = f"{initialised()} {problem}"
        os.write(write, said.encode())
        os._exit(0)
    answer = [initialised(), os.read(read, 200).decode()]
    """
    assert cuda.run(code) == [True, "False cuInit: CUDA_ERROR_NOT_INITIALIZED (3)"]


def test_what_proc_does_not_tell_is_unknown(tmp_path: Path) -> None:
    assert initialised(str(tmp_path / "none")) is None
    assert open_devices(descriptors=str(tmp_path / "none")) is None


def test_open_devices_are_listed_each_once(tmp_path: Path) -> None:
    prefix = str(tmp_path / "nvidia")
    assert open_devices(prefix) == ()
    names = ["nvidiactl", "nvidia0", "other", "nvidia0"]
    descriptors = [os.open(tmp_path / name, os.O_RDWR | os.O_CREAT) for name in names]
    try:
        assert open_devices(prefix) == (f"{prefix}0", f"{prefix}ctl")
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
    assert open_devices(prefix) == ()
