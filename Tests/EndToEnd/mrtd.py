#!/usr/bin/env python3
"""What a trust domain's MRTD is, computed from its memory with hashlib alone: SHA-384 over what each call adds.

TDH.MEM.PAGE.ADD adds a block of 128 bytes: "MEM.PAGE.ADD", padded with zeros to 16, and the guest physical address
(64 bits, little endian), padded to 128. TDH.MR.EXTEND adds three: a block with "MR.EXTEND" and the address, and the 256
bytes there. Each page is added and then, if it is measured, extended sixteen times, in ascending order.

usage: mrtd.py GPA FILE[:unmeasured] [GPA FILE...]     e.g. mrtd.py 0xff000000 image.bin
"""

import hashlib
import sys

PAGE = 4096
CHUNK = 256
BLOCK = 128


def header(name, gpa):
    return (name.ljust(16, b"\0") + gpa.to_bytes(8, "little")).ljust(BLOCK, b"\0")


def stream(regions):
    """Pieces of what is hashed for [(gpa, content, is measured), ...]; what fills no page ends with zeros."""
    for gpa, content, measured in regions:
        for start in range(0, len(content), PAGE):
            page = content[start : start + PAGE].ljust(PAGE, b"\0")
            yield header(b"MEM.PAGE.ADD", gpa + start)
            if not measured:
                continue
            for chunk in range(0, PAGE, CHUNK):
                yield header(b"MR.EXTEND", gpa + start + chunk)
                yield page[chunk : chunk + CHUNK]


def mrtd(regions):
    digest = hashlib.sha384()
    for piece in stream(regions):
        digest.update(piece)
    return digest.hexdigest()


if __name__ == "__main__":
    if len(sys.argv) < 3 or len(sys.argv) % 2 == 0:
        sys.exit(__doc__)
    given = []
    for gpa, name in zip(sys.argv[1::2], sys.argv[2::2]):
        path, _, mark = name.partition(":")
        with open(path, "rb") as file:
            given.append((int(gpa, 0), file.read(), mark != "unmeasured"))
    print(mrtd(given))
