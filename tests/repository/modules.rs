//! The modules of a crate: its source files enter; which modules name which, and the circles among them, leave.
//!
//! A module and what lies below it count as one when it is compared with its siblings. A child that names what its
//! parent's file defines is no circle; two siblings that name each other, by whatever way, are one. A name that a
//! parent takes from a child (`pub use child::Name`) counts as the child's.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::tokens::{test_modules, tokens};
use super::{files, read};

/// Names from the crate's root to a module; empty for the root.
type Module = Vec<String>;

/// The modules of a crate, by their tokens.
pub(crate) struct Modules(BTreeMap<Module, Vec<String>>);

impl Modules {
    /// Reads the files of a `src` folder.
    pub(crate) fn read(folder: &Path) -> Self {
        let sources = files(folder, "rs").into_iter().map(|path| {
            let name = path.strip_prefix(folder).unwrap().with_extension("");
            (name.to_str().unwrap().replace('\\', "/"), read(&path))
        });
        Self::of(sources.collect())
    }

    /// Of files by their names without `.rs`.
    fn of(sources: Vec<(String, String)>) -> Self {
        let module = |name: &str| match name {
            "lib" | "main" => Module::new(),
            name => name.split('/').map(str::to_owned).collect(),
        };
        let mut tests = BTreeSet::new();
        for (name, source) in &sources {
            tests.extend(test_modules(source).into_iter().map(|test| [module(name), vec![test]].concat()));
        }
        let modules = sources.iter().map(|(name, source)| (module(name), tokens(source)));
        Self(modules.filter(|(module, _)| !tests.iter().any(|test| module.starts_with(test))).collect())
    }

    /// Siblings that reach each other, one line for each circle, with the imports that make it.
    pub(crate) fn circles(&self) -> Vec<String> {
        let mut siblings: BTreeMap<Module, Imports> = BTreeMap::new();
        for (from, tokens) in &self.0 {
            for path in paths_of(tokens, &["crate", "super", "self"]) {
                let start = if path[0] == "crate" { Module::new() } else { from.clone() };
                let to = self.resolve(start, &path, 0);
                let common = from.iter().zip(&to).take_while(|(left, right)| left == right).count();
                if common < from.len() && common < to.len() {
                    let imports = siblings.entry(from[..common].to_vec()).or_default();
                    let import = format!("{} names {}", from.join("::"), path.join("::"));
                    imports.entry(from[common].clone()).or_default().entry(to[common].clone()).or_insert(import);
                }
            }
        }
        siblings.iter().flat_map(|(parent, imports)| circles_among(parent, imports)).collect()
    }

    /// The module that defines what a path names.
    fn resolve(&self, start: Module, path: &[String], depth: usize) -> Module {
        let mut module = start;
        for (position, name) in path.iter().enumerate() {
            let child = [module.clone(), vec![name.clone()]].concat();
            match name.as_str() {
                "crate" | "self" => {}
                "super" => drop(module.pop()),
                _ if self.0.contains_key(&child) => module = child,
                _ => {
                    // Defined here, or taken from a child.
                    let taken = self.taken_from_child(&module, name).filter(|_| depth < 8);
                    let Some(taken) = taken else { return module };
                    return self.resolve(module, &[&taken, &path[position + 1..]].concat(), depth + 1);
                }
            }
        }
        module
    }

    /// The path by which a module takes a name from one of its children.
    fn taken_from_child(&self, module: &Module, name: &str) -> Option<Vec<String>> {
        let mut uses = paths_of(self.0.get(module)?, &["use"]).into_iter().map(|mut path| {
            path.drain(..1 + usize::from(path.get(1).is_some_and(|first| first == "self")));
            path
        });
        uses.find(|path| {
            let child = path.first().map(|first| [module.clone(), vec![first.clone()]].concat());
            path.len() > 1
                && path.last().is_some_and(|last| last == name)
                && child.is_some_and(|child| self.0.contains_key(&child))
        })
    }
}

/// Which sibling names which, and one import that does.
type Imports = BTreeMap<String, BTreeMap<String, String>>;

