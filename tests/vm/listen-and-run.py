#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# listen-and-run.py: runs a server on a free port of 127.0.0.1.
#
# Usage: listen-and-run.py PORT-FILE COMMAND [ARGUMENT...]
#
# The port is chosen by the kernel, listened on, written to PORT-FILE, and
# handed to the command as systemd's socket activation does: nobody else can
# take it in between, and clients may connect at once.

import os
import socket
import sys

FIRST_FD = 3  # SD_LISTEN_FDS_START

listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
listener.bind(("127.0.0.1", 0))
listener.listen()
if listener.fileno() == FIRST_FD:
    os.set_inheritable(FIRST_FD, True)
else:
    os.dup2(listener.fileno(), FIRST_FD)

os.environ["LISTEN_FDS"] = "1"
os.environ["LISTEN_PID"] = str(os.getpid())

with open(sys.argv[1], "w", encoding="ascii") as port_file:
    print(listener.getsockname()[1], file=port_file)
os.execvp(sys.argv[2], sys.argv[2:])
