"""An ordinary user, without a control group of his own, gets a real sandbox that says which limits are soft."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
USER = 54321
SCRIPT = """
import asyncio, json, os
from proofsmith.executors.choice import open_sandbox
from proofsmith.executors.command import Machine
from proofsmith.types import Limits

async def main():
    box = (await open_sandbox()).fresh()
    await box.write("a.txt", b"staged")
    who = await box.exec(["sh", "-c", "id -u; cat a.txt"], limits=Limits())
    secret = await box.exec(["cat", os.environ["SECRET"]], limits=Limits())
    grow = "x = []\\nwhile True: x.append(bytearray(1 << 22))"
    big = await box.exec(["python3", "-c", grow], limits=Limits(memory_mib=200, wall_s=20))
    long = await box.exec(["sleep", "60"], limits=Limits(wall_s=0.5))
    print(json.dumps({"uid": os.geteuid(), "level": box.level, "who": who.stdout.decode(),
        "secret": secret.stdout.decode(), "big": big.ok, "long": long.exceeded,
        "compiled": Machine.probe().runtime.compiled}))

asyncio.run(main())
"""


def _interpreter() -> str:
    """An interpreter of this version that an ordinary user may run; ours may lie in root's home."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    drop = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
    for path in (sys.executable, f"/usr/bin/{name}", shutil.which(name)):
        # By way of a shell: setpriv itself still has root's rights when it starts a program.
        tried = [*drop, "sh", "-c", f'exec "{path}" -c ""']
        if path and subprocess.run(tried, capture_output=True, check=False).returncode == 0:
            return path
    pytest.skip(f"no interpreter that an ordinary user can run: apt-get install {name}")


def _path_without_compilers(folder: Path) -> str:
    """Return a PATH on which bubblewrap is the only program."""
    folder.mkdir(mode=0o755)
    (folder / "bwrap").symlink_to(str(shutil.which("bwrap")))
    return str(folder)


@pytest.mark.slow
@pytest.mark.parametrize("compiler", [True, False], ids=["compiler", "no compiler"])
def test_an_ordinary_user_is_isolated_and_told_that_his_limits_are_soft(
    tmp_path: Path, compiler: bool
) -> None:
    if os.geteuid() != 0:
        pytest.skip("becoming another user needs root; all other tests run as this ordinary user")
    secret = tmp_path / "secret"
    secret.write_text("THE SECRET")
    home = Path("/var/tmp") / f"proofsmith-user-{os.getpid()}"
    home.mkdir()
    os.chown(home, USER, USER)
    libraries = f"{ROOT}:{sysconfig.get_path('purelib')}"
    environment = {"HOME": str(home), "PATH": os.environ["PATH"], "PYTHONPATH": libraries}
    if not compiler:
        environment["PATH"] = _path_without_compilers(home / "bin")
    command = [
        str(shutil.which("setpriv")),
        f"--reuid={USER}",
        f"--regid={USER}",
        "--clear-groups",
        _interpreter(),
    ]
    try:
        done = subprocess.run(
            [*command, "-c", SCRIPT],
            env=environment | {"SECRET": str(secret), "PYTHONDONTWRITEBYTECODE": "1"},
            cwd="/",
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    finally:
        shutil.rmtree(home)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert found["uid"] == USER
    assert found["compiled"] is compiler
    assert found["level"] == "bubblewrap+soft-limits"
    assert found["who"] == "65534\nstaged"
    assert found["secret"] == ""
    assert found["big"] is False
    assert found["long"] == "wall"
