# SPDX-License-Identifier: Apache-2.0
"""Scripts write "from vdsm.hook import hooking"."""
