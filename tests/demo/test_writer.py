"""The builder's pen: in place, growing, and held back until it is released."""

from __future__ import annotations

import os
import threading
import time

from probe.demo.writer import write_in_place

DATA = os.urandom(200_000)


def test_it_grows_under_its_final_name_and_waits_before_the_end(tmp_path):
    path = tmp_path / "image.tar"
    path.write_bytes(b"an older archive")
    inode = path.stat().st_ino
    reader, writer = os.pipe()
    pen = threading.Thread(target=write_in_place, args=(str(path), DATA, reader))
    pen.start()
    sizes = []
    until = time.monotonic() + 20
    while not sizes or sizes[-1] < 180_000:
        assert time.monotonic() < until
        sizes.append(path.stat().st_size)
        time.sleep(0.01)
    time.sleep(0.1)
    assert path.stat().st_size == 180_000
    assert sizes == sorted(sizes)
    assert len(set(sizes)) > 3
    os.close(writer)
    pen.join(20)
    os.close(reader)
    assert path.read_bytes() == DATA
    assert path.stat().st_ino == inode
