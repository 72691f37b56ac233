//! Latency against catalogue size as an SVG, both axes logarithmic: measured points enter, the picture leaves.

use std::fmt::Write;

/// What was measured for a catalogue and a history, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Point {
    pub(crate) candidates: usize,
    pub(crate) length: usize,
    pub(crate) stock: f64,
    pub(crate) fused: f64,
    pub(crate) both: f64,
}

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 460.0;
const MARGIN: f64 = 60.0;
/// Ends of the axes, as powers of ten: candidates, milliseconds.
const CANDIDATES: (f64, f64) = (2.0, 5.2);
const MILLISECONDS: (f64, f64) = (-2.0, 4.0);
/// The history whose latencies are drawn.
const LENGTH: usize = 10;
/// What the original's model takes for 10 views and its 234 products in TensorFlow, in process, as its service asks it
/// (`docs/performance.md`), in milliseconds.
const PEER: (f64, f64) = (234.0, 60.4);

fn x(candidates: f64) -> f64 {
    MARGIN + (candidates.log10() - CANDIDATES.0) / (CANDIDATES.1 - CANDIDATES.0) * (WIDTH - 2.0 * MARGIN)
}

fn y(milliseconds: f64) -> f64 {
    let share = (milliseconds.log10() - MILLISECONDS.0) / (MILLISECONDS.1 - MILLISECONDS.0);
    HEIGHT - MARGIN - share * (HEIGHT - 2.0 * MARGIN)
}

/// Name, colour, and the time that is drawn.
type Line<'a> = (&'a str, &'a str, fn(&Point) -> f64);

/// Draws the points of the history of [`LENGTH`] views.
pub(crate) fn draw(points: &[Point]) -> String {
    let points: Vec<&Point> = points.iter().filter(|point| point.length == LENGTH).collect();
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"{MARGIN}\" y=\"28\" font-size=\"15\">Latency of a request against catalogue size, {LENGTH} views</text>\n"
    );
    for power in -2..=4 {
        let value = 10_f64.powi(power);
        let (height, right) = (y(value), WIDTH - MARGIN);
        let _ = writeln!(
            svg,
            "<path d=\"M{MARGIN} {height:.1}H{right}\" stroke=\"#ddd\"/><text x=\"52\" y=\"{:.1}\" text-anchor=\"end\">{value} ms</text>",
            height + 4.0
        );
    }
    for (value, name) in [(100.0, "100"), (1e3, "1,000"), (1e4, "10,000"), (1e5, "100,000")] {
        let (place, bottom) = (x(value), HEIGHT - MARGIN);
        let _ = writeln!(
            svg,
            "<path d=\"M{place:.1} {MARGIN}V{bottom}\" stroke=\"#ddd\"/><text x=\"{place:.1}\" y=\"{}\" text-anchor=\"middle\">{name}</text>",
            bottom + 18.0
        );
    }
    let lines: [Line<'_>; 3] = [
        ("ONNX Runtime, one core", "#c0392b", |point| point.stock),
        ("fused, one core", "#2471a3", |point| point.fused),
        ("fused, two cores", "#1e8449", |point| point.both),
    ];
    for (number, (name, colour, time)) in lines.into_iter().enumerate() {
        let mut path = String::new();
        for point in &points {
            let (across, up) = (x(point.candidates as f64), y(time(point)));
            let _ = write!(path, "{}{across:.1} {up:.1}", if path.is_empty() { "M" } else { "L" });
            let _ = writeln!(svg, "<circle cx=\"{across:.1}\" cy=\"{up:.1}\" r=\"3\" fill=\"{colour}\"/>");
        }
        let _ = writeln!(svg, "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>");
        legend(&mut svg, number, colour, name);
    }
    let (across, up) = (x(PEER.0), y(PEER.1));
    let _ = writeln!(svg, "<circle cx=\"{across:.1}\" cy=\"{up:.1}\" r=\"5\" fill=\"#7d6608\"/>");
    legend(&mut svg, lines.len(), "#7d6608", "the original's model in TensorFlow, two cores");
    svg.push_str("</svg>\n");
    svg
}

fn legend(svg: &mut String, number: usize, colour: &str, name: &str) {
    let height = 80.0 + 18.0 * number as f64;
    let _ = writeln!(
        svg,
        "<rect x=\"80\" y=\"{}\" width=\"14\" height=\"4\" fill=\"{colour}\"/><text x=\"100\" y=\"{}\">{name}</text>",
        height - 6.0,
        height
    );
}
