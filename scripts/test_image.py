"""Checks an image of the Dockerfile in containers that may do as little as those of deploy/.

Enters: the program that runs containers (docker or podman) and the image's name. Leaves: one line for each thing that was
checked, or the first that is wrong.
"""

import contextlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.request
from pathlib import Path, PurePosixPath

BUILDER, IMAGE = sys.argv[1:]
# As in deploy/: nothing can be written, no rights, none to be had.
CONFINED = ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
if Path(BUILDER).name.startswith("podman"):
    # Podman would let /tmp and /run be written nevertheless.
    CONFINED.append("--read-only-tmpfs=false")
USER = "10001"
CACHE = "/var/cache/slirec"
LIBRARY = "/opt/slirec/onnxruntime/libonnxruntime.so"
BINARY = "/usr/local/bin/slirec-server"
DEMO = "slirec-demo"
TIMEOUT = 30
# Where components come from, as package URLs name it.
KINDS = ("cargo", "pypi", "deb")
REQUESTS = {
    "/v1/recommendations": {"history": [{"item": "novel", "time": 1730807061}], "limit": 3},
    "/invocations": {"inputs": {"userId": "shopper-1", "items": ["novel"], "timestamps": ["1730807061"]}},
}
# Folders that Debian leaves empty, or nearly: whatever is in them comes from the Dockerfile.
OURS = ("opt", "usr/local", "srv", "home", "build", "tmp", "var/tmp", "var/cache/slirec", "root")
# What Debian has there nevertheless.
DEBIANS = {"root/.bashrc", "root/.profile", "usr/local/man"}
BUILD_TOOLS = {"cargo", "cc", "curl", "gcc", "git", "ld", "make", "pip", "python3", "rustc", "rustup", "wget"}


def check(condition, message):
    if not condition:
        sys.exit(f"error: {message}")


def builder(*arguments):
    """What the program prints; its own message when it fails."""
    done = subprocess.run((BUILDER, *arguments), capture_output=True, text=True)
    check(done.returncode == 0, f"{BUILDER} {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout.strip()


def read(*arguments):
    """Both of its outputs, whether it succeeds or not."""
    return subprocess.run((BUILDER, *arguments), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout


def in_image(program, *arguments, options=()):
    return builder("run", "--rm", *CONFINED, *options, "--entrypoint", program, IMAGE, *arguments)


@contextlib.contextmanager
def running(*options):
    """A service that is ready: its container, its address and the seconds that its start took."""
    begun = time.monotonic()
    container = builder("run", "--detach", *CONFINED, "--publish", "127.0.0.1::8080", *options, IMAGE)
    try:
        # None when the service has ended already.
        done = subprocess.run((BUILDER, "port", container, "8080/tcp"), capture_output=True, text=True)
        published = done.stdout.split()
        check(published, f"no service: {logs(container)}")
        address = f"http://{published[0]}"
        while not answers(f"{address}/ready"):
            running = builder("inspect", "--format", "{{.State.Running}}", container) == "true"
            check(running and time.monotonic() - begun < TIMEOUT, f"no service: {logs(container)}")
            time.sleep(0.02)
        yield container, address, time.monotonic() - begun
    finally:
        subprocess.run((BUILDER, "rm", "--force", "--volumes", container), capture_output=True)


def logs(container):
    return read("logs", container).strip()


def answers(address):
    try:
        return urllib.request.urlopen(address, timeout=1).status == 200
    except OSError:
        return False


def ask(address, route):
    body = json.dumps(REQUESTS[route]).encode()
    request = urllib.request.Request(address + route, body, {"content-type": "application/json"})
    return json.load(urllib.request.urlopen(request, timeout=5))


def check_answers(address, model):
    recommended = ask(address, "/v1/recommendations")
    check(recommended["source"] == "model" and len(recommended["items"]) == 3, f"/v1/recommendations: {recommended}")
    check(recommended["model"]["name"] == model, f"another model than {model}: {recommended['model']}")
    invoked = ask(address, "/invocations")
    check(len(invoked["predictions"][0]["itemIds"]) == 16, f"/invocations: {invoked}")


def check_service():
    with running() as (container, address, seconds):
        check_answers(address, DEMO)
        print(f"the demo answers /v1/recommendations and /invocations, {seconds:.2f} s after `{Path(BUILDER).name} run`")
        image = json.loads(builder("image", "inspect", IMAGE))[0]
        health = image.get("Healthcheck") or image["Config"].get("Healthcheck")
        check(health, "the image has no health check")
        kind, *command = health["Test"]
        check(kind == "CMD", f"no health check without a shell: {health['Test']}")
        builder("exec", container, *command)
        print(f"health check: {' '.join(command)} succeeds")
        check_process(container)
        builder("stop", "-t", str(TIMEOUT), container)
        code = builder("inspect", "--format", "{{.State.ExitCode}}", container)
        check(code == "0", f"stopped with {code}: {logs(container)}")
        print("stop signal: ends with 0")


def check_process(container):
    """The first process is the service itself, without a shell between it and the signals, and has no rights."""
    status = builder("exec", container, "cat", "/proc/1/status").splitlines()
    fields = {name: value.split() for name, value in (line.split(":", 1) for line in status)}
    check(fields["Name"] == ["slirec-server"], f"the first process is {fields['Name']}")
    check(fields["Uid"] == [USER] * 4 and fields["Gid"] == [USER] * 4, f"user {fields['Uid']}, group {fields['Gid']}")
    check(int(fields["CapEff"][0], 16) == 0, f"capabilities {fields['CapEff']}")
    print(f"runs as user and group {USER}, without capabilities, its files read-only")


def check_bundle():
    """Another bundle, mounted as the Dockerfile says."""
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder, "bundle")
        shutil.copytree("models/demo", bundle)
        manifest = bundle / "manifest.json"
        manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "name": "mounted"}))
        for path in (bundle.parent, bundle, *bundle.iterdir()):
            path.chmod(0o755)
        with running("--volume", f"{bundle}:/bundle:ro,z", "--env", "SLIREC__MODEL__PATH=/bundle") as (_, address, _):
            check_answers(address, "mounted")
    print("bundle: one that is mounted read-only is served")


