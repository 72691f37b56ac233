//! Attributes of shoppers in a pass: their embeddings enter what gate and mixing read of the time, gradients leave.

use super::Tables;
use super::products::add;
use super::sequences::Sequences;

/// Adds the embeddings of the shoppers' attributes to the last third of each row `[3 D]`.
pub(super) fn add_users(sequences: &Sequences, tables: &Tables<'_>, rows: &mut [f32], width: usize) {
    if tables.users.is_empty() {
        return;
    }
    let sum = |ids: &[u32]| {
        let mut sum = vec![0.0; width];
        for (id, table) in ids.iter().zip(tables.users) {
            add(&table[*id as usize * width..][..width], &mut sum);
        }
        sum
    };
    let users: Vec<Vec<f32>> = sequences.users().map(sum).collect();
    for step in sequences.steps() {
        for (row, user) in users.iter().enumerate().take(step.rows()) {
            add(user, &mut rows[(step.start + row) * 3 * width..][2 * width..3 * width]);
        }
    }
}

/// Replaces `sums` by the gradients of each sequence's attributes, those of its positions summed; none without attributes.
pub(super) fn of_users(sequences: &Sequences, tables: &Tables<'_>, of_now: &[f32], width: usize, sums: &mut Vec<f32>) {
    sums.clear();
    let rows = sequences.steps().next().map_or(0, |step| step.rows());
    sums.resize(if tables.users.is_empty() { 0 } else { rows * width }, 0.0);
    for step in sequences.steps() {
        let of_step = &of_now[step.start * width..step.end * width];
        of_step.iter().zip(sums.iter_mut()).for_each(|(value, sum)| *sum += value);
    }
}
