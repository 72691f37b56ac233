"""Publishing and bringing: `registry push` and `pull` are killed at requests and operations, and meet registries that are slow,
lying, silent or broken. What a registry shows as a version is whole; what lies here is what was published, or nothing.

Enters: a folder with a bundle of `companion`.
"""

import os
import shutil
import signal
import subprocess
import time

from companion import VARIES
from fake_registry import MOODS, Registry
from harness import KILLED, LONGEST, ROOT, SLIREC, expect, leftovers, new_folder, remove, tree

MODEL = "slirec_shopify_model"
CHAMPION = f"models:/{MODEL}@champion"
# The public half of the key that `companion` signs with.
SIGNER = ROOT / "crates/connect/tests/fixtures/signing/key.pub"


def environment(registry):
    return {"MLFLOW_TRACKING_URI": registry.url}


def attack_push(chaos, road):
    arguments = ["registry", "push", "--bundle", "bundle", "--alias", "champion", "--force"]
    registry = Registry()
    chaos.succeed(arguments, road, environment(registry))
    total = registry.requests
    print(f"push: {total} requests", flush=True)
    for point in chaos.points(total, 40):
        when = chaos.chance.choice(["before", "after"])
        chaos.check("push", f"killed {when} request {point} of {total}", lambda: kill_push(chaos, road, arguments, point, when))
    for mood in MOODS:
        chaos.check("push", f"a {mood} registry", lambda: push_to(chaos, road, arguments, mood))


def start(arguments, cwd, registry):
    command = [SLIREC, *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen(command, cwd=cwd, env=os.environ | environment(registry), text=True, **pipes)


def kill_push(chaos, road, arguments, point, when):
    registry = Registry()
    started = []

    def at_request(number):
        if number != point:
            return None
        started[0].send_signal(signal.SIGKILL)
        return when

    registry.at_request = at_request
    with registry.lock:
        started.append(start(arguments, road, registry))
    started[0].communicate(timeout=LONGEST)
    expect(started[0].returncode == KILLED, f"the push ended with {started[0].returncode}")
    chaos.killed("push")
    registry.at_request = None
    check_versions(registry, road)
    chaos.succeed(arguments, road, environment(registry))
    check_versions(registry, road)
    versions = registry.versions[MODEL]
    expect(len(versions) == 1, f"one bundle became {len(versions)} versions")
    expect(registry.models[MODEL].get("champion") == "1", "the alias points nowhere")
    registry.server.shutdown()


def check_versions(registry, road):
    """Versions that are shown have all files of the bundle, as they are here."""
    bundle = {file.name: file.read_bytes() for file in (road / "bundle").iterdir()}
    for version in registry.versions.get(MODEL, []):
        found = registry.bundle_of(version)
        expect(found == bundle, f"version {version['version']} is shown without {sorted(bundle.keys() - found.keys())}")


def push_to(chaos, road, arguments, mood):
    """A registry that misbehaves, and then no longer."""
    registry = Registry()
    registry.mood = mood
    started = start(arguments, road, registry)
    try:
        said, _ = started.communicate(timeout=60 if mood not in ("silent",) else 3)
        expect(mood in ("slow", "lying", "cut") or started.returncode != 0, f"it was published: {said.strip()}")
    except subprocess.TimeoutExpired:
        expect(mood == "silent", "it does not end")
        started.kill()
        started.communicate()
        chaos.killed("push")
    chaos.others[f"push, {mood} registry"] += 1
    registry.mood = None
    chaos.succeed(arguments, road, environment(registry))
    check_versions(registry, road)
    expect(len(registry.versions[MODEL]) == 1, "one bundle became several versions")
    registry.server.shutdown()


def attack_pull(chaos, road):
    registry, folder = Registry(), new_folder(chaos)
    push = ["registry", "push", "--bundle", "bundle", "--alias", "champion", "--force"]
    chaos.succeed(push, road, environment(registry))
    key = folder / "key.pub"
    shutil.copy(SIGNER, key)
    arguments = ["registry", "pull", CHAMPION, "--output", "pulled", "--trust", key]
    chaos.succeed(arguments, folder, environment(registry))
    total = chaos.operations([*arguments, "--force"], folder, environment(registry))
    print(f"pull: {total} operations on files", flush=True)
    whole = tree(folder / "pulled")
    expect(whole == tree(road / "bundle"), "what was pulled is not what was pushed")
    for point in chaos.points(total, 80):
        what = f"killed at operation {point} of {total}"
        chaos.check("pull", what, lambda: kill_pull(chaos, folder, registry, arguments, whole, point))
    for mood in MOODS:
        for _ in range(2):
            chaos.check("pull", f"a {mood} registry", lambda: pull_from(chaos, folder, registry, arguments, whole, mood))
    registry.server.shutdown()


def kill_pull(chaos, folder, registry, arguments, whole, point):
    output = folder / "pulled"
    over = chaos.chance.random() < 0.5 and output.exists()
    if not over:
        remove(output)
    older = tree(output)
    code, said = chaos.run(
        [*arguments, *(["--force"] if over else [])], folder, environment(registry), kill_at=point, torn=chaos.chance.random() < 0.5
    )
    expect(code in (KILLED, 0), f"it ended with {code}: {said.strip()}")
    if code == KILLED:
        chaos.killed("pull")
    found = tree(output)
    expect(found in ([whole] if over else [whole, None]), f"what lies here is neither nothing nor all (before: {older is not None})")
    chaos.succeed([*arguments, *(["--force"] if found else [])], folder, environment(registry))
    expect(tree(output) == whole, "the next pull brings something else")
    expect(not leftovers(folder), f"the next pull leaves {leftovers(folder)} behind")


def pull_from(chaos, folder, registry, arguments, whole, mood):
    """A registry that misbehaves, and a client that is killed while it waits."""
    output = folder / "pulled"
    remove(output)
    registry.mood = mood
    started = start(arguments, folder, registry)
    patience = chaos.chance.uniform(0.05, 1.5) if mood in ("silent", "slow") else 60
    began = time.monotonic()
    try:
        said, _ = started.communicate(timeout=patience)
        expect(mood == "slow" or started.returncode != 0, f"it was taken: {said.strip()}")
    except subprocess.TimeoutExpired:
        expect(time.monotonic() - began < 50, "it does not end")
        started.kill()
        started.communicate()
        chaos.killed("pull")
    finally:
        registry.mood = None
    chaos.others[f"pull, {mood} registry"] += 1
    expect(tree(output) in (None, whole), "half a bundle lies here")
    if not output.exists():
        chaos.succeed(arguments, folder, environment(registry))
    expect(tree(output, VARIES) == {name: hash for name, hash in whole.items() if name not in VARIES}, "another bundle lies here")


