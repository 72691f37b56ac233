//! V-SKNN (Ludewig and Jannach 2018): stretches of training histories enter as sessions; what the sessions nearest to a
//! history's last views hold leaves, as scores.

use std::sync::Arc;

use super::TIE;
use super::counted::{Counted, recent};
use crate::dataset::evaluation::EvaluationGroup;
use crate::evaluation::Baseline;

/// Stretches of training histories, as sets of items.
pub(super) struct Sessions {
    /// Items of all sessions, and where each session begins.
    items: Vec<u32>,
    starts: Vec<usize>,
    /// Sessions of all items, and where each item begins.
    sessions: Vec<u32>,
    item_starts: Vec<usize>,
}

impl Sessions {
    /// Cuts histories into stretches of `length` views; 0 for whole histories. Single views are no sessions.
    pub(super) fn of(counted: &Counted, length: usize) -> Self {
        let (mut items, mut starts) = (Vec::new(), vec![0]);
        for user in &counted.users {
            let history = counted.items.get(user.clone()).unwrap_or_default();
            let stretches = history.chunks(if length == 0 { history.len().max(1) } else { length });
            for stretch in stretches.filter(|stretch| stretch.len() > 1) {
                let mut distinct = stretch.to_vec();
                distinct.sort_unstable();
                distinct.dedup();
                items.extend(distinct);
                starts.push(items.len());
            }
        }
        let mut by_item: Vec<Vec<u32>> = vec![Vec::new(); counted.rows];
        for (session, [start, end]) in (0..).zip(starts.array_windows()) {
            for item in items.get(*start..*end).unwrap_or_default() {
                if let Some(sessions) = by_item.get_mut(*item as usize) {
                    sessions.push(session);
                }
            }
        }
        let mut item_starts = vec![0];
        let mut sessions = Vec::with_capacity(items.len());
        for of_item in by_item {
            sessions.extend(of_item);
            item_starts.push(sessions.len());
        }
        Self { items, starts, sessions, item_starts }
    }

    fn len(&self) -> usize {
        self.starts.len() - 1
    }

    fn items_of(&self, session: usize) -> &[u32] {
        part(&self.items, &self.starts, session)
    }

    fn sessions_of(&self, item: usize) -> &[u32] {
        part(&self.sessions, &self.item_starts, item)
    }
}

fn part<'a>(values: &'a [u32], starts: &[usize], number: usize) -> &'a [u32] {
    let range = starts.get(number).zip(starts.get(number + 1));
    range.and_then(|(start, end)| values.get(*start..*end)).unwrap_or_default()
}

/// Scores by the nearest sessions.
pub(super) struct Neighbours {
    pub(super) counted: Arc<Counted>,
    pub(super) sessions: Arc<Sessions>,
    /// Sessions that count.
    pub(super) nearest: usize,
    pub(super) last: usize,
    pub(super) decay: f64,
    /// Whether rare items count for more.
    pub(super) idf: bool,
}

impl Neighbours {
    /// Sessions with what they have in common with the last views, over the root of their size; the nearest ones.
    fn near(&self, history: &[u32]) -> Vec<(usize, f64)> {
        let sessions = &self.sessions;
        let mut similar = vec![0.0; sessions.len()];
        let mut touched = Vec::new();
        for (item, weight) in recent(history, self.last, self.decay) {
            for session in sessions.sessions_of(item) {
                if let Some(similar) = similar.get_mut(*session as usize) {
                    if *similar == 0.0 {
                        touched.push(*session as usize);
                    }
                    *similar += weight;
                }
            }
        }
        touched.sort_unstable();
        let similarity = |session: usize| {
            let common: f64 = similar.get(session).copied().unwrap_or_default();
            (session, common / (sessions.items_of(session).len() as f64).sqrt())
        };
        let mut near: Vec<(usize, f64)> = touched.into_iter().map(similarity).collect();
        if near.len() > self.nearest {
            let mut sorted: Vec<f64> = near.iter().map(|(_, similarity)| *similarity).collect();
            let (_, least, _) = sorted.select_nth_unstable_by(self.nearest - 1, |one, other| other.total_cmp(one));
            near.retain(|(_, similarity)| *similarity >= *least);
        }
        near
    }
}

impl Baseline for Neighbours {
    fn score_all(&self, group: &EvaluationGroup, out: &mut [f64]) {
        out.fill(0.0);
        for (session, similarity) in self.near(&group.history_items) {
            for item in self.sessions.items_of(session) {
                if let Some(out) = out.get_mut(*item as usize) {
                    *out += similarity;
                }
            }
        }
        let all: f64 = 1.0 + self.counted.popularity.iter().sum::<f64>();
        let shares = self.counted.share_of_top.iter().zip(&self.counted.popularity);
        for (out, (share, popularity)) in out.iter_mut().zip(shares) {
            if self.idf && *out != 0.0 {
                *out *= (all / (1.0 + popularity)).ln();
            }
            *out += TIE * share;
        }
    }
}
