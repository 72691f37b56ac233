//! The documentation beside what it describes: links, settings, flags of the service, targets of the Makefile, width of
//! lines. The companion's verbs and flags are checked beside their definitions, in `crates/cli`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{files, read, root};

/// Longest line of prose.
const COLUMNS: usize = 120;
/// What stands behind a section's name in the name of a file, such as `model.onnx`.
const EXTENSIONS: [&str; 7] = ["json", "md", "onnx", "py", "rs", "sig", "toml"];

/// All pages.
fn pages() -> Vec<PathBuf> {
    let mut pages = files(&root().join("docs"), "md");
    pages.extend(["CHANGELOG.md", "CONTRIBUTING.md", "README.md", "SECURITY.md"].map(|name| root().join(name)));
    pages
}

/// Pages that describe the present: the changelog also names what was.
fn present() -> Vec<PathBuf> {
    pages().into_iter().filter(|page| !page.ends_with("CHANGELOG.md")).collect()
}

/// Pages about files of a training, whose keys are not the service's: `model.features` of a manifest.
const OF_TRAINING: [&str; 3] = ["FORMATS.md", "RESULTS.md", "TRAINING.md"];

/// The lines of a page with their numbers.
fn lines(page: &Path) -> Vec<(usize, String)> {
    (1..).zip(read(page).lines().map(str::to_owned)).collect()
}

/// The words of a text that consist of some characters.
fn words(text: &str, belongs: impl Fn(char) -> bool) -> impl Iterator<Item = &str> {
    text.split(move |character| !belongs(character)).filter(|word| !word.is_empty())
}

