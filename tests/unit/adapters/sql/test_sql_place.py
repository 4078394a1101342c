from __future__ import annotations

from pathlib import Path

import pytest

from tidemill.adapters.sql import place
from tidemill.adapters.sql.place import filesystem_of, prepare_file
from tidemill.model.errors import StoreError

MOUNTS = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:26 / /scratch rw - tmpfs tmpfs rw
41 22 0:40 / /home rw shared:9 - nfs4 box:/export rw,vers=4.2
42 41 254:1 / /home/ada/local\\040disk rw master:2 propagate_from:3 - xfs /dev/vdb rw
a line that is no mount
43 22 0:41 / /mnt/share rw - cifs //box/share rw
44 22 0:42 / /opt/over rw - tmpfs first rw
45 22 0:43 / /opt/over rw - fuse.sshfs later rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/t.db", "ext4"),
        ("/scratch/t.db", "tmpfs"),
        ("/home/ada/t.db", "nfs4"),
        ("/homes/t.db", "ext4"),
        ("/home/ada/local disk/t.db", "xfs"),
        ("/mnt/share", "cifs"),
        ("/opt/over/t.db", "fuse.sshfs"),
    ],
)
def test_a_path_lies_on_the_deepest_and_latest_mount(path, kind) -> None:
    assert filesystem_of(Path(path), MOUNTS) == kind


def test_a_network_file_system_is_refused(tmp_path, monkeypatch) -> None:
    mounts = tmp_path / "mountinfo"
    monkeypatch.setattr(place, "_MOUNTS", mounts)
    mounts.write_text(MOUNTS)
    for path in ("/home/t.db", "/mnt/share/t.db", "/opt/over/t.db"):
        with pytest.raises(StoreError, match="network file system"):
            prepare_file(Path(path), create=True)
    mounts.write_text(f"1 1 0:1 / {tmp_path} rw - xfs /dev/vdb rw\n")
    prepare_file(tmp_path / "t.db", create=True)
    assert (tmp_path / "t.db").exists()
