from __future__ import annotations

import numpy as np
import pytest

from compat.probe.tools import Tools

# The first values of each stream, as they are and must stay: another generator would make old evidence incomparable.
UNIFORM = {
    0: None,
    1: None,
}
