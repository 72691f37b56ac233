//! Words of texts as item features: the texts of items enter; lists of words leave, of which an item has at most one each.
//!
//! Models read one value of every feature. A text has many words, so they are dealt into several features, each of which
//! holds a part of all words, such that words which occur together stand in different parts wherever that is possible.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use icu_normalizer::ComposingNormalizerBorrowed;

use super::Feature;
use crate::catalog::Product;

/// The words of a text, each once: runs of letters and digits in lower case, in Unicode's form NFKC, so that composed and
/// decomposed letters are the same, and wide or ligated ones are the usual ones. Scripts that do not part their words are
/// cut into pairs of neighbouring characters instead.
pub(super) fn words(text: &str) -> BTreeSet<String> {
    let normaliser = ComposingNormalizerBorrowed::new_nfkc();
    // Lower case may take letters apart again.
    let lower = normaliser.normalize(text).to_lowercase();
    let lower = normaliser.normalize(&lower);
    let mut found = BTreeSet::new();
    for run in lower.split(|character: char| !(character.is_alphanumeric() || is_mark(character))) {
        let mut rest = run;
        while let Some(first) = rest.chars().next() {
            let unparted = is_unparted(first);
            let end = rest.find(|character| is_unparted(character) != unparted).unwrap_or(rest.len());
            let (part, behind) = rest.split_at(end);
            if unparted {
                found.extend(pairs(part))
            } else {
                found.extend(word(part))
            }
            rest = behind;
        }
    }
    found
}

/// Longest word, in bytes; what is longer is a number or an address.
const LONGEST_WORD: usize = 64;

fn word(run: &str) -> Option<String> {
    (run.len() <= LONGEST_WORD && run.chars().nth(1).is_some()).then(|| run.to_owned())
}

fn pairs(run: &str) -> Vec<String> {
    let characters: Vec<char> = run.chars().collect();
    match characters.as_slice() {
        [_] => vec![run.to_owned()],
        characters => characters.windows(2).map(|pair| pair.iter().collect()).collect(),
    }
}

/// Combining marks, which belong to the letter before.
fn is_mark(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{36f}' | '\u{900}'..='\u{d7f}' | '\u{e31}'..='\u{e4e}')
}

