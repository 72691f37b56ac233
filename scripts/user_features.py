"""What attributes of users are worth where tastes depend on them: data is made up, prepared and trained on twice.

    python3 scripts/user_features.py target/release/slirec [DIRECTORY]

Shoppers of four age groups: half of what they view is what all do, the other half what their group likes. Two thirds have
10 to 20 views, the others 2 to 4, whose test rows have a history of 1 to 3 views. Of one shopper in four the group is not
known. One model reads the group and one does not; NDCG@10 over all items on the same rows, with the 95 % interval of the
ratio by drawing shoppers with replacement. The last lines are of the shoppers of whom nothing is known.
"""

import json
import math
import random
import subprocess
import sys
import tempfile
from pathlib import Path

GROUPS, USERS, COMMON, OF_GROUP = 4, 6_000, 150, 60


def write_data(folder):
    draw = random.Random(7)

    def popular(count):
        return min(int(count * draw.random() ** 2.5), count - 1)

    with open(folder / "interactions.tsv", "w") as views, open(folder / "users.tsv", "w") as users:
        users.write("user\tage_group\n")
        for user in range(USERS):
            group = draw.randrange(GROUPS)
            if draw.random() < 0.75:
                users.write(f"u{user}\tgroup {group}\n")
            count = draw.randint(2, 4) if user % 3 == 0 else draw.randint(10, 20)
            now = 1_790_000_000 + draw.randrange(2_000_000)
            for _ in range(count):
                common = draw.random() < 0.5
                item = popular(COMMON) if common else COMMON + group * OF_GROUP + popular(OF_GROUP)
                now += draw.randint(20, 900)
                views.write(f"1\tu{user}\ti{item}\t{now}\tshop\n")


def gains(path):
    found = {}
    for line in open(path):
        row = json.loads(line)
        rank = row["rank"]
        gain = 1 / math.log2(rank + 1) if rank is not None and rank <= 10 else 0.0
        found[row["user"]] = (row["history_length"], gain)
    return found


def interval(one, other):
    """NDCG@10 of both, and the ratio less 1 with its interval."""
    draw, pairs = random.Random(1), list(zip(one, other, strict=True))
    ratios = []
    for _ in range(1_000):
        sample = draw.choices(pairs, k=len(pairs))
        ratios.append(sum(a for a, _ in sample) / max(sum(b for _, b in sample), 1e-9) - 1)
    ratios.sort()
    mean = [sum(values) / len(values) for values in (one, other)]
    return mean, mean[0] / mean[1] - 1, ratios[24], ratios[974]


def main():
    slirec = str(Path(sys.argv[1]).resolve())
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(tempfile.mkdtemp())
    folder.mkdir(exist_ok=True)
    write_data(folder)

    def run(*arguments):
        subprocess.run([slirec, *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL)

    # The same rows without what is known of the users.
    run("prepare", "--interactions", "interactions.tsv", "--output", "plain", "--force")
    run("prepare", "--interactions", "interactions.tsv", "--users", "users.tsv", "--output", "told", "--force")
    for name, flags in [("plain", []), ("told", ["--user-feature", "age_group"])]:
        run("train", "--dataset", name, "--output", f"run-{name}", "--force", *flags)
        rows = ["--run", f"run-{name}", "--dataset", name, "--all"]
        run("evaluate", *rows, "--predictions", f"{name}.jsonl")
    known = {line.split("\t")[0] for line in open(folder / "users.tsv")}
    plain, told = gains(folder / "plain.jsonl"), gains(folder / "told.jsonl")
    for told_of, rows in [("known", known.__contains__), ("unknown", lambda user: user not in known)]:
        for name, lengths in [("1 to 3 views", range(1, 4)), ("any history", range(1, 100))]:
            users = [user for user, (length, _) in plain.items() if length in lengths and rows(user)]
            both = [[of[user][1] for user in users] for of in (told, plain)]
            (with_it, without), ratio, low, high = interval(*both)
            print(f"group {told_of}, {name}: {len(users)} rows, NDCG@10 {with_it:.4f} with the attribute, ", end="")
            print(f"{without:.4f} without: {ratio:+.1%} (95 %: {low:+.1%} to {high:+.1%})")


if __name__ == "__main__":
    main()
