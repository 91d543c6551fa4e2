# SPDX-License-Identifier: Apache-2.0
"""Only what hook scripts import."""