/// Han, Hiragana, Katakana, Thai, Lao, Burmese and Khmer, which are written without spaces.
fn is_unparted(character: char) -> bool {
    matches!(character,
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3040}'..='\u{30ff}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// Deals the words of texts into so many parts, the most frequent words of each first. Kept are the `most` words that
/// occur in most texts, of those that occur in two or more.
pub(super) fn deal(texts: &[BTreeSet<String>], parts: usize, most: usize) -> Vec<Vec<String>> {
    let mut texts_of: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (place, words) in texts.iter().enumerate() {
        words.iter().for_each(|word| texts_of.entry(word).or_default().push(place));
    }
    let mut by_frequency: Vec<(&str, Vec<usize>)> =
        texts_of.into_iter().filter(|(_, texts)| texts.len() >= LEAST_TEXTS).collect();
    by_frequency.sort_by_key(|(_, texts)| std::cmp::Reverse(texts.len()));
    by_frequency.truncate(most);
    // Words that each text has in each part.
    let mut taken = vec![vec![0_u32; texts.len()]; parts];
    let mut dealt: Vec<Vec<String>> = vec![Vec::new(); parts];
    for (word, texts) in by_frequency {
        let collisions = |part: &[u32]| -> u64 {
            texts.iter().filter_map(|text| part.get(*text)).map(|words| u64::from(*words)).sum()
        };
        // The first of equal parts, so that others stay free for words that go with these.
        let free = taken.iter_mut().zip(&mut dealt).min_by_key(|(taken, _)| collisions(taken));
        let Some((taken, words)) = free else { break };
        for text in texts {
            taken.get_mut(text).into_iter().for_each(|words| *words += 1);
        }
        words.push(word.to_owned());
    }
    dealt
}

/// Texts that a word occurs in at least: one of a single text says nothing that the item itself does not.
const LEAST_TEXTS: usize = 2;

/// Where the words of texts stand among the features.
#[derive(Debug, Clone, Default)]
pub(super) struct Texts(Vec<(String, Words)>);

/// Position of each word's feature, and the word's id there.
type Words = HashMap<String, (usize, u32)>;

impl Texts {
    /// # Errors
    /// A word that stands in two parts of a text.
    pub(super) fn of(features: &[Feature]) -> Result<Self, String> {
        let mut texts = Self::default();
        for (position, feature) in features.iter().enumerate() {
            let Some(name) = &feature.text else { continue };
            let known = texts.0.iter().position(|(known, _)| known == name);
            let place = known.unwrap_or(texts.0.len());
            if known.is_none() {
                texts.0.push((name.clone(), Words::new()));
            }
            let Some((_, words)) = texts.0.get_mut(place) else { continue };
            for (id, word) in (1..).zip(&feature.values) {
                if words.insert(word.clone(), (position, id)).is_some() {
                    return Err(format!(
                        "feature `{}`: `{word}` stands in another part of `{name}`, too",
                        feature.name
                    ));
                }
            }
        }
        Ok(texts)
    }

    /// Fills in the ids of a product's words.
    pub(super) fn add(&self, product: &Product, ids: &mut [u32]) {
        for (name, known) in &self.0 {
            for word in words(product.text(name)) {
                let Some((position, id)) = known.get(&word) else { continue };
                if let Some(there) = ids.get_mut(*position) {
                    *there = (*id).max(*there);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of<const COUNT: usize>(expected: [&str; COUNT]) -> BTreeSet<String> {
        expected.map(str::to_owned).into()
    }

    #[test]
    fn words_are_runs_of_letters_and_digits_in_lower_case() {
        assert_eq!(words("Linen Shirt, LINEN (2nd ed.)"), of(["2nd", "ed", "linen", "shirt"]));
        assert_eq!(words("Größe 42 – Ärmel"), of(["42", "größe", "ärmel"]));
        // Single letters and numbers beyond all measure say nothing.
        assert_eq!(words(&format!("a {}", "9".repeat(200))), of([]));
    }

    #[test]
    fn scripts_without_spaces_are_cut_into_pairs() {
        assert_eq!(words("不锈钢水壶 500ml"), of(["500ml", "水壶", "钢水", "锈钢", "不锈"]));
        assert_eq!(words("茶"), of(["茶"]));
        // Vowel signs belong to their letters.
        assert_eq!(words("हिन्दी किताब"), of(["हिन्दी", "किताब"]));
    }

    #[test]
    fn letters_are_the_same_composed_or_not_and_in_any_width() {
        assert_eq!(words("Cafe\u{301} CAFÉ"), of(["café"]));
        assert_eq!(words("ＬＩＮＥＮ ﬁne ガラス"), words("linen fine ガラス"));
    }

    fn texts(titles: &[&str]) -> Vec<BTreeSet<String>> {
        titles.iter().map(|title| words(title)).collect()
    }

    #[test]
    fn words_that_occur_together_stand_in_different_parts() {
        let titles = ["red linen shirt", "blue linen shirt", "red wool shirt", "blue wool scarf", "red scarf"];
        let dealt = deal(&texts(&titles), 3, 100);
        for title in titles {
            for part in &dealt {
                assert!(part.iter().filter(|word| words(title).contains(*word)).count() <= 1, "{title}: {dealt:?}");
            }
        }
        let all: BTreeSet<&String> = dealt.iter().flatten().collect();
        assert_eq!(all.len(), 6, "{dealt:?}");
    }

    #[test]
    fn long_texts_spread_over_all_parts() {
        // Each has 24 of 60 words.
        let text = |number: usize| (0..24).map(|word| format!("word{}", (number * 7 + word * 5) % 60)).collect();
        let texts: Vec<BTreeSet<String>> = (0..100).map(text).collect();
        let dealt = deal(&texts, 4, 1_000);
        let sizes: Vec<usize> = dealt.iter().map(Vec::len).collect();
        assert!(sizes.iter().all(|size| (10..=20).contains(size)), "{sizes:?}");
    }

    #[test]
    fn a_word_of_one_text_and_those_beyond_the_most_frequent_are_left_out() {
        let dealt = deal(&texts(&["old green mug", "green mug", "green cup", "rare"]), 2, 1);
        assert_eq!(dealt, [vec!["green".to_owned()], vec![]]);
    }

    proptest! {
        #[test]
        fn any_text_has_words_that_are_their_own_words(text in ".*") {
            for word in words(&text) {
                prop_assert!(words(&word).contains(&word), "{word:?}");
            }
        }
    }
}
