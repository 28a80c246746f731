from __future__ import annotations

from packaging.version import Version

from compat.plan.support.pins import as_version, minor, read_pins


def test_what_is_pinned_and_what_is_not() -> None:
    pins = read_pins(
        [
            "Triton==3.2.0",
            "numpy>=2",
            "torch==2.11.0+cu128",
            "onnx_ir==1.*",
            'tomli==2.0; python_version < "3.11"',
            "x @ https://example.org/x.whl",
            "bare",
        ]
    )
    assert pins.versions == {"triton": Version("3.2.0"), "torch": Version("2.11.0+cu128")}
    assert pins.open == ("numpy", "onnx-ir", "tomli", "x", "bare")


def test_versions() -> None:
    assert as_version("580.95.05") == Version("580.95.5")
    assert as_version("R580") is None
    assert minor(Version("12.8.93")) == Version("12.8")
