//! `scripts/onnxruntime.sh`: what it pins, and what it does with wheels of an index that lies in a folder.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::{files, read, root};

/// Makes libraries and puts them into a wheel of the index: $1 the folder. The provider needs a library of CUDA and the
/// driver's, which the index does not have.
const MAKE_INDEX: &str = r#"
cd "$1"
mkdir index made
echo 'int one(void) { return 1; }' >made/one.c
cc -shared -o made/libcuda.so.1 -Wl,-soname,libcuda.so.1 made/one.c
cc -shared -o made/libcublas.so.13 -Wl,-soname,libcublas.so.13 made/one.c
cc -shared -o made/libonnxruntime.so.1.31.1 made/one.c
cc -shared -o made/libonnxruntime_providers_cuda.so -Wl,--no-as-needed made/one.c made/libcublas.so.13 made/libcuda.so.1
python3 - <<'PYTHON'
import hashlib, pathlib, platform, zipfile
machine, sums, pins = platform.machine(), [], []
wheels = {
    ("onnxruntime_gpu", "1.31.1", f"cp311-cp311-manylinux_2_28_{machine}"): {
        "onnxruntime/LICENSE": b"ours", "onnxruntime/capi/libonnxruntime.so.1.31.1": None,
        "onnxruntime/capi/libonnxruntime_providers_cuda.so": None, "onnxruntime/capi/libother.so": b"not wanted"},
    ("nvidia_cublas", "13.1", f"py3-none-manylinux_2_27_{machine}"): {
        "nvidia/cu13/lib/libcublas.so.13": None, "nvidia_cublas-13.1.dist-info/licenses/License.txt": b"theirs"},
}
for (name, version, tag), members in wheels.items():
    path = pathlib.Path("index", f"{name}-{version}-{tag}.whl")
    with zipfile.ZipFile(path, "w") as wheel:
        about = f"{name}-{version}.dist-info"
        members[f"{about}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
        members[f"{about}/WHEEL"] = f"Wheel-Version: 1.0\nTag: {tag}\n".encode()
        for member, content in members.items():
            if content is None:
                file = pathlib.Path("made", pathlib.Path(member).name)
                content = file.read_bytes()
                sums.append(f"{hashlib.sha256(content).hexdigest()}  {file.name}\n")
            wheel.writestr(member, content)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    pins.append(f"{name.replace('_', '-')}=={version} --hash=sha256:{digest}\n")
pathlib.Path(f"scripts/onnxruntime-cuda-{machine}.sha256").write_text("".join(sums))
pathlib.Path("scripts/onnxruntime-cuda.requirements.txt").write_text("".join(pins))
PYTHON
"#;

/// A folder with the script and an index.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("scripts")).unwrap();
    fs::copy(root().join("scripts/onnxruntime.sh"), folder.path().join("scripts/onnxruntime.sh")).unwrap();
    let made = Command::new("bash").args(["-euc", MAKE_INDEX, "bash"]).arg(folder.path()).output().unwrap();
    assert!(made.status.success(), "{}", said(&made));
    folder
}

fn fetch(folder: &Path) -> Output {
    let mut command = Command::new(folder.join("scripts/onnxruntime.sh"));
    let index = folder.join("index");
    command.env("CUDA", "1").env("PIP_NO_INDEX", "1").env("PIP_FIND_LINKS", index).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn libraries_for_cards_are_taken_from_their_wheels_once_and_what_is_there_is_said() {
    let folder = folder();
    let output = fetch(folder.path());
    let vendor = folder.path().join("vendor/onnxruntime-cuda");
    assert!(output.status.success(), "{}", said(&output));
    let mut names: Vec<_> = fs::read_dir(&vendor).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    let expected = [
        "LICENSE",
        "LICENSE-nvidia_cublas.txt",
        "libcublas.so.13",
        "libonnxruntime.so",
        "libonnxruntime.so.1.31.1",
        "libonnxruntime_providers_cuda.so",
    ];
    assert_eq!(names, expected);
    assert!(said(&output).contains("ONNX Runtime 1.31.1 for CUDA, 3 libraries with all that they need"), "{output:?}");
    // A machine with the driver does not say so.
    let driver = said(&output).contains("but for libcuda.so.1, which comes with NVIDIA's driver");
    let has_driver = Command::new("sh").args(["-c", "ldconfig -p | grep -q libcuda.so.1"]).status().unwrap();
    assert_eq!(driver, !has_driver.success(), "{output:?}");

    fs::remove_dir_all(folder.path().join("index")).unwrap();
    let again = fetch(folder.path());
    assert!(again.status.success() && !said(&again).contains("fetching"), "{again:?}");
}

#[test]
fn a_library_that_another_one_needs_and_nobody_has_is_named() {
    let folder = folder();
    let sums = files(&folder.path().join("scripts"), "sha256").pop().unwrap();
    let without: String =
        read(&sums).lines().filter(|line| !line.contains("cublas")).map(|line| format!("{line}\n")).collect();
    fs::write(sums, without).unwrap();
    let output = fetch(folder.path());
    assert!(!output.status.success() && said(&output).contains("lacks libcublas.so.13"), "{output:?}");
}

#[test]
fn a_library_or_a_wheel_with_another_hash_is_not_kept() {
    for pinned in ["sha256", "txt"] {
        let folder = folder();
        let path = files(&folder.path().join("scripts"), pinned).pop().unwrap();
        let (hash, other) = (read(&path), "0123456789abcdef".repeat(4));
        let place = hash.find("sha256:").map_or(0, |place| place + "sha256:".len());
        fs::write(&path, format!("{}{other}{}", &hash[..place], &hash[place + other.len()..])).unwrap();
        let output = fetch(folder.path());
        assert!(!output.status.success(), "{output:?}");
        assert!(files(folder.path(), "so").iter().all(|path| !path.starts_with(folder.path().join("vendor"))));
    }
}

#[test]
fn every_wheel_is_pinned_by_its_hash_and_every_list_of_files_has_its_version_of_onnx_runtime() {
    for (name, machines) in [("onnxruntime", &["x86_64", "aarch64"][..]), ("onnxruntime-cuda", &["x86_64"])] {
        let text = read(&root().join(format!("scripts/{name}.requirements.txt"))).replace("\\\n", "");
        let pins: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(pins.iter().all(|line| line.contains("==") && line.contains("--hash=sha256:")), "{pins:?}");
        let version =
            pins.iter().find_map(|line| line.strip_prefix("onnxruntime")?.split("==").nth(1)?.split(' ').next());
        let library = format!("libonnxruntime.so.{}", version.unwrap());
        for machine in machines {
            let list = read(&root().join(format!("scripts/{name}-{machine}.sha256")));
            assert!(list.lines().any(|line| line.ends_with(&format!("  {library}"))), "{list}");
            assert!(list.lines().all(|line| line.find("  ") == Some(64)), "{list}");
        }
    }
}

#[test]
fn what_the_engine_loads_for_cards_is_what_is_fetched() {
    let list = read(&root().join("scripts/onnxruntime-cuda-x86_64.sha256"));
    let engine = read(&root().join("crates/engine/src/runtime/cuda.rs"));
    let named: Vec<&str> = engine.split('"').filter(|text| text.starts_with("lib") && text.contains(".so")).collect();
    assert!(named.contains(&"libcudart.so.13") && named.len() > 6, "{named:?}");
    for library in named.into_iter().filter(|library| *library != "libcuda.so.1") {
        assert!(list.lines().any(|line| line.ends_with(&format!("  {library}"))), "{library} is not fetched");
    }
}
