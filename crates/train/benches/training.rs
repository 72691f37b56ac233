//! Speed and memory of training on the golden data: positives a second from end to end, the parts of a step, the share
//! of the machine's rate for large matrix products, and how time and memory grow with the data.
//!
//! `make bench-train`. Runs itself again as a process of its own for every measurement whose peak memory counts.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a benchmark")]

use std::io::{Read, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use flate2::read::GzDecoder;
use slirec_kernels::instruction_set::InstructionSet;
use slirec_train::batch::Batch;
use slirec_train::batches::BatchSource;
use slirec_train::dataset::Dataset;
use slirec_train::dataset::prepare::{PrepareOptions, prepare};
use slirec_train::hyperparameters::{Hyperparameters, Preset};
use slirec_train::model::{Network, StepDropout, loss};
use slirec_train::negatives::NegativeSampler;
use slirec_train::optimizer::Adam;
use slirec_train::run::table_rows;
use slirec_train::trainer::{TrainEvent, TrainOptions, train};

#[path = "support/rates.rs"]
mod rates;

/// Positives a second of the original: as its users run it, and without its summaries (2 cores, same data).
const PEER: [f64; 2] = [655.0, 873.0];
const SEED: u64 = 42;
/// The original's network and settings (batches of 400, 4 negatives, 50 slots), and the ranking network's.
const NETWORKS: [(&str, Preset); 2] = [("SLi-Rec", Preset::Original), ("ranking", Preset::Ranking)];

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.iter().position(|argument| argument == "--measure") {
        Some(at) => {
            let (_, preset) = NETWORKS.into_iter().find(|(name, _)| *name == arguments[at + 3]).expect("a network");
            measure(Path::new(&arguments[at + 1]), arguments[at + 2].parse().expect("a number of steps"), preset);
        }
        None => report(),
    }
}

fn report() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    println!("instructions: {}, threads: {}", InstructionSet::detect().name(), rayon::current_num_threads());
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/golden/interactions.tsv.gz");
    let mut lines = String::new();
    let file = std::fs::File::open(golden).expect("the golden interactions");
    GzDecoder::new(file).read_to_string(&mut lines).expect("the golden interactions");
    let lines: Vec<&str> = lines.lines().collect();
    let dataset = prepared(folder.path(), &lines, lines.len());
    println!("\ngolden data");
    let [original, ranking] = NETWORKS.map(|(name, _)| end_to_end(&dataset, name));
    println!("the ranking network's positives a second: {:.1} times those of SLi-Rec", ranking / original);
    for (peer, how) in PEER.into_iter().zip(["", " without its summaries"]) {
        println!(
            "against the original's {peer:.0}{how}: SLi-Rec {:.1}, ranking {:.1} times",
            original / peer,
            ranking / peer
        );
    }
    parts(&dataset);

    println!(
        "\n{:>10} {:>12} {:>10} {:>12} {:>14} {:>16} {:>10}",
        "network", "interactions", "items", "prepare s", "positives/s", "s an epoch", "peak MB"
    );
    for count in [10_000, 100_000, 1_000_000] {
        let started = Instant::now();
        let dataset = prepared(folder.path(), &lines, count);
        let seconds = started.elapsed().as_secs_f64();
        for (name, _) in NETWORKS {
            let output = own_process(&dataset, 150, name);
            let [items, rows, rate, peak] =
                [0, 1, 2, 3].map(|field| output.split_whitespace().nth(field).expect("a figure").to_owned());
            let rate: f64 = rate.parse().expect("a rate");
            let rows: f64 = rows.parse().expect("a count");
            println!(
                "{name:>10} {count:>12} {items:>10} {seconds:>12.1} {rate:>14.0} {:>16.1} {peak:>10}",
                rows / rate
            );
        }
    }
    println!("s an epoch: training rows divided by the rate of up to 150 steps, evaluation left out");
}

