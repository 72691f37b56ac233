//! Verbs and flags that the documentation names exist, by the definitions that the program parses with.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory};

/// Pages that also name flags of the service, which `tests/repository` checks.
const OF_THE_SERVICE: &str = "OPERATION.md";

/// Stands for each of the verbs.
const ANY_VERB: &str = "VERB";

fn companion() -> Command {
    let mut command = crate::Arguments::command();
    command.build();
    command
}

/// The pages that describe the present.
fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut pages = vec![root.join("README.md")];
    let entries = fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    pages.extend(entries.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    pages
}

/// Lines of code and what stands between backquotes, with the number of the line.
fn snippets(page: &str) -> Vec<(usize, String)> {
    let mut snippets: Vec<(usize, String)> = Vec::new();
    let mut goes_on = false;
    for (number, line) in (1..).zip(page.lines()) {
        let Some(code) = line.strip_prefix("    ") else {
            snippets.extend(line.split('`').skip(1).step_by(2).map(|span| (number, span.to_owned())));
            continue;
        };
        let (code, continued) = code.strip_suffix('\\').map_or((code, false), |code| (code, true));
        match snippets.last_mut().filter(|_| goes_on) {
            Some((_, before)) => before.push_str(code),
            None => snippets.push((number, code.to_owned())),
        }
        goes_on = continued;
    }
    snippets
}

/// What is wrong with a snippet as a call of the companion; nothing when it is none.
fn problem(snippet: &str) -> Option<String> {
    let companion = companion();
    for call in snippet.split(['|', ';', '#']) {
        let mut words = call.split_whitespace().peekable();
        if words.by_ref().find(|word| *word == "slirec").is_none() {
            // A verb alone, as in `prepare --min-interactions`.
            words = call.split_whitespace().peekable();
            let is_verb = words.peek().is_some_and(|word| companion.find_subcommand(word).is_some());
            if !is_verb || !call.contains("--") {
                continue;
            }
        }
        let mut command = &companion;
        for word in words.take_while(|word| *word != ANY_VERB) {
            if let Some(flag) = word.strip_prefix("--") {
                let name = flag.split('=').next().unwrap();
                if !has_flag(command, name) {
                    return Some(format!("`{}` has no flag --{name}", command.get_name()));
                }
            } else if let Some(verb) = command.find_subcommand(word) {
                command = verb;
            } else if command.has_subcommands() {
                return Some(format!("`{}` has no verb {word}", command.get_name()));
            }
        }
    }
    None
}

fn has_flag(command: &Command, name: &str) -> bool {
    command.get_arguments().any(|argument| argument.get_long() == Some(name))
}

fn any_has_flag(command: &Command, name: &str) -> bool {
    has_flag(command, name) || command.get_subcommands().any(|verb| any_has_flag(verb, name))
}

#[test]
fn verbs_and_flags_that_the_docs_name_exist() {
    let (companion, mut named) = (companion(), 0);
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for (number, snippet) in snippets(&text) {
            let place = format!("{}:{number}: {snippet}", page.display());
            named += usize::from(snippet.contains("slirec "));
            assert_eq!(problem(&snippet), None, "{place}");
            let flag = snippet.strip_prefix("--").filter(|_| !page.ends_with(OF_THE_SERVICE));
            if let Some(name) = flag.and_then(|flag| flag.split([' ', '=', '[']).next()) {
                assert!(any_has_flag(&companion, name), "{place}: no verb has this flag");
            }
        }
    }
    assert!(named > 50, "only {named} calls were found in the docs");
}

#[test]
fn wrong_verbs_and_flags_are_found() {
    assert_eq!(problem("slirec train --dataset dataset --mlflow").as_deref(), None);
    assert_eq!(problem("slirec trian --dataset dataset").as_deref(), Some("`slirec` has no verb trian"));
    assert_eq!(problem("slirec catalog bring").as_deref(), Some("`catalog` has no verb bring"));
    assert_eq!(problem("prepare --min-interaction 4").as_deref(), Some("`prepare` has no flag --min-interaction"));
    assert_eq!(problem("$ A=1 slirec prepare --order=x").as_deref(), Some("`prepare` has no flag --order"));
    assert_eq!(problem("slirec VERB --help"), None);
    assert_eq!(problem("curl --silent"), None);
}
