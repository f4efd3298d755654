"""Which file systems a recording is refused on."""

import subprocess
import sys

import pytest

from flexiflow.persistence.mounts import network_mount


@pytest.fixture
def table(tmp_path):
    """A list of mounts as Linux writes it."""
    path = tmp_path / "mounts"
    path.write_text(
        "/dev/sda1 / ext4 rw 0 0\n"
        "proc /proc proc rw 0 0\n"
        "server:/export /mnt/share nfs4 rw 0 0\n"
        "server:/deep /mnt/share/local/again cifs rw 0 0\n"
        "/dev/sdb1 /mnt/share/local ext4 rw 0 0\n"
        "server:/x /mnt/with\\040blank\\011and\\134slash nfs rw 0 0\n"
        "server:/y /mnt/grün fuse.sshfs rw 0 0\n"
        "broken line\n"
        "\n",
        encoding="utf-8",
    )
    return str(path)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/home/x/state.db", None),
        ("/mnt/share/state.db", "nfs4"),
        ("/mnt/share", "nfs4"),
        ("/mnt/shared/state.db", None),
        ("/mnt/share/local/state.db", None),
        ("/mnt/share/local/again/state.db", "cifs"),
        ("/mnt/with blank\tand\\slash/state.db", "nfs"),
        ("/mnt/grün/state.db", "fuse.sshfs"),
    ],
)
def test_the_nearest_mount_decides(table, path, expected):
    """Blanks are written as octal escapes; other letters as they are."""
    assert network_mount(path, table) == expected


def test_a_later_mount_on_the_same_folder_hides_the_earlier_one(tmp_path):
    """As the system does."""
    table = tmp_path / "mounts"
    table.write_text("server:/x /mnt nfs rw 0 0\n/dev/sda1 /mnt ext4 rw 0 0\n")
    assert network_mount("/mnt/state.db", str(table)) is None


def test_a_link_is_followed(tmp_path):
    """What counts is where the file really is."""
    link = tmp_path / "link"
    (tmp_path / "there").mkdir()
    link.symlink_to(tmp_path / "there")
    table = tmp_path / "mounts"
    table.write_text(f"server:/x {(tmp_path / 'there').resolve()} nfs rw 0 0\n")
    assert network_mount(link / "state.db", str(table)) == "nfs"


def test_without_a_list_of_mounts_nothing_is_known(tmp_path):
    """Not every system has one."""
    assert network_mount("/x", str(tmp_path / "missing")) is None


def test_this_machine_can_record_to_its_temporary_folder(tmp_path):
    """The real list is read."""
    assert network_mount(tmp_path) is None


def test_the_list_is_read_in_utf_8_whatever_the_locale_is():
    """Python can warn of files that are not; where warnings are errors, nothing was recorded."""
    code = "from flexiflow.persistence.mounts import network_mount as n; from pathlib import Path; "
    options = ("-X", "warn_default_encoding", "-W", "error::EncodingWarning")
    subprocess.run([sys.executable, *options, "-c", code + "n(Path('/'))"], check=True)
