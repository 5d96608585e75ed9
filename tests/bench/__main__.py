"""`python -m tests.bench [quick|full]`: speeds of the main job against skopeo, the shell and an empty typer app.

Figures are medians of whole processes; ratios are taken pair by pair in one run. Raw data goes to build/bench.json.
"""

from __future__ import annotations

import compileall
import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import probe
from probe.demo.image import build_image
from tests.bench import gate, watching
from tests.bench.archives import write_archive
from tests.bench.measure import alternate, median, ratio, raw, run

_GB = 10**9
_EMPTY_APP = "import typer\napp = typer.Typer()\n@app.command()\ndef main(): pass\napp()\n"
_SHELL = 'id; ls -ld "$(dirname "$1")" "$1"; stat "$1"; mount | grep -F "$(df --output=target "$1" | tail -n 1)"'


class Bench:
    """One run of everything, with its raw data."""

    def __init__(self, directory: Path, *, quick: bool) -> None:
        self.directory, self.quick = directory, quick
        self.times = 5 if quick else 11
        self.raw: dict[str, object] = {}

    def compare(self, title: str, commands: dict[str, Sequence[str]], base: str, times: int | None = None) -> None:
        """Measure, print a table with the ratios against `base`, keep the raw data."""
        runs = alternate({name: partial(run, command) for name, command in commands.items()}, times or self.times)
        self.raw[title] = raw(runs)
        print(f"\n{title}")
        print(f"  {'':34} {'wall s':>9} {'cpu s':>9} {'peak MiB':>9} {'read MB':>10} {'written MB':>10}   cpu ratio")
        for name, several in runs.items():
            failed = sum(one.status not in (0, 1) for one in several)
            note = f"  {failed} of {len(several)} failed" if failed else ""
            print(
                f"  {name:34} {median(several, 'wall'):9.3f} {median(several, 'cpu'):9.3f}"
                f" {median(several, 'peak_mib'):9.1f} {median(several, 'read') / 1e6:10.2f}"
                f" {median(several, 'written') / 1e6:10.2f}   {ratio(several, runs[base], 'cpu'):.2f}{note}"
            )

    def startup(self) -> None:
        """What the start costs, and what of it is Python's and the libraries'."""
        archive = self.directory / "small.tar"
        archive.write_bytes(build_image(weights_bytes=4096).archive)
        reference = f"oci-archive:{archive}"
        check = [sys.executable, "-m", "probe", "check", reference, "--skopeo", "never", "--gap", "1ms"]
        self.compare(
            "Start-up: probe check on a small archive, against an empty typer app",
            {
                "an empty typer app": [sys.executable, "-c", _EMPTY_APP],
                "probe check --json": [*check, "--json"],
                "probe check": check,
                "probe --version": [sys.executable, "-m", "probe", "--version"],
                "floor: python": [sys.executable, "-c", "pass"],
                "floor: import pydantic": [sys.executable, "-c", "import pydantic; pydantic.BaseModel"],
                "the shell block": ["sh", "-c", _SHELL, "sh", str(archive)],
            },
            "an empty typer app",
            times=self.times * 2,
        )

    def facts(self) -> None:
        """Facts and digest of archives, against skopeo inspect."""
        skopeo = shutil.which("skopeo")
        sizes = {"10 MB": 10**7, "1 GB": _GB} if not self.quick else {"10 MB": 10**7, "100 MB": 10**8}
        for name, size in sizes.items():
            archive = self.directory / "image.tar"
            write_archive(archive, size)
            commands = {
                "probe collect": self._collect(archive),
                "probe check --deep": [*self._check(archive), "--deep"],
                "sha256sum": ["sha256sum", str(archive)],
            }
            if shutil.which("openssl"):
                commands["openssl sha256"] = ["openssl", "dgst", "-sha256", str(archive)]
            if skopeo:
                temporary = str(self.directory)
                commands["skopeo inspect"] = [skopeo, "--tmpdir", temporary, "inspect", f"oci-archive:{archive}"]
            self.compare(
                f"Facts of an archive of {name}", commands, "skopeo inspect" if skopeo else "sha256sum", times=3
            )
            archive.unlink()

    def huge(self) -> None:
        """A 14 GB archive, sparse: headers only."""
        archive = self.directory / "huge.tar"
        write_archive(archive, 14 * _GB, sparse=True)
        self.compare(
            "Facts of an archive of 14 GB (sparse)",
            {"probe collect": self._collect(archive), "floor: probe --version": [*self._python(), "--version"]},
            "floor: probe --version",
        )
        archive.unlink()

    def _python(self) -> list[str]:
        return [sys.executable, "-m", "probe"]

    def _collect(self, archive: Path) -> list[str]:
        return [*self._python(), "collect", f"oci-archive:{archive}", "--skopeo", "never", "--gap", "1ms"]

    def _check(self, archive: Path) -> list[str]:
        return [*self._python(), "check", f"oci-archive:{archive}", "--skopeo", "never", "--gap", "1ms", "--json"]


def main() -> None:
    """Run all, and keep the raw data."""
    quick = sys.argv[1:2] == ["quick"]
    machine = f"{platform.machine()}, {os.cpu_count()} processors, Linux {platform.release()}"
    print(f"{machine}, Python {platform.python_version()}")
    compileall.compile_dir(Path(probe.__file__).parent, quiet=1)  # as an installed package is
    with tempfile.TemporaryDirectory(prefix="probe-bench-") as directory:
        bench = Bench(Path(directory), quick=quick)
        bench.startup()
        bench.facts()
        bench.huge()
        gate.run(bench)
        watching.run(bench)
    kept = Path("build") / "bench.json"
    kept.parent.mkdir(exist_ok=True)
    kept.write_text(json.dumps(bench.raw, indent=1))
    print(f"\nraw data: {kept}")


if __name__ == "__main__":
    main()
