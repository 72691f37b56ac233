//! Candidates of the ranking network as an engine keeps them: with their rows, or, of a large catalogue, by their ids and in
//! numbers of 8 bits. Of a very large one no exact rows are kept: they are made of the tables for the few that are asked for.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use slirec_core::bundle::CANDIDATES_GRAPH;
use slirec_kernels::request::BLOCK;
use slirec_kernels::request::history::UnknownId;
use slirec_kernels::request::ranking::{RankingCandidates, RankingHistory, RoundedCandidates, RoundedQuery};

use super::RankingModel;
use crate::EngineError;
use crate::backend::PreparedCandidates;
use crate::candidates::CandidateIds;
use crate::order::TakingPart;
use crate::shortlist::{Offer, Shortlist};

/// Of so many equal candidates, all may be on a shortlist.
const FEW_EQUALS: usize = 64;
/// Group of a candidate that has few equals.
const UNEQUALLED: u32 = u32::MAX;

/// Candidates, ready to be scored.
#[derive(Debug)]
pub(crate) enum RankingRows {
    Whole(RankingCandidates),
    Rounded(Box<RoundedRows>),
}

/// Candidates of a large catalogue.
#[derive(Debug)]
pub(crate) struct RoundedRows {
    model: Arc<RankingModel>,
    ids: CandidateIds,
    rounded: RoundedCandidates,
    /// With their exact rows, where those are kept.
    whole: Option<RankingCandidates>,
    /// Rows in the order of their items.
    by_item: Vec<u32>,
    /// As [`equals`] finds them.
    equals: Vec<u32>,
}

/// Ids that a table does not have.
pub(super) fn unknown(id: UnknownId) -> EngineError {
    EngineError::Session { graph: CANDIDATES_GRAPH, problem: id.to_string() }
}

impl RankingRows {
    /// All candidates with their exact rows.
    pub(super) fn whole(&self) -> Result<Cow<'_, RankingCandidates>, EngineError> {
        match self {
            Self::Whole(candidates) => Ok(Cow::Borrowed(candidates)),
            Self::Rounded(rows) => rows.made(0..rows.ids.items.len()).map(Cow::Owned),
        }
    }
}

impl RoundedRows {
    pub(super) fn new(model: Arc<RankingModel>, ids: &CandidateIds, keep_rows: bool) -> Result<Self, EngineError> {
        let (network, count) = (&model.network, ids.items.len());
        let row_of = |candidate: usize, row: &mut [f32]| {
            let item = ids.items.get(candidate).copied().unwrap_or_default();
            network.candidate_row(item, features(ids, candidate, count), row)
        };
        let rounded = RoundedCandidates::new(network.candidate_width(), count, row_of).map_err(unknown)?;
        let whole = keep_rows.then(|| network.candidates(&ids.items, &ids.features));
        let whole = whole.transpose().map_err(unknown)?;
        let mut by_item: Vec<u32> = (0..).take(count).collect();
        by_item.sort_by_key(|row| ids.items.get(*row as usize));
        let equals = equals(ids, &by_item);
        Ok(Self { model, ids: ids.clone(), rounded, whole, by_item, equals })
    }

    /// Exact scores of the candidates in a range that begins with a block.
    pub(super) fn scores(
        &self,
        history: &RankingHistory,
        range: Range<usize>,
        scores: &mut [f32],
    ) -> Result<(), EngineError> {
        let network = &self.model.network;
        match &self.whole {
            Some(whole) => network.scores(history, whole, range, scores),
            None => network.scores(history, &self.made(range)?, 0..scores.len(), scores),
        }
        Ok(())
    }

    /// Candidates with their exact rows.
    fn select(&self, rows: &[usize]) -> Result<RankingCandidates, EngineError> {
        match &self.whole {
            Some(whole) => Ok(whole.select(rows)),
            None => self.made(rows.iter().copied()),
        }
    }

    /// Candidates with exact rows that are made for them.
    fn made(&self, rows: impl Iterator<Item = usize>) -> Result<RankingCandidates, EngineError> {
        let (mut ids, count) = (CandidateIds::default(), self.ids.items.len());
        for row in rows {
            ids.items.extend(self.ids.items.get(row));
            ids.features.extend(features(&self.ids, row, count));
        }
        self.model.network.candidates(&ids.items, &ids.features).map_err(unknown)
    }

    /// What a history's shortlist is chosen with.
    pub(super) fn query(&self, history: &RankingHistory) -> Option<RoundedQuery> {
        self.model.network.rounded_query(history, &self.rounded)
    }

