//! The invariants of docs/ARCHITECTURE.md that manifests and imports show.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::modules::Modules;
use super::tokens::tokens;
use super::{files, read, root};

/// Crates that all others build on.
const FOUNDATIONS: [&str; 3] = ["slirec-core", "slirec-kernels", "slirec-onnx"];
/// Crates that nothing builds on.
const PROGRAMS: [&str; 3] = ["slirec-cli", "slirec-python", "slirec-server"];
/// Libraries with one user each.
const USED_ONCE: [(&str, &str); 6] = [
    ("axum", "slirec-server"),
    ("hyper", "slirec-server"),
    ("tower", "slirec-server"),
    ("tower-http", "slirec-server"),
    ("ort", "slirec-engine"),
    ("pyo3", "slirec-python"),
];
/// What a foundation has no use for: networks, async runtimes, formats of others.
const NOT_IN_FOUNDATIONS: [&str; 15] = [
    "arrow-array",
    "axum",
    "csv",
    "encoding_rs",
    "futures-util",
    "hyper",
    "parquet",
    "pyo3",
    "reqwest",
    "rustls",
    "socket2",
    "tokio",
    "tower",
    "url",
    "zip",
];

/// A crate of the workspace.
struct Package {
    folder: PathBuf,
    /// What the crate itself needs; not what its tests and benchmarks need.
    dependencies: BTreeSet<String>,
}

/// The crates of the workspace by name.
fn packages() -> BTreeMap<String, Package> {
    let mut manifests = files(&root().join("crates"), "toml");
    manifests.retain(|path| path.ends_with("Cargo.toml"));
    manifests.push(root().join("Cargo.toml"));
    let packages = manifests.into_iter().map(|path| {
        let manifest: toml::Table = read(&path).parse().unwrap();
        let package = Package { folder: path.parent().unwrap().to_owned(), dependencies: dependencies(&manifest) };
        (manifest["package"]["name"].as_str().unwrap().to_owned(), package)
    });
    packages.collect()
}

fn dependencies(manifest: &toml::Table) -> BTreeSet<String> {
    let names = |table: &toml::Table| match table.get("dependencies") {
        Some(toml::Value::Table(dependencies)) => dependencies.keys().cloned().collect(),
        _ => BTreeSet::new(),
    };
    let mut all = names(manifest);
    if let Some(toml::Value::Table(targets)) = manifest.get("target") {
        all.extend(targets.values().filter_map(toml::Value::as_table).flat_map(names));
    }
    all
}

fn ours(package: &Package) -> impl Iterator<Item = &str> {
    package.dependencies.iter().map(String::as_str).filter(|name| name.starts_with("slirec-"))
}

#[test]
fn foundations_import_no_crate_of_ours_no_network_and_no_format_of_others() {
    let packages = packages();
    for name in FOUNDATIONS {
        let package = &packages[name];
        assert_eq!(ours(package).collect::<Vec<_>>(), [""; 0], "{name}");
        let found: Vec<&str> =
            NOT_IN_FOUNDATIONS.into_iter().filter(|library| package.dependencies.contains(*library)).collect();
        assert!(found.is_empty(), "{name} depends on {found:?}");
    }
}

#[test]
fn crates_import_foundations_alone_and_programs_are_imported_by_none() {
    for (name, package) in packages() {
        for imported in ours(&package) {
            assert!(!PROGRAMS.contains(&imported), "{name} depends on the program {imported}");
            let allowed = PROGRAMS.contains(&name.as_str()) || FOUNDATIONS.contains(&imported);
            assert!(allowed, "{name} depends on {imported}: expected only {FOUNDATIONS:?}");
        }
    }
}

#[test]
fn the_service_knows_nothing_of_training() {
    let server = &packages()["slirec-server"];
    let found: Vec<&str> = ours(server).filter(|name| ["slirec-train", "slirec-generate"].contains(name)).collect();
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn libraries_of_one_crate_stay_there() {
    for (name, package) in packages() {
        for (library, user) in USED_ONCE {
            assert!(
                name == user || !package.dependencies.contains(library),
                "{name} depends on {library}: expected only {user}"
            );
        }
    }
}

#[test]
fn the_http_library_is_named_by_http_and_server_alone() {
    let source = root().join("src");
    for path in files(&source, "rs") {
        let place = path.strip_prefix(&source).unwrap().to_str().unwrap().replace('\\', "/");
        if ["http", "server"].iter().any(|part| place.starts_with(part)) {
            continue;
        }
        let tokens = tokens(&read(&path));
        for named in tokens.windows(3).filter(|named| named[1] == "::") {
            // Statuses and headers are HTTP's own, which axum hands on.
            let is_http = named[0] == "axum" && named[2] != "http";
            let found = is_http || ["hyper", "tower", "tower_http"].contains(&named[0].as_str());
            assert!(!found, "src/{place} names {}", named.concat());
        }
    }
}

#[test]
fn modules_form_no_circles() {
    let circles: Vec<String> = packages()
        .into_iter()
        .flat_map(|(name, package)| {
            let circles = Modules::read(&package.folder.join("src")).circles();
            circles.into_iter().map(move |circle| format!("{name}: {circle}"))
        })
        .collect();
    assert!(circles.is_empty(), "{}", circles.join("\n"));
}

#[test]
fn unsafe_code_is_allowed_in_the_kernels_alone() {
    for (name, package) in packages() {
        for path in files(&package.folder.join("src"), "rs") {
            let found = tokens(&read(&path)).iter().any(|token| token == "unsafe");
            assert!(!found || name == "slirec-kernels", "{}", path.display());
        }
    }
}

#[test]
fn the_layout_names_every_crate_and_no_other() {
    let text = read(&root().join("docs/ARCHITECTURE.md"));
    let (_, layout) = text.split_once("## Layout").unwrap();
    let named: BTreeSet<String> = layout
        .lines()
        .filter_map(|line| line.strip_prefix("| `crates/")?.split_once('`'))
        .map(|(name, _)| format!("slirec-{name}"))
        .chain(["slirec-server".to_owned()])
        .collect();
    assert_eq!(named, packages().into_keys().collect());
}
