"""Make the file system of a Debian base image as the official slim ones are: small, and with their apt settings."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.private_engine.apt_sources import read_apt_sources, sources_for_suite
from scripts.private_engine.daemon import unmount_below
from scripts.private_engine.processes import capture, run_logged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scripts.private_engine.layout import Layout
    from scripts.private_engine.machine import Machine

# Raised when what this module makes changes: stand-ins made before are then made anew.
REVISION = 1
LOCAL_CERTIFICATES = Path("/usr/local/share/ca-certificates")
CERTIFICATE_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
# usrmerge would drag in 45 MB of perl for what usr-is-merged states.
EXCLUDED_PACKAGES = ("usrmerge", "libfile-find-rule-perl")
INCLUDED_PACKAGES = ("usr-is-merged", "ca-certificates")
# What the official slim images leave out of every package, their documentation says; licences stay.
LEFT_OUT = ("doc", "man", "locale", "info", "groff", "lintian", "linda")
CLEANING = "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true"
APT_SETTINGS = {
    "docker-clean": f"""\
# Every package layer would keep the downloaded packages and apt's own caches otherwise.
DPkg::Post-Invoke {{ "{CLEANING}"; }};
APT::Update::Post-Invoke {{ "{CLEANING}"; }};
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
""",
    "docker-autoremove-suggests": 'Apt::AutoRemove::SuggestsImportant "false";\n',
    "docker-gzip-indexes": 'Acquire::GzipIndexes "true";\n',
    "docker-no-languages": 'Acquire::Languages "none";\n',
}
# Settings of the machine's apt without which its mirror cannot be used.
MACHINE_APT_SETTINGS = (
    "Acquire::Check-Valid-Until",
    "Acquire::Check-Date",
    "Acquire::http::Proxy",
    "Acquire::https::Proxy",
)
LEFTOVERS = (
    "dev/*",
    "tmp/*",
    "var/cache/apt/*",
    "var/cache/debconf/*-old",
    "var/cache/ldconfig/aux-cache",
    "var/lib/apt/lists/*",
    "var/lib/dpkg/*-old",
    "var/log/**/*.log",
)


def machine_certificates() -> list[Path]:
    """List the certificates that the machine trusts beyond Debian's own."""
    return sorted(LOCAL_CERTIFICATES.glob("**/*.crt"))


def base_environment() -> dict[str, str]:
    """Return the variables that the image of a root file system needs on this machine: none on most."""
    return {"SSL_CERT_FILE": CERTIFICATE_BUNDLE} if machine_certificates() else {}


@contextmanager
def debian_tarball(layout: Layout, machine: Machine, suite: str) -> Iterator[Path]:
    """Yield a tarball of a new root file system; nothing of it stays behind."""
    folder = layout.work / f"debian-{suite}"
    try:
        _remove(folder)
        root = folder / "root"
        root.mkdir(parents=True)
        _bootstrap(layout, machine, suite, root)
        _configure(layout, machine, suite, root)
        tarball = folder / "root.tar"
        run_logged(("tar", "-C", str(root), "--numeric-owner", "-cf", str(tarball), "."), layout.work_log)
        yield tarball
    finally:
        _remove(folder)


def _remove(folder: Path) -> None:
    unmount_below(folder)
    if folder.exists():
        shutil.rmtree(folder)


def _bootstrap(layout: Layout, machine: Machine, suite: str, root: Path) -> None:
    archive = sources_for_suite(read_apt_sources(), machine.codename, suite)[0]
    argv = (
        "debootstrap",
        "--variant=minbase",
        f"--exclude={','.join(EXCLUDED_PACKAGES)}",
        f"--include={','.join(INCLUDED_PACKAGES)}",
        f"--keyring={archive.keyring}",
        suite,
        str(root),
        archive.uri,
    )
    run_logged(argv, layout.work_log)


def _configure(layout: Layout, machine: Machine, suite: str, root: Path) -> None:
    _write_apt_configuration(machine, suite, root)
    _write_dpkg_configuration(root)
    _trust_machine_certificates(layout, root)
    # Security updates since the release come as they do in the official images.
    chroot = ("chroot", str(root), "env", "DEBIAN_FRONTEND=noninteractive", "apt-get")
    run_logged((*chroot, "update"), layout.work_log)
    run_logged((*chroot, "-y", "dist-upgrade"), layout.work_log)
    _slim(root)


def _write_apt_configuration(machine: Machine, suite: str, root: Path) -> None:
    etc = root / "etc/apt"
    (etc / "sources.list").unlink(missing_ok=True)
    sources = sources_for_suite(read_apt_sources(), machine.codename, suite)
    (etc / "sources.list.d/debian.sources").write_text("\n".join(source.as_deb822() for source in sources))
    for name, text in APT_SETTINGS.items():
        (etc / "apt.conf.d" / name).write_text(text)
    answers = {name: capture(("apt-config", "shell", "VALUE", name)).stdout for name in MACHINE_APT_SETTINGS}
    lines = [f'{name} "{text.partition("=")[2].strip().strip(chr(39))}";\n' for name, text in answers.items() if text]
    if lines:
        (etc / "apt.conf.d" / "90machine").write_text("".join(lines))


def _write_dpkg_configuration(root: Path) -> None:
    folder = root / "etc/dpkg/dpkg.cfg.d"
    folder.mkdir(parents=True, exist_ok=True)
    excludes = "".join(f"path-exclude /usr/share/{name}/*\n" for name in LEFT_OUT)
    (folder / "docker").write_text(f"{excludes}path-include /usr/share/doc/*/copyright\n")
    (folder / "docker-apt-speedup").write_text("force-unsafe-io\n")
    policy = root / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\n# No service starts while a package is installed.\nexit 101\n")
    policy.chmod(0o755)


def _trust_machine_certificates(layout: Layout, root: Path) -> None:
    """Take over what the machine trusts beyond Debian's certificates: apt, pip and uv then work as they do on it."""
    certificates = machine_certificates()
    if not certificates:
        return
    folder = root / LOCAL_CERTIFICATES.relative_to("/")
    folder.mkdir(parents=True, exist_ok=True)
    for certificate in certificates:
        shutil.copyfile(certificate, folder / certificate.name)
    run_logged(("chroot", str(root), "update-ca-certificates"), layout.work_log)
    # pip reads this file; what brings its own list (uv) or asks OpenSSL reads the variable of base_environment.
    (root / "etc/pip.conf").write_text(f"[global]\ncert = {CERTIFICATE_BUNDLE}\n")


def _slim(root: Path) -> None:
    """Remove what debootstrap unpacked before the path excludes were in force, and all lists, logs and caches."""
    for name in LEFT_OUT:
        for path in sorted((root / "usr/share" / name).rglob("*"), reverse=True):
            if path.is_dir() and not path.is_symlink():
                if not any(path.iterdir()):
                    path.rmdir()
            elif path.name != "copyright":
                path.unlink()
    for pattern in LEFTOVERS:
        for path in root.glob(pattern):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
