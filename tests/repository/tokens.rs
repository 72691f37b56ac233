//! Rust source enters, its words and signs leave: comments, strings and test modules are left out.

/// Names, numbers, `::` and single signs, in order.
pub(crate) fn tokens(source: &str) -> Vec<String> {
    let characters: Vec<char> = source.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&character) = characters.get(at) {
        let next = characters.get(at + 1).copied();
        match character {
            '/' if next == Some('/') => at = find(&characters, at, &['\n']),
            '"' => at = end_of_string(&characters, at),
            'r' if matches!(next, Some('"' | '#')) && raw_hashes(&characters, at).is_some() => {
                at = end_of_raw_string(&characters, at);
            }
            // A character; a lifetime has no second quote.
            '\'' if next == Some('\\') => at = find(&characters, at + 3, &['\'']) + 1,
            '\'' if characters.get(at + 2) == Some(&'\'') => at += 3,
            ':' if next == Some(':') => {
                tokens.push("::".to_owned());
                at += 2;
            }
            _ if is_word(character) => {
                let word: String = characters[at..].iter().take_while(|character| is_word(**character)).collect();
                at += word.chars().count();
                tokens.push(word);
            }
            _ => {
                if !character.is_whitespace() {
                    tokens.push(character.to_string());
                }
                at += 1;
            }
        }
    }
    without_test_modules(&tokens)
}

/// Names of the modules that are declared as tests in files of their own, `#[cfg(test)] mod name;`.
pub(crate) fn test_modules(source: &str) -> Vec<String> {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let pairs = lines.windows(2).filter(|pair| pair[0] == "#[cfg(test)]");
    let declared = pairs.filter_map(|pair| pair[1].rsplit_once("mod ")?.1.strip_suffix(';'));
    declared.map(str::to_owned).collect()
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn find(characters: &[char], from: usize, wanted: &[char]) -> usize {
    (from..characters.len()).find(|at| wanted.contains(&characters[*at])).unwrap_or(characters.len())
}

fn end_of_string(characters: &[char], quote: usize) -> usize {
    let mut at = quote + 1;
    loop {
        at = find(characters, at, &['"', '\\']);
        match characters.get(at) {
            Some('\\') => at += 2,
            _ => return at + 1,
        }
    }
}

/// Number of `#` of a raw string that begins with `r` at this place.
fn raw_hashes(characters: &[char], at: usize) -> Option<usize> {
    let hashes = characters[at + 1..].iter().take_while(|character| **character == '#').count();
    let before = at.checked_sub(1).and_then(|before| characters.get(before));
    let begins = before.is_none_or(|before| !is_word(*before));
    (begins && characters.get(at + 1 + hashes) == Some(&'"')).then_some(hashes)
}

fn end_of_raw_string(characters: &[char], at: usize) -> usize {
    let hashes = raw_hashes(characters, at).unwrap();
    let mut end = at + 2 + hashes;
    loop {
        end = find(characters, end, &['"']) + 1;
        if end > characters.len() || characters[end..].iter().take(hashes).filter(|c| **c == '#').count() == hashes {
            return end + hashes;
        }
    }
}

/// Leaves out `#[cfg(test)] mod name { … }`.
fn without_test_modules(tokens: &[String]) -> Vec<String> {
    let opening = ["#", "[", "cfg", "(", "test", ")", "]", "mod"];
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let is_test = tokens[at..].iter().zip(opening).filter(|(found, wanted)| found == wanted).count();
        if is_test == opening.len() && tokens.get(at + opening.len() + 1).is_some_and(|sign| sign == "{") {
            at = end_of_block(tokens, at + opening.len() + 1);
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

fn end_of_block(tokens: &[String], brace: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(brace) {
        match token.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

#[test]
fn comments_strings_characters_and_test_modules_are_left_out() {
    let source = r##"
        use a::b; // use c::d;
        const QUOTE: char = '"'; const TEXT: &str = "crate::e \" crate::f"; const RAW: &str = r#"crate::g "quoted" crate::h"#;
        fn of<'a>(text: &'a str) {}
        #[cfg(test)]
        mod tests { use super::*; fn inner() { crate::i(); } }
        use j;
    "##;
    let found = tokens(source).join(" ");
    assert!(found.starts_with("use a :: b ; const QUOTE"), "{found}");
    assert!(found.ends_with("fn of < ' a > ( text : & ' a str ) { } use j ;"), "{found}");
    assert!(!found.contains("crate"), "{found}");
    assert_eq!(test_modules("#[cfg(test)]\npub(crate) mod harness;\nmod other;"), ["harness"]);
}
