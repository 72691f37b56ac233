//! Cold start on the command line: what catalogues leave out is said, and what killed evaluations leave goes away.

use slirec_core::catalog::{Catalog, Product};

use crate::companion::{Folder, verb_arguments};

/// A prepared folder; products whose place in the catalogue is a multiple of `every` have no title, others have one of
/// several words.
fn titled_but(every: usize) -> Folder {
    let folder = Folder::after(&["generate", "prepare"]);
    let catalog = Catalog::read(&folder.path("catalog.json")).unwrap();
    let titled = catalog.products().iter().enumerate().map(|(place, product)| {
        let colour = product.attributes.get("colour").unwrap_or("plain");
        let title = if place % every == 0 { String::new() } else { format!("{} in {colour}", product.category) };
        Product { title, ..product.clone() }
    });
    Catalog::new(titled.collect()).unwrap().write(&folder.path("catalog.json")).unwrap();
    folder
}

fn with_titles() -> Vec<&'static str> {
    [verb_arguments("train"), &["--catalog", "catalog.json", "--text", "title"]].concat()
}

#[test]
fn products_without_a_title_are_counted_and_a_catalogue_without_any_is_refused() {
    let folder = titled_but(3);
    let trained = folder.run(&with_titles());
    let said = String::from_utf8(trained.stderr).unwrap();
    assert!(trained.status.success(), "{said}");
    let warning = said.lines().find(|line| line.contains("text `title`: ")).unwrap_or_else(|| panic!("{said}"));
    assert!(warning.contains(" products have no word that another one has there"), "{warning}");

    let none = titled_but(1).fail(&with_titles());
    assert!(none.contains("has the text `title`: expected one of the attributes `colour`"), "{none}");
}

#[test]
fn the_temporary_directory_of_a_killed_evaluation_is_removed_by_the_next_one() {
    let folder = titled_but(1_000);
    folder.succeed(&with_titles());
    let cold = ["evaluate", "--run", "run", "--dataset", "dataset", "--catalog", "catalog.json", "--cold", "0.2"];
    std::fs::create_dir(folder.path("meanwhile")).unwrap();
    let meanwhile = folder.path("meanwhile").display().to_string();
    let evaluate = |arguments: &[&str]| {
        let mut command = folder.command(arguments);
        command.env("TMPDIR", &meanwhile);
        command
    };
    let mut killed = evaluate(&cold).spawn().unwrap();
    while folder.names("meanwhile").is_empty() {
        assert!(killed.try_wait().unwrap().is_none(), "it ended before it could be killed");
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert_eq!(folder.names("meanwhile").len(), 1);
    // A file of the user with such a name, and a directory of an earlier version, which had no lock.
    std::fs::write(folder.path("meanwhile/slirec-cold-start-notes"), "mine").unwrap();
    std::fs::create_dir(folder.path("meanwhile/slirec-evaluate-cold-older")).unwrap();

    let next = evaluate(&cold).output().unwrap();
    let said = String::from_utf8(next.stderr).unwrap();
    assert!(next.status.success() && said.contains("was left by an evaluation that did not end"), "{said}");
    assert_eq!(folder.names("meanwhile"), ["slirec-cold-start-notes", "slirec-evaluate-cold-older"]);
}