/// A dataset of `count` interactions: the golden ones, and copies of them with users and items of their own.
fn prepared(folder: &Path, lines: &[&str], count: usize) -> PathBuf {
    let interactions = folder.join(format!("{count}.tsv"));
    let mut file = std::io::BufWriter::new(std::fs::File::create(&interactions).expect("a file"));
    for (number, line) in lines.iter().cycle().take(count).enumerate() {
        let copy = number / lines.len();
        let fields: Vec<&str> = line.split('\t').collect();
        let [label, user, item, time, category] = fields[..] else { panic!("five fields") };
        writeln!(file, "{label}\t{user}-{copy}\t{item}-{copy}\t{time}\t{category}").expect("a line");
    }
    drop(file);
    let output = folder.join(format!("dataset-{count}"));
    let options = PrepareOptions {
        seed: SEED,
        keep_order: true,
        replace: true,
        valid_negatives: NonZeroUsize::MIN.saturating_add(3),
        test_negatives: NonZeroUsize::MIN.saturating_add(8),
        ..PrepareOptions::new(interactions, output.clone())
    };
    prepare(&options, &mut |_, _| {}).expect("a dataset");
    output
}

/// Runs `--measure` on a dataset and answers what it prints.
fn own_process(dataset: &Path, steps: usize, network: &str) -> String {
    let own = std::env::current_exe().expect("this program");
    let output =
        Command::new(own).arg("--measure").arg(dataset).arg(steps.to_string()).arg(network).output().expect("a run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// Trains for some steps as `slirec train` does; prints items, training rows, positives a second (the best quarter of the
/// steps, to leave out what else the machine did), the same over all steps, and peak memory in MB.
fn measure(dataset: &Path, steps: usize, preset: Preset) {
    let dataset = Dataset::read(dataset).expect("a dataset");
    let hyperparameters = preset.hyperparameters(&dataset.shape());
    let output = tempfile::tempdir().expect("a temporary folder");
    let interrupted = AtomicBool::new(false);
    let run = output.path().join("run");
    let options = TrainOptions::new(&dataset, &hyperparameters, SEED, &run, &interrupted);
    let mut ends: Vec<(Instant, usize)> = Vec::new();
    train(options, &mut |event| {
        if let TrainEvent::Step { positives, .. } = event {
            ends.push((Instant::now(), positives));
            if ends.len() > steps {
                interrupted.store(true, Ordering::Relaxed);
            }
        }
        // A small dataset ends an epoch before the steps are done; the evaluation between is no step.
        if let TrainEvent::EpochStarts { epoch: 2.., .. } = event {
            interrupted.store(true, Ordering::Relaxed);
        }
    })
    .expect("a run");
    let mut rates: Vec<f64> =
        ends.windows(2).map(|pair| pair[1].1 as f64 / (pair[1].0 - pair[0].0).as_secs_f64()).collect();
    let whole: usize = ends[1..].iter().map(|(_, positives)| positives).sum();
    let overall = whole as f64 / (ends[ends.len() - 1].0 - ends[0].0).as_secs_f64();
    rates.sort_by(|left, right| right.total_cmp(left));
    let quarter = &rates[..rates.len().div_ceil(4)];
    let best = quarter.len() as f64 / quarter.iter().map(|rate| 1.0 / rate).sum::<f64>();
    let rows = dataset.train_rows().len();
    println!("{} {rows} {best:.0} {} {overall:.0}", dataset.manifest.items, peak_megabytes());
}

/// Peak resident memory of this process.
fn peak_megabytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()).and_then(|number| number.parse::<u64>().ok());
    kilobytes.unwrap_or_default() / 1024
}

/// The median of three runs' positives a second.
fn end_to_end(dataset: &Path, network: &str) -> f64 {
    let runs: Vec<String> = (0..3).map(|_| own_process(dataset, 150, network)).collect();
    let figure = |run: &str, field: usize| {
        run.split_whitespace().nth(field).expect("a figure").parse::<f64>().expect("a figure")
    };
    let mut overall: Vec<f64> = runs.iter().map(|run| figure(run, 4)).collect();
    overall.sort_by(f64::total_cmp);
    let best = runs.iter().map(|run| figure(run, 2)).fold(0.0, f64::max);
    let peak = runs.iter().map(|run| figure(run, 3)).fold(0.0, f64::max);
    println!(
        "{network}: {:.0} positives a second, end to end (median of 3 runs of up to 150 steps; best quarter of the steps {best:.0}); \
         peak memory {peak:.0} MB",
        overall[1]
    );
    overall[1]
}