fn circles_among(parent: &Module, imports: &Imports) -> Vec<String> {
    let reached: BTreeMap<&String, BTreeSet<&String>> =
        imports.keys().map(|name| (name, reach(imports, name))).collect();
    let reaches = |from: &String, to: &String| reached.get(from).is_some_and(|reached| reached.contains(to));
    let mut circles: BTreeSet<Vec<&String>> = BTreeSet::new();
    for name in imports.keys().filter(|name| reaches(name, name)) {
        circles.insert(imports.keys().filter(|other| reaches(name, other) && reaches(other, name)).collect());
    }
    let describe = |circle: Vec<&String>| {
        let edges = circle.iter().flat_map(|from| &imports[*from]).filter(|(to, _)| circle.contains(to));
        let edges: Vec<&str> = edges.map(|(_, import)| import.as_str()).collect();
        format!("{:?} in `{}`: {}", circle, parent.join("::"), edges.join("; "))
    };
    circles.into_iter().map(describe).collect()
}

/// All siblings that a sibling names, directly or through others.
fn reach<'a>(imports: &'a Imports, from: &String) -> BTreeSet<&'a String> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&String> = imports.get(from).into_iter().flat_map(BTreeMap::keys).collect();
    while let Some(name) = open.pop() {
        if reached.insert(name) {
            open.extend(imports.get(name).into_iter().flat_map(BTreeMap::keys));
        }
    }
    reached
}

/// All paths that begin with one of the words, each from that word on; the groups of a `use` are written out.
fn paths_of(tokens: &[String], words: &[&str]) -> Vec<Vec<String>> {
    let begins = |at: &usize| {
        let before = at.checked_sub(1).map(|before| tokens[before].as_str());
        words.contains(&tokens[*at].as_str()) && !matches!(before, Some("$" | "::"))
    };
    let starts = (0..tokens.len()).filter(begins);
    let expanded = starts.flat_map(|start| match tokens[start].as_str() {
        "use" => {
            tree(tokens, &mut (start + 1)).into_iter().map(|path| [vec!["use".to_owned()], path].concat()).collect()
        }
        _ => tree(tokens, &mut { start }),
    });
    expanded.collect()
}

fn tree(tokens: &[String], at: &mut usize) -> Vec<Vec<String>> {
    let token = |at: usize| tokens.get(at).map_or("", String::as_str);
    if token(*at) == "{" {
        *at += 1;
        let mut all = Vec::new();
        while !matches!(token(*at), "}" | "") {
            all.extend(tree(tokens, at));
            // `as name` is passed over.
            while !matches!(token(*at), "," | "}" | "") {
                *at += 1;
            }
            *at += usize::from(token(*at) == ",");
        }
        *at += 1;
        return all;
    }
    let name = token(*at).to_owned();
    *at += 1;
    let goes_on =
        token(*at) == "::" && token(*at + 1).starts_with(|next: char| next.is_alphabetic() || "_{*".contains(next));
    if !goes_on {
        return vec![vec![name]];
    }
    *at += 1;
    tree(tokens, at).into_iter().map(|path| [vec![name.clone()], path].concat()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circles(sources: &[(&str, &str)]) -> Vec<String> {
        Modules::of(sources.iter().map(|(name, source)| ((*name).to_owned(), (*source).to_owned())).collect()).circles()
    }

    #[test]
    fn siblings_that_name_each_other_are_a_circle() {
        let found = circles(&[("lib", "mod a; mod b;"), ("a", "use crate::b::B;"), ("b", "fn f() { super::a::g(); }")]);
        assert_eq!(found, [r#"["a", "b"] in ``: a names crate::b::B; b names super::a::g"#]);
        assert_eq!(circles(&[("lib", "mod a; mod b;"), ("a", "use crate::b::B;"), ("b", "")]).len(), 0);
    }

    #[test]
    fn a_circle_of_three_through_names_that_a_parent_takes_from_its_children_is_found() {
        let found = circles(&[
            ("lib", "mod a;"),
            ("a", "mod x; mod y; mod z; pub(crate) use y::{Y, Other}; use self::z::Z;"),
            ("a/x", "use super::{Y, z};"),
            ("a/y", "use crate::a::Z;"),
            ("a/z", "use crate::a::x::X;"),
        ]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with(r#"["x", "y", "z"] in `a`: "#), "{found:?}");
    }

    #[test]
    fn children_name_their_parent_and_tests_name_what_they_test() {
        let parent = "mod child; pub struct Defined; #[cfg(test)] mod tests { use crate::other::Other; }";
        let found = circles(&[
            ("lib", "mod parent; mod other;"),
            ("parent", parent),
            ("parent/child", "use super::Defined;"),
            ("other", "use crate::parent::Defined; #[cfg(test)]\nmod checks;"),
            ("other/checks", "use crate::parent::Defined;"),
        ]);
        assert_eq!(found.len(), 0, "{found:?}");
    }
}
