#!/usr/bin/env python3
"""Compares our signatures of bundles with those of the reference tool, the Python package `model-signing`, both ways.

Enter: the companion and the service (COMPANION and SLIREC_SERVER, by default target/debug/slirec and target/debug/slirec-server);
run by the Python of the environment that has the package. Leaves: a line for each check; ends with 1 at the first that fails.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "tests/fixtures/golden"
SLIREC = Path(os.environ.get("COMPANION", ROOT / "target/debug/slirec"))
SERVER = Path(os.environ.get("SLIREC_SERVER", ROOT / "target/debug/slirec-server"))
TOOL = Path(sys.executable).parent / "model_signing"


def keys(folder, name, curve):
    """A new key: files with its private and its public half."""
    key = ec.generate_private_key(curve)
    private, public = folder / f"{name}.pem", folder / f"{name}.pub"
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, *form))
    private.chmod(0o600)
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    public.write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, form))
    return private, public


def ends(command, **variables):
    """Whether a command succeeds, and what it says."""
    done = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, check=False)
    return done.returncode == 0, done.stdout + done.stderr


def check(what, outcome, wanted=True):
    """Ends the script unless the outcome is the wanted one."""
    succeeded, said = outcome
    if succeeded != wanted:
        sys.exit(f"FAILED: {what}\n{said}")
    print(f"ok: {what}")


def ours_signs(bundle, private):
    names = {"item-vocabulary": "item_vocab", "category-vocabulary": "cate_vocab", "item-categories": "item_category"}
    flags = [text for flag, name in names.items() for text in (f"--{flag}", GOLDEN / f"{name}.json")]
    source = ["--from", GOLDEN / "weights.safetensors", "--catalog", GOLDEN / "catalog.json"]
    return ends([SLIREC, "export", *source, *flags, "--output", bundle, "--sign", private])


def ours_verifies(bundle, public):
    return ends([SERVER, "--check"], SLIREC__MODEL__PATH=str(bundle), SLIREC__MODEL__TRUST=str(public))


def theirs_signs(bundle, private):
    signature = bundle / "model.sig"
    return ends([TOOL, "sign", "key", "--private_key", private, "--signature", signature, bundle])


def theirs_verifies(bundle, public):
    signature = bundle / "model.sig"
    return ends([TOOL, "verify", "key", "--public_key", public, "--signature", signature, bundle])


def check_curve(folder, name, curve):
    private, public = keys(folder, name, curve)
    _, stranger = keys(folder, f"{name}-stranger", curve)
    signers = [("we", ours_signs), ("model-signing", theirs_signs)]
    verifiers = [("we", ours_verifies), ("model-signing", theirs_verifies)]
    bundle = folder / name
    for signer, signs in signers:
        check(f"{name}: {signer} sign", signs(bundle, private))
        for verifier, verifies in verifiers:
            what = f"{name}: {signer} signed, {verifier} verify"
            check(what, verifies(bundle, public))
            check(f"{what} with another key: refused", verifies(bundle, stranger), wanted=False)
            for change in (lambda to: (to / "added").touch(), lambda to: (to / "scores.onnx").write_bytes(b"")):
                changed = folder / "changed"
                shutil.copytree(bundle, changed)
                change(changed)
                check(f"{what} after a change: refused", verifies(changed, public), wanted=False)
                shutil.rmtree(changed)
        (bundle / "model.sig").unlink()


def main():
    with tempfile.TemporaryDirectory() as folder:
        check_curve(Path(folder), "P-256", ec.SECP256R1())
        check_curve(Path(folder), "P-384", ec.SECP384R1())
        private, _ = keys(Path(folder), "P-521", ec.SECP521R1())
        check("P-521: we refuse to sign", ours_signs(Path(folder) / "P-521", private), wanted=False)


if __name__ == "__main__":
    main()