def check_cache():
    """The registry's cache is the user's: in the image, and in the volume that is made for it."""
    written = f"{CACHE}/written"
    builder("run", "--rm", "--entrypoint", "touch", IMAGE, written)
    volume = builder("volume", "create")
    try:
        in_image("touch", written, options=("--volume", f"{volume}:{CACHE}"))
    finally:
        builder("volume", "rm", "--force", volume)
    print(f"{CACHE}: can be written, in the image and as a volume")


def check_libraries():
    for file in (BINARY, LIBRARY):
        lines = in_image("ldd", file).splitlines()
        missing = [line.strip() for line in lines if "not found" in line]
        check(not missing, f"{file}: {missing}")
        print(f"{file}: all {len(lines)} libraries are there")


def check_components():
    """The list of what the image is made of has every package that dpkg knows in it, the crates and ONNX Runtime."""
    listed = json.loads(in_image("cat", "/opt/slirec/sbom.cdx.json"))["components"]
    names = {kind: {part["name"] for part in listed if part.get("purl", "").startswith(f"pkg:{kind}/")} for kind in KINDS}
    packages = set(in_image("dpkg-query", "--show", "--showformat", "${Package}\n").split())
    check(names["deb"] == packages, f"packages that differ: {sorted(names['deb'] ^ packages)}")
    check("axum" in names["cargo"], f"no axum among {len(names['cargo'])} crates")
    check(any(name.startswith("onnxruntime") for name in names["pypi"]), f"no ONNX Runtime among {names['pypi']}")
    print("components: " + ", ".join(f"{len(found)} {kind}" for kind, found in names.items()))


def check_files():
    expected = {file.removeprefix("/") for file in (BINARY, LIBRARY)}
    expected |= {f"opt/slirec/{name}" for name in ("LICENSE", "THIRD-PARTY.txt", "sbom.cdx.json")}
    expected |= {f"opt/slirec/onnxruntime/{name}" for name in ("LICENSE", "ThirdPartyNotices.txt")}
    expected |= {f"opt/slirec/models/demo/{file.name}" for file in Path("models/demo").iterdir()}
    container = builder("create", IMAGE)
    try:
        with subprocess.Popen((BUILDER, "export", container), stdout=subprocess.PIPE) as exported:
            with tarfile.open(fileobj=exported.stdout, mode="r|") as archive:
                files = {entry.name.removeprefix("./"): entry.size for entry in archive if not entry.isdir()}
    finally:
        builder("rm", container)
    ours = {name for name in files if any(PurePosixPath(name).is_relative_to(folder) for folder in OURS)} - DEBIANS
    library = {name for name in ours if PurePosixPath(name).match("opt/slirec/onnxruntime/libonnxruntime.so.*")}
    check(len(library) == 1, f"ONNX Runtime's library: {sorted(library)}")
    check(ours == expected | library, f"files that differ from what is expected: {sorted(ours ^ (expected | library))}")
    tools = {name for name in files if PurePosixPath(name).parent.name == "bin" and PurePosixPath(name).name in BUILD_TOOLS}
    check(not tools, f"tools of the build: {sorted(tools)}")
    size = sum(files.values())
    added = sum(files[name] for name in ours)
    print(f"files: {len(ours)} beside Debian's ({added / 1e6:.0f} of {size / 1e6:.0f} MB), no tools of the build")


def main():
    check_service()
    check_bundle()
    check_cache()
    check_libraries()
    check_components()
    check_files()


if __name__ == "__main__":
    main()