#[test]
fn pages_are_named_in_capitals() {
    for page in pages() {
        let name = page.file_stem().unwrap().to_str().unwrap();
        assert!(name.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_'), "{}", page.display());
    }
}

#[test]
fn links_lead_to_files_and_headings() {
    for page in pages() {
        for (number, line) in lines(&page) {
            let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
            for target in targets.filter(|target| !target.contains("://")) {
                let (path, heading) = target.split_once('#').unwrap_or((target, ""));
                let file = if path.is_empty() { page.clone() } else { page.parent().unwrap().join(path) };
                assert!(file.exists(), "{}:{number}: {target} is not there", page.display());
                let found = heading.is_empty() || anchors(&file).contains(heading);
                assert!(found, "{}:{number}: {target}: no such heading", page.display());
            }
        }
    }
}

/// The headings of a page as links name them.
fn anchors(page: &Path) -> BTreeSet<String> {
    let text = read(page);
    let headings = text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let kept = |letter: &char| letter.is_alphanumeric() || "-_ ".contains(*letter);
    headings.map(|heading| heading.to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-")).collect()
}

/// `section.key` of every setting.
fn settings() -> BTreeSet<String> {
    let settings: toml::Table = read(&root().join("config/server.toml")).parse().unwrap();
    let keys = settings
        .iter()
        .flat_map(|(section, keys)| keys.as_table().unwrap().keys().map(move |key| format!("{section}.{key}")));
    keys.collect()
}

#[test]
fn settings_that_the_docs_name_exist() {
    let settings = settings();
    let sections: BTreeSet<&str> = settings.iter().filter_map(|name| name.split('.').next()).collect();
    let mut named = 0;
    for page in present().into_iter().filter(|page| !OF_TRAINING.iter().any(|name| page.ends_with(name))) {
        for (number, line) in lines(&page) {
            let dotted = words(&line, |letter| letter.is_ascii_alphanumeric() || "_./:-".contains(letter));
            let dotted =
                dotted.map(|word| word.trim_end_matches(['.', ':'])).filter(|word| !word.contains(['/', ':', '-']));
            let dotted = dotted.filter_map(|word| word.split_once('.'));
            let dotted = dotted.filter(|(section, key)| sections.contains(section) && !EXTENSIONS.contains(key));
            let variables = words(&line, |letter| letter.is_ascii_alphanumeric() || letter == '_');
            let variables = variables.filter_map(|word| word.strip_prefix("SLIREC__")?.split_once("__"));
            let found = dotted.map(|(section, key)| format!("{section}.{key}"));
            let found = found.chain(variables.map(|(section, key)| format!("{section}.{key}").to_lowercase()));
            for name in found {
                named += 1;
                // The page on configuration shows one that does not exist.
                let exists = settings.contains(&name) || name == "servr.port";
                assert!(exists, "{}:{number}: no setting {name}", page.display());
            }
        }
    }
    assert!(named > 50, "only {named} settings were found in the docs");
}

#[test]
fn flags_of_the_service_that_the_docs_name_exist() {
    let output = Command::new(env!("CARGO_BIN_EXE_slirec-server")).arg("--help").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let flag = |letter: char| letter.is_ascii_lowercase() || letter == '-';
    let known: BTreeSet<&str> = words(&help, flag).filter(|word| word.starts_with("--")).collect();
    assert!(known.contains("--config"), "{help}");
    let mut named = 0;
    for page in present() {
        for (number, line) in lines(&page) {
            for call in line.split("slirec-server ").skip(1) {
                // To the end of the command.
                let call = call.split(['`', '#', '|', ';']).next().unwrap();
                for word in call.split_whitespace().filter(|word| word.starts_with("--")) {
                    named += 1;
                    let name = word.split('=').next().unwrap();
                    assert!(known.contains(name), "{}:{number}: slirec-server has no flag {name}", page.display());
                }
            }
        }
    }
    assert!(named > 3, "only {named} flags were found in the docs");
}

#[test]
fn targets_of_the_makefile_that_the_docs_name_exist() {
    let makefile = read(&root().join("Makefile"));
    let known: BTreeSet<&str> =
        makefile.lines().filter_map(|line| line.split_once(':')).map(|(target, _)| target).collect();
    for page in present() {
        for (number, line) in lines(&page) {
            let quoted = line.split('`').skip(1).step_by(2).chain(line.strip_prefix("    "));
            for target in quoted
                .filter_map(|call| call.strip_prefix("make ")?.split(' ').next())
                .filter(|target| !target.is_empty())
            {
                assert!(known.contains(target), "{}:{number}: the Makefile has no target {target}", page.display());
            }
        }
    }
}

#[test]
fn lines_of_prose_wrap() {
    let mut long = Vec::new();
    for page in pages() {
        let mut fenced = false;
        for (number, line) in lines(&page) {
            fenced ^= line.trim_start().starts_with("```");
            let is_prose = !fenced && !line.starts_with("    ") && !line.starts_with('|') && !line.starts_with("![");
            if is_prose && line.chars().count() > COLUMNS {
                long.push(format!("{}:{number}: {} columns", page.display(), line.chars().count()));
            }
        }
    }
    assert!(long.is_empty(), "expected at most {COLUMNS} columns:\n{}", long.join("\n"));
}

/// Pages of the site that are made of what lies elsewhere, by `scripts/site.py`.
const MADE: [&str; 5] = ["CHANGELOG.md", "CONTRIBUTING.md", "PYTHON_REFERENCE.md", "SECURITY.md", "SETTINGS.md"];

#[test]
fn the_site_names_every_page_and_no_other() {
    let text = read(&root().join("mkdocs.yml"));
    let (_, navigation) = text.split_once("\nnav:\n").unwrap();
    let named = navigation.lines().filter_map(|line| Some(line.rsplit_once(": ")?.1));
    let named: BTreeSet<&str> =
        named.filter(|page| page.ends_with(".md") && !page.contains('/') && !MADE.contains(page)).collect();
    let pages = files(&root().join("docs"), "md");
    let pages: BTreeSet<&str> = pages.iter().map(|page| page.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(named, pages);
}

#[test]
fn links_of_notebooks_lead_to_files() {
    let notebooks = files(&root().join("examples"), "ipynb");
    assert_eq!(notebooks.len(), 2);
    for notebook in notebooks {
        let text = read(&notebook);
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = target.split('#').next().unwrap();
            let found = target.contains("://") || notebook.parent().unwrap().join(path).exists();
            assert!(found, "{}: {target} is not there", notebook.display());
        }
    }
}