    /// Rows of the items that get something on top of their product with the query.
    pub(super) fn raised(&self, history: &RankingHistory) -> Vec<usize> {
        let item_of = |row: u32| self.ids.items.get(row as usize).copied().unwrap_or_default();
        let rows_of = |item: u32| {
            let first = self.by_item.partition_point(|row| item_of(*row) < item);
            let rows = self.by_item.iter().skip(first).copied();
            rows.take_while(move |row| item_of(*row) == item).map(|row| row as usize)
        };
        history.raised().flat_map(rows_of).collect()
    }

    /// Offers the candidates of a range that begins with a block, without the raised ones.
    pub(super) fn offer(
        &self,
        history: &RankingHistory,
        query: &RoundedQuery,
        range: Range<usize>,
        taking_part: TakingPart<'_>,
        shortlist: &mut Shortlist,
    ) {
        let (mut logits, mut raises) = ([0.0; BLOCK], [0.0; BLOCK]);
        for start in range.clone().step_by(BLOCK) {
            let known = self.model.network.approximate(&self.rounded, query, start / BLOCK, &mut logits);
            if shortlist.misses_all(known.greatest, known.error) {
                continue;
            }
            taking_part.raises(start, query.temperature, &mut raises);
            if shortlist.misses_each(&logits, known.error, &raises) {
                continue;
            }
            for ((row, logit), raise) in (start..range.end).zip(logits).zip(raises) {
                let item = || self.ids.items.get(row).copied().unwrap_or_default();
                if !shortlist.misses(logit, known.error, raise)
                    && taking_part.contains(row)
                    && history.addition(item()) == 0.0
                {
                    let raise = if taking_part.is_buried(row) { f32::MIN } else { raise };
                    let equals = self.equals.get(row).filter(|group| **group != UNEQUALLED);
                    let equals = equals.map(|group| (*group, taking_part.tie(row)));
                    shortlist.offer(Offer { row, logit, error: known.error, raise, equals });
                }
            }
        }
    }
}

/// The group of each row whose candidate is the same to the network as many others: they have one item, or none that the
/// network knows, and the same features. Empty where there are no such groups.
fn equals(ids: &CandidateIds, by_item: &[u32]) -> Vec<u32> {
    let count = ids.items.len();
    let (mut groups, mut number) = (Vec::new(), 0);
    for of_item in by_item.chunk_by(|left, right| ids.items.get(*left as usize) == ids.items.get(*right as usize)) {
        if of_item.len() <= FEW_EQUALS {
            continue;
        }
        let mut of_features: HashMap<&[u32], Vec<u32>> = HashMap::new();
        for row in of_item {
            of_features.entry(features(ids, *row as usize, count)).or_default().push(*row);
        }
        for rows in of_features.into_values().filter(|rows| rows.len() > FEW_EQUALS) {
            groups.resize(count, UNEQUALLED);
            for row in rows {
                if let Some(group) = groups.get_mut(row as usize) {
                    *group = number;
                }
            }
            number += 1;
        }
    }
    groups
}

/// Features of a candidate among so many.
fn features(ids: &CandidateIds, candidate: usize, count: usize) -> &[u32] {
    let width = ids.features.len() / count.max(1);
    ids.features.get(candidate * width..(candidate + 1) * width).unwrap_or_default()
}

impl PreparedCandidates for RankingRows {
    fn len(&self) -> usize {
        match self {
            Self::Whole(candidates) => candidates.len(),
            Self::Rounded(rows) => rows.ids.items.len(),
        }
    }

    fn select(&self, rows: &[usize]) -> Result<Self, EngineError> {
        Ok(Self::Whole(match self {
            Self::Whole(candidates) => candidates.select(rows),
            Self::Rounded(rounded) => rounded.select(rows)?,
        }))
    }

    fn vectors(&self, rows: &[usize]) -> (Vec<f32>, usize) {
        let selected = match self {
            Self::Whole(candidates) => return candidates.embeddings(rows),
            Self::Rounded(rounded) => rounded.select(rows),
        };
        let all: Vec<usize> = (0..rows.len()).collect();
        // The tables have the ids of candidates, as these were prepared of them: none is without vectors.
        selected.map(|selected| selected.embeddings(&all)).unwrap_or_default()
    }

    fn is_finite(&self) -> bool {
        match self {
            Self::Whole(candidates) => candidates.is_finite(),
            Self::Rounded(rows) => rows.rounded.is_finite(),
        }
    }
}
