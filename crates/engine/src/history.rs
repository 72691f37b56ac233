//! What a shopper viewed, as a request carries it: views enter one by one and leave in the same order.
//!
//! A view takes 12 bytes beside the text of its handle.

use std::fmt;
use std::mem::size_of;

use slirec_core::event::Event;

use crate::texts::Texts;

/// One product that the shopper viewed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ViewedItem<'a> {
    /// Handle of the product; the engine need not know it.
    pub handle: &'a str,
    /// When it was viewed, Unix seconds.
    pub timestamp: f64,
    /// What the shopper did with it.
    pub event: Event,
}

/// Views in order of arrival, of any number.
#[derive(Clone, PartialEq, Default)]
pub struct ViewHistory {
    /// `[n]`
    handles: Texts,
    /// Unix seconds, `[n]`.
    timestamps: Vec<f64>,
    /// What the shopper did, `[n]`; empty while all are views.
    events: Vec<Event>,
}

impl ViewHistory {
    /// Without any view.
    pub fn new() -> Self {
        Self::default()
    }

    /// From columns, of which the longer one is cut to the length of the other.
    pub fn from_columns(handles: Texts, mut timestamps: Vec<f64>) -> Self {
        timestamps.truncate(handles.len());
        if handles.len() == timestamps.len() {
            return Self { handles, timestamps, events: Vec::new() };
        }
        handles.iter().zip(timestamps).collect()
    }

    /// When the products were viewed, Unix seconds, `[n]`.
    pub fn timestamps(&self) -> &[f64] {
        &self.timestamps
    }

    /// Number of views.
    pub fn len(&self) -> usize {
        self.timestamps.len()
    }

    /// True without a view.
    pub fn is_empty(&self) -> bool {
        self.timestamps.is_empty()
    }

    /// Adds a view behind the others.
    pub fn push(&mut self, handle: &str, timestamp: f64) {
        self.push_event(handle, timestamp, Event::View);
    }

    /// Adds what the shopper did with a product behind the rest.
    pub fn push_event(&mut self, handle: &str, timestamp: f64, event: Event) {
        if event != Event::View || !self.events.is_empty() {
            self.events.resize(self.len(), Event::View);
            self.events.push(event);
        }
        self.handles.push(handle);
        self.timestamps.push(timestamp);
    }

    /// Gives a time to what has none, which stands there with a time that is not finite.
    pub fn fill_times(&mut self, time: f64) {
        self.timestamps.iter_mut().filter(|known| !known.is_finite()).for_each(|known| *known = time);
    }

    /// The view at a position.
    pub fn get(&self, position: usize) -> Option<ViewedItem<'_>> {
        let event = self.events.get(position).copied().unwrap_or_default();
        Some(ViewedItem { handle: self.handles.get(position)?, timestamp: *self.timestamps.get(position)?, event })
    }

    /// All views.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = ViewedItem<'_>> + ExactSizeIterator {
        self.last(self.len())
    }

    /// The last views, at most `count` of them.
    pub fn last(&self, count: usize) -> impl DoubleEndedIterator<Item = ViewedItem<'_>> + ExactSizeIterator {
        let nothing = ViewedItem { handle: "", timestamp: 0.0, event: Event::View };
        (self.len().saturating_sub(count)..self.len()).map(move |position| self.get(position).unwrap_or(nothing))
    }

    /// Puts the views into the order of their times; equal ones keep theirs.
    pub fn sort_by_time(&mut self) {
        if !self.timestamps.is_sorted() {
            let mut order: Vec<usize> = (0..self.len()).collect();
            let time = |position: &usize| self.timestamps.get(*position).copied().unwrap_or_default();
            order.sort_by(|left, right| time(left).total_cmp(&time(right)));
            *self = self.in_order(order.into_iter());
        }
    }

    /// Turns the order of the views round.
    pub fn reverse(&mut self) {
        *self = self.in_order((0..self.len()).rev());
    }

    fn in_order(&self, positions: impl ExactSizeIterator<Item = usize>) -> Self {
        let mut ordered = Self {
            handles: Texts::with_capacity(positions.len(), self.handles.bytes()),
            timestamps: Vec::with_capacity(positions.len()),
            events: Vec::new(),
        };
        for view in positions.filter_map(|position| self.get(position)) {
            ordered.push_event(view.handle, view.timestamp, view.event);
        }
        ordered
    }

    /// Bytes that the views take in memory.
    pub fn held_bytes(&self) -> usize {
        self.handles.held_bytes() + self.timestamps.capacity() * size_of::<f64>() + self.events.capacity()
    }
}

impl fmt::Debug for ViewHistory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.iter()).finish()
    }
}

impl<H: AsRef<str>> FromIterator<(H, f64)> for ViewHistory {
    fn from_iter<I: IntoIterator<Item = (H, f64)>>(views: I) -> Self {
        let mut history = Self::new();
        views.into_iter().for_each(|(handle, timestamp)| history.push(handle.as_ref(), timestamp));
        history
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn views(history: &ViewHistory) -> Vec<(String, f64)> {
        history.iter().map(|view| (view.handle.to_owned(), view.timestamp)).collect()
    }

    #[test]
    fn times_sort_views_and_equal_ones_keep_their_order() {
        let mut history = ViewHistory::from_iter([("c", 3.0), ("a", 1.0), ("", 2.0), ("b", 1.0)]);
        history.sort_by_time();
        assert_eq!(history, ViewHistory::from_iter([("a", 1.0), ("b", 1.0), ("", 2.0), ("c", 3.0)]));
        history.reverse();
        assert_eq!(views(&history)[0], ("c".to_owned(), 3.0));
    }

    #[test]
    fn the_last_views_are_at_most_all() {
        let history = ViewHistory::from_iter([("a", 1.0), ("b", 2.0)]);
        assert_eq!(
            history.last(1).collect::<Vec<_>>(),
            [ViewedItem { handle: "b", timestamp: 2.0, event: Event::View }]
        );
        assert_eq!(history.last(9).len(), 2);
        assert_eq!(history.get(2), None);
        assert_eq!(ViewHistory::new().iter().len(), 0);
    }

    #[test]
    fn columns_are_cut_to_the_shorter_one() {
        let handles = || ["a", "b"].into_iter().collect();
        assert_eq!(ViewHistory::from_columns(handles(), vec![1.0, 2.0, 3.0]).len(), 2);
        assert_eq!(ViewHistory::from_columns(handles(), vec![1.0]), ViewHistory::from_iter([("a", 1.0)]));
    }

    proptest! {
        #[test]
        fn views_leave_as_they_entered(expected in prop::collection::vec(("\\PC{0,5}", 0.0..1e9_f64), 0..20)) {
            let history = ViewHistory::from_iter(expected.iter().map(|(handle, time)| (handle, *time)));
            prop_assert_eq!(history.len(), expected.len());
            let mut sorted = history.clone();
            sorted.sort_by_time();
            prop_assert!(sorted.iter().is_sorted_by_key(|view| view.timestamp));
            prop_assert_eq!(views(&history), expected);
        }
    }
}
