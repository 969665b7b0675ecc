"""What the kernel says about this process's privileges, and what files would add to them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

# linux/capability.h, in the order of their bits.
_CAPABILITY_NAMES = (
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE"
    " NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN"
    " SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE"
    " MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"
)
_SETID = stat.S_ISUID | stat.S_ISGID


@dataclass(frozen=True)
class PrivilegeFacts:
    """The effective user, the capabilities in effect, and whether new privileges can be gained at all.

    `capabilities` is None where the kernel does not tell: `/proc` is not mounted.
    """

    user: int
    capabilities: tuple[str, ...] | None
    no_new_privileges: bool


def read_privileges(status: Path = Path("/proc/self/status")) -> PrivilegeFacts:
    """Return the privileges of this process: https://man7.org/linux/man-pages/man5/proc_pid_status.5.html ."""
    try:
        lines = status.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return PrivilegeFacts(os.geteuid(), None, no_new_privileges=False)
    values = {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}
    if "CapEff" not in values:
        return PrivilegeFacts(os.geteuid(), None, no_new_privileges=False)
    mask = int(values["CapEff"], 16)
    names = tuple(name for bit, name in enumerate(_CAPABILITY_NAMES.split()) if mask >> bit & 1)
    return PrivilegeFacts(os.geteuid(), names, values.get("NoNewPrivs") == "1")


def find_setuid_files(root: Path) -> Iterator[Path]:
    """Yield the files with the setuid or setgid bit on the filesystem of `root`, as `find -xdev -perm /6000` does."""
    device = root.stat().st_dev
    folders = [os.fspath(root)]
    while folders:
        try:
            entries = list(os.scandir(folders.pop()))
        except OSError:
            continue
        for entry in entries:
            try:
                facts = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            if stat.S_ISDIR(facts.st_mode):
                if facts.st_dev == device:
                    folders.append(entry.path)
            elif stat.S_ISREG(facts.st_mode) and facts.st_mode & _SETID:
                yield Path(entry.path)


def find_writable(folders: Iterable[Path]) -> Iterator[Path]:
    """Yield the folders and Python files in `folders` that this process may write; a writable folder says it all."""
    for folder in folders:
        for parent, names, files in os.walk(folder):
            if os.access(parent, os.W_OK):
                yield Path(parent)
                names.clear()
                continue
            names[:] = [name for name in names if name != "__pycache__"]
            yield from (
                Path(parent, name)
                for name in files
                if name.endswith((".py", ".so")) and os.access(os.path.join(parent, name), os.W_OK)  # noqa: PTH118  # fast
            )
