"""The companion's writers: each command is killed at its operations on files, and meets a full disk; afterwards its output
is complete or absent, an older output is still there, and the same command succeeds.

Enters: what `harness` has. The same input and seed give the same bytes, so an output is complete when it has the bytes of a
run that nobody killed.
"""

import shutil
from pathlib import Path

from harness import KILLED, ROOT, expect, leftovers, new_folder, remove, tree

# A signature is another one each time.
VARIES = ("model.sig",)


class Writer:
    """A command with one output."""

    def __init__(self, name, arguments, output, kills):
        self.name, self.arguments, self.output, self.kills = name, arguments, output, kills


def writers():
    catalog, rules = ROOT / "data/demo/catalog.json", ROOT / "data/demo/rules.toml"
    generate = ["interactions", "generate", "--catalog", catalog, "--rules", rules, "--users", "20"]
    train = ["train", "--dataset", "dataset", "--output", "run", "--epochs", "1", "--summaries", "off"]
    export = ["export", "--run", "run", "--dataset", "dataset", "--catalog", catalog, "--sign", "key.pem"]
    yield Writer("generate", [*generate, "--output", "interactions.tsv"], "interactions.tsv", 30)
    yield Writer("prepare", ["prepare", "--interactions", "interactions.tsv", "--output", "dataset"], "dataset", 100)
    yield Writer("train", train, "run", 40)
    yield Writer("export", [*export, "--output", "bundle"], "bundle", 50)


def road(chaos):
    """A folder in which all commands ran once."""
    folder = new_folder(chaos)
    key = folder / "key.pem"
    shutil.copy(ROOT / "crates/connect/tests/fixtures/signing/key.pem", key)
    key.chmod(0o600)
    return folder


def attack_all(chaos):
    """Every writer in its turn; leaves the folder with all outputs."""
    folder = road(chaos)
    for writer in writers():
        # Replacing an older output is the longer of both.
        chaos.succeed(writer.arguments, folder)
        total = chaos.operations([*writer.arguments, "--force"], folder)
        print(f"{writer.name}: {total} operations on files", flush=True)
        attack(chaos, writer, folder, total)
    return folder


def attack(chaos, writer, folder, total):
    output = folder / writer.output
    whole = tree(output, VARIES)
    for point in chaos.points(total, writer.kills):
        torn, over = chaos.chance.random() < 0.5, chaos.chance.random() < 0.5
        what = f"killed at operation {point} of {total}{', torn' if torn else ''}{', over an older one' if over else ''}"
        chaos.check(writer.name, what, lambda: kill(chaos, writer, folder, whole, point, torn, over))
    largest = size(output)
    for _ in range(max(1, round(12 * chaos.scale))):
        room = chaos.chance.randrange(largest)
        chaos.check(writer.name, f"disk full after {room} bytes", lambda: fill(chaos, writer, folder, whole, room))
    remove(output)
    chaos.succeed(writer.arguments, folder)


def size(path):
    path = Path(path)
    return path.stat().st_size if path.is_file() else sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def kill(chaos, writer, folder, whole, point, torn, over):
    output = folder / writer.output
    arguments = writer.arguments
    older = None
    if over:
        older = make_older(output)
        arguments = [*arguments, "--force"]
    else:
        remove(output)
    code, said = chaos.run(arguments, folder, kill_at=point, torn=torn)
    if code == KILLED:
        chaos.killed(writer.name)
    else:
        # Threads write in another order now and then: there were fewer operations this time.
        expect(code == 0, f"ended with {code}: {said.strip()}")
    check_output(chaos, writer, folder, whole, older, code == KILLED)


def make_older(output):
    """Makes the output another one of the same kind."""
    file = output if output.is_file() else max(output.iterdir(), key=lambda file: file.name)
    with file.open("ab") as opened:
        opened.write(b"\n")
    return tree(output, VARIES)


def check_output(chaos, writer, folder, whole, older, was_killed):
    found = tree(folder / writer.output, VARIES)
    if writer.name == "train":
        return check_run(chaos, writer, folder, whole, older, found)
    allowed = [whole, older] if was_killed else [whole]
    expect(found in allowed, f"the output is {describe(found, whole)}, expected {'the older one or ' if older else ''}nothing or all")
    if found is not None and writer.name == "export":
        expect((folder / "bundle/model.sig").is_file(), "the bundle has no signature")
    force = ["--force"] if found is not None else []
    chaos.succeed([*writer.arguments, *force], folder)
    expect(tree(folder / writer.output, VARIES) == whole, "the next run gives other bytes")
    expect(not leftovers(folder), f"the next run leaves {leftovers(folder)} behind")


def describe(found, whole):
    if found is None:
        return "gone"
    if isinstance(found, str) or isinstance(whole, str):
        return "other bytes"
    differ = sorted(name for name in found.keys() | whole.keys() if found.get(name) != whole.get(name))
    return f"another one in {differ}"


def check_run(chaos, writer, folder, whole, older, found):
    """A run is written while it goes on: half of one is never taken for a whole one, and what is there goes on."""
    if found not in (None, whole, older):
        code, said = chaos.run(["export", "--run", "run", "--dataset", "dataset", "--output", "refused"], folder)
        expect(code != 0 or finished(folder), f"half a run was exported: {said.strip()}")
        remove(folder / "refused")
    resumed, said = chaos.run(["train", "--dataset", "dataset", "--output", "run", "--resume", "--summaries", "off"], folder)
    if resumed != 0:
        expect("run" in said, f"resuming says nothing of the run: {said.strip()}")
        force = ["--force"] if (folder / "run").exists() else []
        chaos.succeed([*writer.arguments, *force], folder)
    best = tree(folder / "run").get("best.safetensors")
    expect(best == whole["best.safetensors"] or (older and best == older["best.safetensors"]), "the weights are others")
    # An older run that is only resumed is no next run of the same command.
    expect(older or not leftovers(folder), f"the next run leaves {leftovers(folder)} behind")


def finished(folder):
    return '"finished"' in (folder / "run/run.json").read_text()


def fill(chaos, writer, folder, whole, room):
    """A disk that fills: the command says so, leaves nothing half, and succeeds once there is room."""
    output = folder / writer.output
    remove(output)
    code, said = chaos.run(writer.arguments, folder, full=room)
    chaos.others[f"{writer.name}, full disk"] += 1
    found = tree(output, VARIES)
    if code == 0:
        # What is written and read again within the run counts as room, so a little more may fit.
        expect(found == whole, "it ended well with half an output")
    else:
        expect("No space left" in said or "os error 28" in said, f"it does not say that the disk is full: {said.strip()}")
        expect(writer.name == "train" or found is None, f"the output is {describe(found, whole)}")
    remove(output)
    chaos.succeed(writer.arguments, folder)
    expect(tree(output, VARIES) is not None, "there is no output")

