//! What a wrong name may have meant: a name and the names that there are enter, the closest of them leave, for messages.

use strsim::jaro_winkler;

use crate::text::shown;

/// How many names are suggested, at most.
const SUGGESTED: usize = 3;
/// From this likeness on (0 to 1) a name is worth suggesting.
const ALIKE: f64 = 0.7;
/// How many of the names that there are a message lists.
const LISTED: usize = 40;
/// How long their list gets, in bytes, before it ends.
const LONGEST_LIST: usize = 2_000;

/// The names that resemble `name`, the closest first.
pub(crate) fn closest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let wanted = name.to_lowercase();
    let likeness = |other: &str| {
        let other = other.to_lowercase();
        let contains = other.contains(&wanted) || wanted.contains(&other);
        jaro_winkler(&wanted, &other).max(if contains { ALIKE } else { 0.0 })
    };
    let mut found: Vec<(f64, &str)> =
        names.filter(|name| !name.is_empty()).map(|name| (likeness(name), name)).collect();
    found.retain(|(likeness, _)| *likeness >= ALIKE);
    found.sort_by(|left, right| right.0.total_cmp(&left.0).then_with(|| left.1.cmp(right.1)));
    found.dedup_by_key(|(_, name)| *name);
    found.into_iter().take(SUGGESTED).map(|(_, name)| name).collect()
}

/// `has no column `nam`: did you mean `name`? Found id, name, group`
pub(crate) fn no_column<'a>(column: &str, names: impl Iterator<Item = &'a str> + Clone) -> String {
    let suggested = closest(column, names.clone()).into_iter().map(|name| format!("`{}`", shown(name)));
    let suggested: Vec<String> = suggested.collect();
    let meant = if suggested.is_empty() { String::new() } else { format!(", did you mean {}", suggested.join(" or ")) };
    format!("has no column `{column}`{meant}: found {}", listed(names))
}

/// Names for a message, however many and long they are.
pub(crate) fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut list = String::new();
    for (place, name) in names.enumerate() {
        if place > 0 {
            list.push_str(", ");
        }
        if place == LISTED || list.len() > LONGEST_LIST {
            list.push('…');
            break;
        }
        list.push_str(&shown(name));
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_and_partial_names_are_recognised_and_others_are_not() {
        let names = ["product_id", "title", "colour"];
        assert_eq!(closest("color", names.into_iter()), ["colour"]);
        assert_eq!(closest("Product", names.into_iter()), ["product_id"]);
        assert!(closest("xyz", names.into_iter()).is_empty());
        let message = no_column("color", names.into_iter());
        assert_eq!(message, "has no column `color`, did you mean `colour`: found product_id, title, colour");
    }

    #[test]
    fn lists_of_names_end_however_many_and_long_they_are() {
        assert_eq!(listed(["a", "b"].into_iter()), "a, b");
        assert!(listed(["name"; 100].into_iter()).ends_with(", name, …"));
        let long = "ä".repeat(100_000);
        assert!(listed([long.as_str(); 100].into_iter()).len() < 2_300);
    }
}
