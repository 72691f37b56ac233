//! The report of a run: figures enter, one page leaves. A real browser draws it (`make test-browser`).

#![cfg(test)]

use std::path::{Path, PathBuf};
use std::process::Command;

use slirec_train::analysis::{
    Analysis, CalibrationBin, Difference, Interval, Lists, MODEL, Measured, Order, PopularityBand, PositionAttention,
    Sample, Slice,
};
use slirec_train::baselines::{CO_OCCURRENCE, POPULARITY};
use slirec_train::evaluation::Seen;
use slirec_train::hyperparameters::Hyperparameters;
use slirec_train::metrics::{RankingMetrics, SampledMetrics};
use slirec_train::report::Report;
use slirec_train::run::{EpochMetrics, RunRecord, RunState};

fn sampled(quality: f64) -> SampledMetrics {
    SampledMetrics {
        auc: quality,
        logloss: Some(0.9 - 0.5 * quality),
        mean_mrr: quality - 0.05,
        ndcg_2: quality - 0.1,
        ndcg_4: quality - 0.03,
        ndcg_6: quality,
        group_auc: quality + 0.02,
    }
}

fn difference(mean: f64) -> Difference {
    Difference { mean, interval: Interval { low: mean - 0.01, high: mean + 0.01 }, p: 0.04 }
}

fn measured(name: &str, quality: f64, model_less_this: Option<Difference>) -> Measured {
    let ranking =
        RankingMetrics { hit_rate_10: 0.6 * quality, ndcg_10: 0.4 * quality, mrr: 0.35 * quality, coverage_10: 0.8 };
    Measured {
        name: name.to_owned(),
        options: "last 5, decay 0.8".to_owned(),
        interval: Interval { low: 0.36 * quality, high: 0.44 * quality },
        lists: Lists { novelty: 7.2, gini: 0.61, variety: 0.3 },
        sampled: model_less_this.is_none().then(|| sampled(quality)),
        ranking,
        model_less_this,
    }
}

fn slice(name: &str, groups: usize) -> Slice {
    let interval = Some(Interval { low: 0.31, high: 0.37 });
    Slice { name: name.to_owned(), groups, hit_rate_10: 0.61, ndcg_10: 0.34, interval, baseline_ndcg_10: Some(0.36) }
}

fn analysis(of_model: f64) -> Analysis {
    let decile = |position: i32| f64::from(position) / 10.0;
    Analysis {
        set: "test".to_owned(),
        rows: 149,
        sample_seed: None,
        unseen: 0,
        groups: 149,
        candidates: 252,
        seen: Seen::Keep,
        left_out: 0,
        measured: vec![
            measured(MODEL, of_model, None),
            measured(POPULARITY, 0.2, Some(difference(0.4 * of_model - 0.08))),
            measured(CO_OCCURRENCE, 0.85, Some(difference(0.4 * of_model - 0.34))),
        ],
        by_kind: vec![slice("repeats", 50), slice("explorations", 99)],
        shortened: vec![slice("cut to last 1", 149)],
        order: Some(Order { kept: 0.34, shuffled: 0.3, difference: difference(0.04) }),
        samples: vec![Sample {
            viewed: vec!["Mug".to_owned(), "<b>Pan</b>".to_owned()],
            history_length: 60,
            recommended: vec!["Pot".to_owned(), "Lid".to_owned()],
            next: "Lid".to_owned(),
            rank: Some(2.0),
        }],
        calibration: (0..10)
            .map(|bin| CalibrationBin { score: decile(bin) + 0.05, positives: decile(bin).powi(2), rows: 149 })
            .collect(),
        calibration_error: Some(0.0123),
        popularity: (0..10)
            .map(|band| PopularityBand {
                items: 26,
                recommended: 0.25 * (1.0 - decile(band)),
                viewed: 0.2 * (1.0 - decile(band)),
                coverage: 1.0 - 0.5 * decile(band),
            })
            .collect(),
        by_history_length: vec![slice("3 to 5", 12), slice("51 and more", 137)],
        by_category: vec![slice("Books", 80), slice("<b>Garden</b> & Co", 69)],
        by_user: Vec::new(),
        attention: (1..=50)
            .map(|from_end| PositionAttention { from_end, weight: 0.1 / from_end as f64, histories: 149 })
            .collect(),
    }
}

fn page(of_model: f64) -> String {
    let record = RunRecord {
        format: "slirec-run/1".to_owned(),
        state: RunState::Finished,
        dataset_sha256: "ab".repeat(32),
        seed: 42,
        train_rows: 71_000,
        interactions: 71_419,
        findings: None,
        last_time: 1_790_000_000.0,
        epochs: 10,
        best_epoch: 9,
        best_group_auc: 0.9512,
    };
    let epochs: Vec<EpochMetrics> = (0..=10_u8)
        .map(|epoch| EpochMetrics {
            epoch: usize::from(epoch),
            steps: usize::from(epoch) * 178,
            loss: (epoch > 0).then(|| 1.6 / f64::from(epoch).sqrt()),
            valid: sampled(0.5 + 0.04 * f64::from(epoch)),
            ranking: None,
        })
        .collect();
    let report = Report {
        name: "demo",
        record: &record,
        hyperparameters: &Hyperparameters::default(),
        epochs: &epochs,
        analysis: &analysis(of_model),
        program_sha256: &"cd".repeat(32),
    };
    report.render()
}

