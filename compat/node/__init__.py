"""What machine this is: read from the kernel, and from NVML where there is a driver."""

from compat.node.inventory import this_node

__all__ = ["this_node"]
