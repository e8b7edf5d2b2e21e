"""Files of the machine's that are others for one program under test.

    programs.run(..., preexec_fn=mounted(folder, "/etc/ssl/certs"))

It takes root, and a kernel that lets it: the fixture may_mount.
"""

import ctypes
import os

CLONE_NEWNS, MS_BIND, MS_REC, MS_PRIVATE = 0x20000, 4096, 16384, 1 << 18


def mounted(source, target):
    """What the calling process then sees at target is source."""
    def mount():
        libc = ctypes.CDLL(None, use_errno=True)
        for call in (lambda: libc.unshare(CLONE_NEWNS),
                     lambda: libc.mount(b"none", b"/", None,
                                        MS_REC | MS_PRIVATE, None),
                     lambda: libc.mount(str(source).encode(),
                                        str(target).encode(), None, MS_BIND,
                                        None)):
            if call() != 0:
                raise OSError(ctypes.get_errno(), f"a {target} of its own")
    return mount
