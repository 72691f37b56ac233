//! Predictions of every row: a model and rows enter; a file of JSON lines leaves, each with what was viewed next, its rank
//! and the list that the model gives.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;
use slirec_core::files;
use slirec_train::analysis::{Subject, vocabulary_candidates};
use slirec_train::evaluation::{Scorer, rank_groups};

#[derive(Debug, Serialize)]
struct Prediction<'a> {
    user: &'a str,
    time: f64,
    history_length: usize,
    /// None for an item that training has not seen.
    next: Option<&'a str>,
    rank: Option<f64>,
    items: Vec<Recommended<'a>>,
}

#[derive(Debug, Serialize)]
struct Recommended<'a> {
    handle: &'a str,
    score: f32,
}

/// Writes a line for each row; users without a name go by their number.
pub(super) fn write(path: &Path, model: &mut dyn Scorer, subject: &Subject<'_>, users: &[String]) -> Result<()> {
    let candidates = vocabulary_candidates(subject.vocabulary);
    let _step = crate::progress::step(format!("writing {}", path.display()));
    let ranked = rank_groups(model, &subject.groups, &candidates, subject.seen, &mut |_| Ok(()));
    let ranked = ranked.map_err(anyhow::Error::from_boxed)?;
    let handle = |item: u32| subject.vocabulary.item(item).map(|item| item.handle.as_str());
    let mut lines = Vec::new();
    for (group, ranked) in subject.groups.iter().zip(&ranked) {
        let number = group.user.to_string();
        let items = ranked.recommended.iter().zip(&ranked.scores);
        let prediction = Prediction {
            user: users.get(group.user).unwrap_or(&number),
            time: group.now,
            history_length: group.history_length(),
            next: handle(group.target()),
            rank: ranked.rank.is_finite().then_some(ranked.rank),
            // As many items as 32-bit ids.
            items: items
                .filter_map(|(index, score)| Some(Recommended { handle: handle(*index as u32 + 1)?, score: *score }))
                .collect(),
        };
        serde_json::to_writer(&mut lines, &prediction)?;
        writeln!(lines)?;
    }
    files::write_aside(path, &lines).context("--predictions")
}
