#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Run by `meson install`: the man pages, which the command line writes itself. install_man.py HOSTLER FOLDER"""
import os
import subprocess
import sys

folder = os.path.join(os.environ["MESON_INSTALL_DESTDIR_PREFIX"], sys.argv[2])
os.makedirs(folder, exist_ok=True)
subprocess.run([sys.argv[1], "__man", folder], check=True)