#[test]
fn the_page_tells_every_figure_and_fetches_nothing() {
    let page = page(0.95);
    for part in [
        "0.9512",
        "NDCG@10",
        "co-occurrence",
        "51 and more",
        "explorations",
        "cut to last 1",
        "Expected calibration error",
        "0.0123",
        "Mug",
        "batch_size = 400",
        "abab",
        "cdcd",
    ] {
        assert!(page.contains(part), "{part}");
    }
    for foreign in ["http://", "https://", "<script", "<link", "@import", "url("] {
        assert!(!page.contains(foreign), "{foreign}");
    }
}

#[test]
fn names_from_the_catalogue_are_never_markup() {
    let page = page(0.95);
    assert!(page.contains("&lt;b&gt;Garden&lt;/b&gt; &amp; Co") && !page.contains("<b>Garden"), "{page}");
}

#[test]
fn a_model_that_loses_to_a_counter_is_warned_of_and_no_other() {
    assert!(page(0.5).contains("The model does not beat co-occurrence"));
    assert!(!page(0.95).contains("The model does not beat"));
}

/// Where the pictures are kept, to be looked at.
fn screenshots() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../work/screenshots");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Draws a page with chromium; answers the picture's pixels, red, green and blue in turn.
fn draw(file: &Path, name: &str, size: (u32, u32), further: &[&str]) -> Vec<u8> {
    let profile = tempfile::tempdir().unwrap();
    let picture = screenshots().join(name);
    let status = Command::new(std::env::var_os("SLIREC_CHROMIUM").unwrap_or_else(|| "chromium".into()))
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-background-networking"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("--screenshot={}", picture.display()))
        .arg(format!("--window-size={},{}", size.0, size.1))
        .args(further)
        .arg(format!("file://{}", file.display()))
        .output()
        .expect("chromium");
    assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stderr));
    let mut reader =
        png::Decoder::new(std::io::BufReader::new(std::fs::File::open(&picture).unwrap())).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert_eq!((info.width, info.height), size);
    let bytes = info.color_type.samples();
    pixels.chunks_exact(bytes).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect()
}

/// Share of pixels that are near to a colour.
fn share(pixels: &[u8], near: impl Fn([u8; 3]) -> bool) -> f64 {
    let count = pixels.chunks_exact(3).filter(|pixel| near([pixel[0], pixel[1], pixel[2]])).count();
    count as f64 / (pixels.len() / 3) as f64
}

#[test]
#[ignore = "needs chromium: make test-browser"]
fn a_browser_draws_the_page_light_dark_and_narrow() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.html");
    std::fs::write(&file, page(0.95)).unwrap();
    let blue = |pixel: [u8; 3]| pixel[2] > 150 && pixel[0] < 130;

    let light = draw(&file, "report-light.png", (1100, 3600), &[]);
    assert!(share(&light, |pixel| pixel.iter().all(|value| *value > 240)) > 0.6, "a light page");
    assert!(share(&light, blue) > 0.003, "curves and bars in the first colour");
    let dark = draw(&file, "report-dark.png", (1100, 3600), &["--blink-settings=preferredColorScheme=0"]);
    assert!(share(&dark, |pixel| pixel.iter().all(|value| *value < 60)) > 0.6, "a dark page");
    assert!(share(&dark, blue) > 0.003, "curves and bars in the first colour");
    let narrow = draw(&file, "report-narrow.png", (500, 4000), &[]);
    // Tables scroll within themselves: the margin on the right stays empty.
    let last_columns: Vec<u8> = narrow.chunks_exact(500 * 3).flat_map(|row| row[490 * 3..].to_vec()).collect();
    assert!(share(&last_columns, |pixel| pixel.iter().all(|value| *value > 240)) > 0.99, "nothing overflows");
}

#[test]
#[ignore = "needs chromium: make test-browser"]
fn the_page_prints() {
    let folder = tempfile::tempdir().unwrap();
    let (file, pdf) = (folder.path().join("report.html"), screenshots().join("report.pdf"));
    std::fs::write(&file, page(0.95)).unwrap();
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new(std::env::var_os("SLIREC_CHROMIUM").unwrap_or_else(|| "chromium".into()))
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-pdf-header-footer",
            "--disable-background-networking",
        ])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("--print-to-pdf={}", pdf.display()))
        .arg(format!("file://{}", file.display()))
        .output()
        .expect("chromium");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let bytes = std::fs::read(&pdf).unwrap();
    assert!(bytes.starts_with(b"%PDF-") && bytes.len() > 20_000, "{} bytes", bytes.len());
}
