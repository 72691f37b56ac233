//! Where something stands in the text of a TOML file: an offset enters, a line and a key leave.

/// Line, from 1, of an offset.
pub fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// The key that an offset belongs to, with the table that it stands in: `table.key`, `table` on the line of a table.
pub fn key_of(text: &str, offset: usize) -> String {
    let lines: Vec<&str> = text.lines().take(line_of(text, offset)).collect();
    let mut key = None;
    for line in lines.iter().rev().map(|line| line.trim()) {
        if let Some(header) = line.strip_prefix('[') {
            let table = header.trim_start_matches('[').split(']').next().unwrap_or_default().trim();
            return key.map_or_else(|| table.to_owned(), |key| format!("{table}.{key}"));
        }
        let name = line.split_once('=').map(|(name, _)| name.trim());
        let is_name = |name: &&str| name.chars().all(|letter| letter.is_alphanumeric() || "_-.".contains(letter));
        key = key.or(name.filter(is_name));
    }
    key.unwrap_or("the file").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_the_text_is_named_by_line_table_and_key() {
        let text = "top = 1\n[walks]\n# a = comment\ngo_on = 0.5\n[[groups]]\nproducts = [\n  \"a\",\n  \"b\"]\n";
        let place = |part: &str| {
            let offset = text.find(part).expect("the part is in the text");
            (line_of(text, offset), key_of(text, offset))
        };
        assert_eq!(place("1"), (1, "top".to_owned()));
        assert_eq!(place("0.5"), (4, "walks.go_on".to_owned()));
        assert_eq!(place("\"b\""), (8, "groups.products".to_owned()));
        assert_eq!(place("[[groups]]"), (5, "groups".to_owned()));
        assert_eq!((line_of("", 0), key_of("", 0)), (1, "the file".to_owned()));
    }
}
