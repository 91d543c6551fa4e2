# SPDX-License-Identifier: Apache-2.0
"""The same module under the name that newer scripts use."""
from hooking import *  # noqa: F401,F403
