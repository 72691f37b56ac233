//! Gradients against differences of the loss, and sequences against each other.

use super::*;
use crate::instruction_set::InstructionSet;

const WIDTH: usize = 16;
const ITEMS: usize = 12;

/// Numbers between -1 and 1 that look random.
fn numbers(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 8_388_608.0 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

struct Network {
    items: Vec<f32>,
    feature: Vec<f32>,
    from: Vec<f32>,
    to: Vec<f32>,
    bias: Vec<f32>,
    user: Vec<f32>,
    weights: Vec<f32>,
    layout: Layout,
}

const FEATURE_OF: [u32; ITEMS] = [0, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1];

impl Network {
    fn new() -> Self {
        let layout = Layout::new(WIDTH, 8);
        let scaled = |count, seed, scale: f32| numbers(count, seed).into_iter().map(|value| value * scale).collect();
        Self {
            items: scaled(ITEMS * WIDTH, 1, 0.5),
            feature: scaled(3 * WIDTH, 2, 0.5),
            from: scaled(ITEMS * WIDTH, 3, 0.5),
            to: scaled(ITEMS * WIDTH, 4, 0.5),
            bias: scaled(ITEMS, 5, 0.5),
            user: scaled(3 * WIDTH, 7, 0.5),
            weights: scaled(layout.len(), 6, 0.3),
            layout,
        }
    }

    fn choices(&self) -> Choices {
        let mut choices = Choices { choice_of: vec![u32::MAX; ITEMS], ..Choices::default() };
        for (choice, item) in (1..ITEMS).enumerate() {
            choices.items.push(item as u32);
            choices.choice_of[item] = choice as u32;
            let feature = FEATURE_OF[item] as usize;
            let row =
                (0..WIDTH).map(|column| self.items[item * WIDTH + column] + self.feature[feature * WIDTH + column]);
            choices.rows.extend(row);
            choices.rows.extend_from_slice(&self.to[item * WIDTH..][..WIDTH]);
            choices.bias.push(self.bias[item]);
        }
        choices.prepare(2 * WIDTH);
        choices
    }

    fn run(&self, sequences: &Sequences, dropout: f64) -> (f64, Gradients) {
        let mut pass = Pass::new(InstructionSet::detect(), self.layout.clone());
        pass.set_dropout(9, dropout);
        let (features, users): ([&[f32]; 1], [&[f32]; 2]) = ([&self.feature], [&self.user; 2]);
        let tables = Tables { items: &self.items, features: &features, from: &self.from, users: &users };
        let mut gradients = Gradients::default();
        pass.forward(sequences, &tables, &self.weights);
        pass.loss(sequences, &self.weights, &self.choices(), 0.25, &mut gradients);
        pass.backward(sequences, &tables, &self.weights, &mut gradients);
        (gradients.loss, gradients)
    }
}

/// Of the three sequences; two attributes share a table.
const USERS: [&[u32]; 3] = [&[1, 0], &[2, 1], &[]];

fn sequences() -> Sequences {
    let items: [&[u32]; 3] = [&[3, 4], &[1, 2, 3, 1, 5], &[7, 7, 0]];
    let next: [&[u32]; 3] = [&[4, 5], &[2, 3, 1, 5, 6], &[7, 0, 8]];
    let gaps: [&[u8]; 3] = [&[0, 4], &[0, 1, 2, 3, 19], &[0, 0, 7]];
    let ages: [&[u8]; 3] = [&[4, 3], &[1, 2, 3, 19, 5], &[0, 7, 2]];
    let features = items.map(|items| items.iter().map(|item| FEATURE_OF[*item as usize]).collect::<Vec<u32>>());
    let all: Vec<Sequence<'_>> = (0..3)
        .map(|index| Sequence {
            items: items[index],
            features: &features[index],
            gaps: gaps[index],
            ages: ages[index],
            next: next[index],
            user: USERS[index],
        })
        .collect();
    let mut sequences = Sequences::default();
    sequences.fill(&all);
    sequences
}

/// One of the tables of a network.
type Table = fn(&mut Network) -> &mut Vec<f32>;

/// The difference of the loss along a direction, over that of two small steps.
fn slope(network: &mut Network, of: Table, direction: &[f32], dropout: f64) -> f64 {
    let sequences = sequences();
    let step = 2e-3;
    let mut losses = [0.0; 2];
    for (loss, sign) in losses.iter_mut().zip([1.0, -1.0]) {
        let before = of(network).clone();
        of(network).iter_mut().zip(direction).for_each(|(value, direction)| *value += sign * step * direction);
        *loss = network.run(&sequences, dropout).0;
        *of(network) = before;
    }
    (losses[0] - losses[1]) / f64::from(2.0 * step)
}

fn along(gradient: &[f32], direction: &[f32]) -> f64 {
    gradient.iter().zip(direction).map(|(left, right)| f64::from(*left) * f64::from(*right)).sum()
}

/// Gradients of tables from those of positions and choices.
fn of_tables(sequences: &Sequences, gradients: &Gradients) -> [Vec<f32>; 6] {
    let mut items = vec![0.0; ITEMS * WIDTH];
    let mut feature = vec![0.0; 3 * WIDTH];
    let [mut from, mut to] = [(); 2].map(|()| vec![0.0; ITEMS * WIDTH]);
    let mut bias = vec![0.0; ITEMS];
    let add = |sum: &mut [f32], row: usize, values: &[f32]| {
        sum[row * WIDTH..][..WIDTH].iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
    };
    for (position, item) in sequences.items.iter().enumerate() {
        let row = &gradients.embedded[position * WIDTH..][..WIDTH];
        add(&mut items, *item as usize, row);
        add(&mut feature, sequences.features[position] as usize, row);
        add(&mut from, *item as usize, &gradients.from[position * WIDTH..][..WIDTH]);
    }
    for (choice, item) in (1..ITEMS).enumerate() {
        let row = &gradients.choices[choice * 2 * WIDTH..][..2 * WIDTH];
        add(&mut items, item, &row[..WIDTH]);
        add(&mut feature, FEATURE_OF[item] as usize, &row[..WIDTH]);
        add(&mut to, item, &row[WIDTH..]);
        bias[item] = gradients.bias[choice];
    }
    let mut user = vec![0.0; 3 * WIDTH];
    for (ids, row) in sequences.users().zip(gradients.users.chunks_exact(WIDTH)) {
        ids.iter().for_each(|id| add(&mut user, *id as usize, row));
    }
    [items, feature, from, to, bias, user]
}

#[test]
fn gradients_are_slopes_of_the_loss() {
    for dropout in [0.0, 0.3] {
        let mut network = Network::new();
        let sequences = sequences();
        let (_, gradients) = network.run(&sequences, dropout);
        for part in Part::ALL {
            let range = network.layout.range(part);
            let mut direction = vec![0.0; network.layout.len()];
            direction[range.clone()].copy_from_slice(&numbers(range.len(), 77));
            let expected = slope(&mut network, |network| &mut network.weights, &direction, dropout);
            let found = along(&gradients.weights, &direction);
            assert!((found - expected).abs() < 2e-3 * (1.0 + expected.abs()), "{part:?}: {found}, slope {expected}");
        }
        let tables: [(&str, Table); 6] = [
            ("items", |network| &mut network.items),
            ("feature", |network| &mut network.feature),
            ("from", |network| &mut network.from),
            ("to", |network| &mut network.to),
            ("bias", |network| &mut network.bias),
            ("user", |network| &mut network.user),
        ];
        for ((name, table), gradient) in tables.into_iter().zip(of_tables(&sequences, &gradients)) {
            let direction = numbers(gradient.len(), 78);
            let expected = slope(&mut network, table, &direction, dropout);
            let found = along(&gradient, &direction);
            assert!((found - expected).abs() < 2e-3 * (1.0 + expected.abs()), "{name}: {found}, slope {expected}");
        }
    }
}

#[test]
fn a_sequence_has_the_same_queries_alone_and_beside_others() {
    let network = Network::new();
    let (features, users): ([&[f32]; 1], [&[f32]; 1]) = ([&network.feature], [&network.user]);
    let tables = Tables { items: &network.items, features: &features, from: &network.from, users: &users };
    let (gaps, ages): (&[u8], &[u8]) = (&[0, 0, 7], &[0, 7, 2]);
    let alone = Sequence { items: &[7, 7, 0], features: &[1, 1, 0], gaps, ages, next: &[0; 3], user: &[1] };
    let (gaps, ages): (&[u8], &[u8]) = (&[0, 4], &[4, 3]);
    let other = Sequence { items: &[3, 4], features: &[1, 2], gaps, ages, next: &[0; 2], user: &[2] };
    let queries = |all: &[Sequence<'_>], which: usize| {
        let mut sequences = Sequences::default();
        sequences.fill(all);
        let mut pass = Pass::new(InstructionSet::detect(), network.layout.clone());
        let queries = pass.forward(&sequences, &tables, &network.weights);
        let last = sequences.last_positions()[which];
        queries[last * 2 * WIDTH..][..2 * WIDTH].to_vec()
    };
    assert_eq!(queries(&[alone], 0), queries(&[other, alone, other], 1));
}
