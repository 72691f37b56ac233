//! Texts that resemble filters, or do not: none panics or takes long.

use std::time::{Duration, Instant};

use slirec_merchandising::{Filter, LONGEST_FILTER};

use crate::filters::shop;

/// Numbers that look random.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

const WORDS: [&str; 40] = [
    "vendor",
    "price",
    "tags",
    "fresh",
    "category",
    "same",
    ".",
    "has",
    "in",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "&&",
    "||",
    "!",
    "(",
    ")",
    "[",
    "]",
    ",",
    "\"Ochre\"",
    "'x'",
    "\"",
    "'",
    "\\",
    "5",
    "1e400",
    "-",
    "0.5",
    "true",
    "false",
    "startsWith",
    "contains",
    " ",
    "é",
    "\u{0}",
    "attributes",
];

/// A text that resembles a filter, or does not.
fn made_up(random: &mut Random) -> String {
    const VALID: &str = r#"vendor == "Ochre" && price < 50.0 && !("clearance" in tags) || same.category && !fresh"#;
    match random.below(3) {
        0 => (0..random.below(60)).map(|_| WORDS[random.below(WORDS.len())]).collect(),
        1 => {
            let bytes: Vec<u8> = (0..random.below(200)).map(|_| u8::try_from(random.below(256)).unwrap()).collect();
            String::from_utf8_lossy(&bytes).into_owned()
        }
        _ => {
            let mut letters: Vec<char> = VALID.chars().collect();
            for _ in 0..=random.below(4) {
                let place = random.below(letters.len());
                match random.below(3) {
                    0 => {
                        letters.remove(place);
                    }
                    1 => letters[place] = WORDS[random.below(WORDS.len())].chars().next().unwrap(),
                    _ => letters.splice(place..place, WORDS[random.below(WORDS.len())].chars()).for_each(drop),
                }
            }
            letters.into_iter().collect()
        }
    }
}

/// `SLIREC_FILTER_INPUTS` sets how many.
#[test]
fn no_text_makes_reading_a_filter_panic_or_take_long() {
    let inputs = std::env::var("SLIREC_FILTER_INPUTS").map_or(200_000, |count| count.parse().unwrap());
    let columns = shop();
    let mut random = Random(1);
    let (mut read, mut slowest) = (0_u64, Duration::ZERO);
    for _ in 0..inputs {
        let text = made_up(&mut random);
        // The machine may pause: a text is slow when it is slow every time.
        let took = (0..5).map(|_| {
            let began = Instant::now();
            if let Ok(filter) = Filter::new(&text, &columns) {
                read += 1;
                filter.evaluate(&columns, Some(0));
            }
            began.elapsed()
        });
        let took = took.take_while(|took| *took > Duration::from_millis(20)).min().unwrap_or_default();
        assert!(took < Duration::from_millis(200), "{took:?} for {text}");
        slowest = slowest.max(took);
    }
    assert!(read > inputs / 100, "only {read} of {inputs} texts were filters");
}

#[test]
fn the_longest_filters_are_read_in_time_that_grows_with_their_length() {
    let columns = shop();
    let repeated = |part: &str| part.repeat(LONGEST_FILTER / part.len());
    for text in [
        repeated("("),
        repeated("!"),
        repeated("'"),
        repeated("\\"),
        repeated("["),
        repeated("é"),
        repeated("1"),
        repeated("fresh && "),
        repeated("("),
        format!("vendor in [{}'x']", repeated("'x',").get(..8_000).unwrap()),
        format!("vendor == '{}'", "é".repeat(4_000)),
    ] {
        let fastest = (0..5).map(|_| {
            let began = Instant::now();
            let _ = Filter::new(&text, &columns);
            began.elapsed()
        });
        let fastest = fastest.min().unwrap();
        assert!(fastest < Duration::from_millis(50), "{fastest:?} for {}", text.get(..20).unwrap_or_default());
    }
}