/// Times of the parts of a step, in a loop of its own.
fn parts(dataset: &Path) {
    const STEPS: usize = 60;
    let dataset = Dataset::read(dataset).expect("a dataset");
    let hyperparameters = Hyperparameters::default();
    let rows = dataset.train_rows();
    let negatives = NegativeSampler::new(hyperparameters.training.negative_source, &dataset.vocabulary);
    let source =
        BatchSource { dataset: &dataset, hyperparameters: &hyperparameters, negatives: &negatives, seed: SEED };
    let mut network = Network::start(&hyperparameters, &table_rows(&dataset.vocabulary), SEED).expect("a network");
    let mut optimizer = Adam::default();
    let mut samples: Vec<Vec<f64>> = Vec::new();
    let mut batches: Vec<f64> = Vec::new();
    let mut names = vec![
        "whole step".to_owned(),
        "forward".to_owned(),
        "backward".to_owned(),
        "Adam".to_owned(),
        "statistics".to_owned(),
    ];
    for step in 0..STEPS {
        let rows: Vec<u32> = rows.iter().copied().skip(step * 7).step_by(rows.len() / 401).take(400).collect();
        let started = Instant::now();
        let batch = source.batch(&rows, (1, step as u32)).expect("a batch").expect("a batch");
        batches.push(started.elapsed().as_secs_f64() * 1e3);
        let before = network.part_times();
        let times = one_step(&mut network, &mut optimizer, &batch, &hyperparameters, step as u64);
        let mut sample: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1e3).collect();
        for (after, before) in network.part_times().iter().zip(&before) {
            if step == 0 {
                names.push(format!("{}, forward", after.name));
                names.push(format!("{}, backward", after.name));
            }
            sample.push((after.forward - before.forward).as_secs_f64() * 1e3);
            sample.push((after.backward - before.backward).as_secs_f64() * 1e3);
        }
        samples.push(sample);
    }
    println!("\nmilliseconds of a step: least and median of {STEPS}");
    let mut least_fused = 0.0;
    for (part, name) in names.iter().enumerate() {
        let mut times: Vec<f64> = samples.iter().map(|sample| sample[part]).collect();
        times.sort_by(f64::total_cmp);
        if name.starts_with("LSTM") || name.starts_with("candidate attention") {
            least_fused += times[0];
        }
        println!("  {name:<32} {:>7.2} {:>7.2}", times[0], times[STEPS / 2]);
    }
    batches.sort_by(f64::total_cmp);
    println!("  {:<32} {:>7.2} {:>7.2}", "batch (on a thread of its own)", batches[0], batches[STEPS / 2]);
    rates::report(least_fused);
}

fn one_step(
    network: &mut Network,
    optimizer: &mut Adam,
    batch: &Batch,
    hyperparameters: &Hyperparameters,
    seed: u64,
) -> [Duration; 5] {
    let settings = &hyperparameters.training;
    let started = Instant::now();
    let pass = network.forward(batch, StepDropout { shares: settings.dropout, seed }).expect("logits");
    let (loss, logit_gradients) = loss(&pass.logits, batch.candidates);
    assert!(loss.is_finite());
    let statistics = pass.statistics();
    let forward = started.elapsed();
    let gradients = pass.backward(&logit_gradients).expect("gradients");
    let backward = started.elapsed();
    optimizer.step(network.weights_mut(), gradients, settings, settings.learning_rate).expect("a step");
    let adam = started.elapsed();
    network.move_statistics(&statistics);
    let whole = started.elapsed();
    [whole, forward, backward - forward, adam - backward, whole - adam]
}
