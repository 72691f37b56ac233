//! Latency against catalogue size, both axes logarithmic, and against the length of the history, both linear, as an SVG:
//! measured points enter, the picture leaves.

use std::fmt::Write;
use std::ops::RangeInclusive;

/// What was measured for a catalogue and a history, in milliseconds, in the order of [`LINES`].
#[derive(Debug, Clone)]
pub(crate) struct Point {
    pub(crate) candidates: usize,
    pub(crate) length: usize,
    pub(crate) times: Vec<f64>,
}

/// Name and colour of each column.
const LINES: [(&str, &str); 3] =
    [("ONNX Runtime, one core", "#c0392b"), ("fused, one core", "#2471a3"), ("fused, two cores", "#1e8449")];
/// The history whose latencies are drawn against catalogue sizes, and the catalogue of the other panel.
const LENGTH: usize = 10;
const CANDIDATES: usize = 10_000;
/// What the original's model takes for 10 views and its 234 products in TensorFlow, in process, as its service asks it
/// (`docs/PERFORMANCE.md`), in milliseconds.
const PEER: (f64, f64) = (234.0, 60.4);

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 460.0;
const MARGIN: f64 = 60.0;

/// One panel: from values to places in the picture.
struct Panel {
    left: f64,
    across: RangeInclusive<f64>,
    up: RangeInclusive<f64>,
    logarithmic: bool,
}

impl Panel {
    fn share(&self, value: f64, range: &RangeInclusive<f64>) -> f64 {
        let value = if self.logarithmic { value.log10() } else { value };
        (value - range.start()) / (range.end() - range.start())
    }

    fn x(&self, value: f64) -> f64 {
        self.left + MARGIN + self.share(value, &self.across) * (WIDTH - 2.0 * MARGIN)
    }

    fn y(&self, value: f64) -> f64 {
        HEIGHT - MARGIN - self.share(value, &self.up) * (HEIGHT - 2.0 * MARGIN)
    }

    fn title(&self, svg: &mut String, title: &str) {
        let left = self.left + MARGIN;
        let _ = writeln!(svg, "<text x=\"{left}\" y=\"28\" font-size=\"15\">{title}</text>");
    }

    fn rows(&self, svg: &mut String, values: impl IntoIterator<Item = f64>) {
        for value in values {
            let (height, left, right) = (self.y(value), self.left + MARGIN, self.left + WIDTH - MARGIN);
            let (text, below) = (left - 8.0, height + 4.0);
            let _ = writeln!(
                svg,
                "<path d=\"M{left} {height:.1}H{right}\" stroke=\"#ddd\"/><text x=\"{text}\" y=\"{below:.1}\" text-anchor=\"end\">{value} ms</text>"
            );
        }
    }

    fn columns<'a>(&self, svg: &mut String, values: impl IntoIterator<Item = (f64, &'a str)>) {
        for (value, name) in values {
            let (place, bottom) = (self.x(value), HEIGHT - MARGIN);
            let below = bottom + 18.0;
            let _ = writeln!(
                svg,
                "<path d=\"M{place:.1} {MARGIN}V{bottom}\" stroke=\"#ddd\"/><text x=\"{place:.1}\" y=\"{below}\" text-anchor=\"middle\">{name}</text>"
            );
        }
    }

    /// A line for each column; each point has the value across and the times.
    fn lines(&self, svg: &mut String, points: &[(f64, &[f64])]) {
        for (number, (_, colour)) in LINES.into_iter().enumerate() {
            let mut path = String::new();
            for (value, times) in points {
                let (across, up) = (self.x(*value), self.y(times[number]));
                let _ = write!(path, "{}{across:.1} {up:.1}", if path.is_empty() { "M" } else { "L" });
                let _ = writeln!(svg, "<circle cx=\"{across:.1}\" cy=\"{up:.1}\" r=\"3\" fill=\"{colour}\"/>");
            }
            let _ = writeln!(svg, "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>");
        }
    }
}

/// Draws both panels.
pub(crate) fn draw(points: &[Point]) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
        2.0 * WIDTH
    );
    against_products(&mut svg, points);
    against_views(&mut svg, points);
    svg.push_str("</svg>\n");
    svg
}

fn against_products(svg: &mut String, points: &[Point]) {
    let panel = Panel { left: 0.0, across: 2.0..=5.2, up: -2.0..=3.0, logarithmic: true };
    panel.title(svg, &format!("Latency against products, {LENGTH} views"));
    panel.rows(svg, (-2..=3).map(|power| 10_f64.powi(power)));
    panel.columns(svg, [(1e2, "100"), (1e3, "1,000"), (1e4, "10,000"), (1e5, "100,000")]);
    let points = points.iter().filter(|point| point.length == LENGTH);
    let points: Vec<_> = points.map(|point| (point.candidates as f64, point.times.as_slice())).collect();
    panel.lines(svg, &points);
    let (across, up) = (panel.x(PEER.0), panel.y(PEER.1));
    let _ = writeln!(svg, "<circle cx=\"{across:.1}\" cy=\"{up:.1}\" r=\"5\" fill=\"#7d6608\"/>");
    let names = LINES.into_iter().chain([("the original's model in TensorFlow, two cores", "#7d6608")]);
    for (number, (name, colour)) in names.enumerate() {
        let height = 300.0 + 18.0 * number as f64;
        let _ = writeln!(
            svg,
            "<rect x=\"280\" y=\"{}\" width=\"14\" height=\"4\" fill=\"{colour}\"/><text x=\"300\" y=\"{height}\">{name}</text>",
            height - 6.0
        );
    }
}

fn against_views(svg: &mut String, points: &[Point]) {
    let mut points: Vec<_> = points
        .iter()
        .filter(|point| point.candidates == CANDIDATES)
        .map(|point| (point.length as f64, point.times.as_slice()))
        .collect();
    points.sort_by(|left, right| left.0.total_cmp(&right.0));
    let most = points.iter().flat_map(|(_, times)| times.iter().copied()).fold(1.0, f64::max);
    let step = 10_f64.powf(most.log10().floor());
    let panel = Panel { left: WIDTH, across: 0.0..=50.0, up: 0.0..=most, logarithmic: false };
    panel.title(svg, "Latency against views, 10,000 products");
    panel.rows(svg, (0..10).map(|number| step * f64::from(number)).take_while(|value| *value <= most));
    panel.columns(svg, [(0.0, "0"), (10.0, "10"), (20.0, "20"), (30.0, "30"), (40.0, "40"), (50.0, "50")]);
    panel.lines(svg, &points);
}
