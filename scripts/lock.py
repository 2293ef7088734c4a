"""Lock files: pin every dependency, the service's and the development tools'. Run by `just lock`.

Three places are kept in line with the version ranges of pyproject.toml:

- requirements.lock: what the service needs, with hashes. The Docker image installs it.
- requirements-dev.lock: the same and every dependency group, with hashes. CI installs it.
- `constraint-dependencies` in pyproject.toml: the versions of requirements-dev.lock, no hashes.
  `uv run` respects them, so a fresh clone gets the versions that CI has tested.

uv.lock is not in git because it names the registry that it was made from; none of these does.
"""

from __future__ import annotations

import argparse
import difflib
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]

COMPILE = (
    *("uv", "pip", "compile", "pyproject.toml"),
    *("--universal", "--python-version=3.11", "--generate-hashes", "--no-header", "--quiet"),
)

BEGIN, END = "# begin: written by `just lock`\n", "# end: written by `just lock`\n"
OWN_EXTRA = re.compile(r'^ *"tickets\[.*\]",\n', re.MULTILINE)
BLOCK = re.compile(f"{BEGIN}.*?{END}", re.DOTALL)


def locked(*, upgrade: bool) -> dict[str, str]:
    """Return the text that each file should have.

    A version that is pinned already stays if it still fits; `upgrade` takes the newest that fits.
    """
    pyproject = (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")
    groups = [f"--group={group}" for group in tomllib.loads(pyproject)["dependency-groups"]]
    # both files name the same version of a package
    everything = ["--all-extras", *groups, "--constraints=requirements.lock"]
    locks = {"requirements.lock": [], "requirements-dev.lock": everything}
    texts = {}
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        # Without the constraints, which would hold every version where it is. And without the
        # group's reference to this project: a registry may have a stranger's package of that name.
        bare = OWN_EXTRA.sub("", BLOCK.sub("", pyproject))
        (copy / "pyproject.toml").write_text(bare, encoding="utf-8")
        for name, options in locks.items():
            if (CHECKOUT / name).exists():
                (copy / name).write_bytes((CHECKOUT / name).read_bytes())
            more = ["--upgrade"] if upgrade else []
            subprocess.run(
                [*COMPILE, *options, *more, f"--output-file={name}"], cwd=copy, check=True
            )
            head = "# Written by `just lock` from pyproject.toml.\n"
            texts[name] = head + (copy / name).read_text(encoding="utf-8")
    block = "".join([BEGIN, "constraint-dependencies = [\n", *_constraints(texts), "]\n", END])
    texts["pyproject.toml"] = BLOCK.sub(lambda _: block, pyproject)
    return texts


def _constraints(texts: dict[str, str]) -> Iterator[str]:
    """Yield a line for each pinned version, with the platforms that it is for."""
    for line in texts["requirements-dev.lock"].splitlines():
        if re.match(r"[\w.-]+(\[.*\])?==", line):
            requirement = line.removesuffix("\\").strip().replace('"', "'")
            yield f'    "{requirement}",\n'


def differences(texts: dict[str, str]) -> str:
    """Return how the files differ from these texts, as a diff without comments."""
    lines: list[str] = []
    for name, text in texts.items():
        path = CHECKOUT / name
        there = path.read_text(encoding="utf-8") if path.exists() else ""
        # the comments in a lock are uv's: another version of uv may word them otherwise
        old, new = (
            [line for line in each.splitlines() if not re.match(r"\s*#", line)]
            for each in (there, text)
        )
        lines += difflib.unified_diff(old, new, name, f"{name}, as it should be", lineterm="")
    return "\n".join(lines)


def main() -> int:
    """Write the files, or compare them."""
    parser = argparse.ArgumentParser(prog="just lock", description=__doc__)
    option = parser.add_argument
    option("--check", action="store_true", help="change nothing; fail if a file is out of date")
    option("--upgrade", action="store_true", help="take the newest versions that fit")
    arguments = parser.parse_args()
    texts = locked(upgrade=arguments.upgrade)
    if arguments.check:
        found = differences(texts)
        if found:
            print(
                f"{found}\n\nThe lock files are out of date. Run: uv run just lock", file=sys.stderr
            )
        return 1 if found else 0
    for name, text in texts.items():
        (CHECKOUT / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
