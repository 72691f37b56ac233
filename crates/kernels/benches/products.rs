//! Rates of the product kernel in the shapes that training uses, on one core. `cargo bench --package slirec-kernels`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use slirec_kernels::instruction_set::InstructionSet;
use slirec_kernels::product::{Left, Right, Start, multiply};

/// Rows, inner size, columns, whether the left matrix stands transposed, and what the product is for.
const SHAPES: [(usize, usize, usize, bool, &str); 8] = [
    (50, 40, 80, false, "attention: keys to hidden values of layer 1"),
    (50, 80, 40, false, "attention: layer 1 to layer 2"),
    (50, 40, 80, false, "attention: gradient of layer 1"),
    (40, 50, 80, true, "attention: gradient of the weights"),
    (50, 80, 40, false, "attention: gradient of the keys"),
    (16, 40, 160, false, "LSTM: one step of 16 histories"),
    (16, 160, 40, false, "LSTM: one step back"),
    (40, 800, 160, true, "LSTM: gradient of the kernel"),
];

/// The least time of a call, after calls for a fifth of a second.
fn least(mut call: impl FnMut()) -> Duration {
    let started = Instant::now();
    let mut least = Duration::MAX;
    while started.elapsed() < Duration::from_millis(200) {
        let one = Instant::now();
        for _ in 0..20 {
            call();
        }
        least = least.min(one.elapsed() / 20);
    }
    least
}

fn values(count: usize) -> Vec<f32> {
    (0..count).map(|index| (index % 17) as f32 / 17.0).collect()
}

fn rate(rows: usize, inner: usize, columns: usize, time: Duration) -> f64 {
    2.0 * (rows * inner * columns) as f64 / time.as_secs_f64() / 1e9
}

fn main() {
    for (rows, inner, columns, transposed, name) in SHAPES {
        let (left, right) = (values(rows * inner), values(inner * columns));
        let mut result = vec![0.0; rows * columns];
        print!("{rows:>4} x {inner:>3} x {columns:>3}");
        for set in InstructionSet::available() {
            let left =
                if transposed { Left::new(&left, inner, rows).transposed() } else { Left::new(&left, rows, inner) };
            let time = least(|| {
                multiply(set, left, Right::new(&right, columns), Start::Zero, black_box(&mut result), columns);
            });
            print!("  {} {:>6.1} GFLOP/s", set.name(), rate(rows, inner, columns, time));
        }
        println!("  {name}");
    }
}
