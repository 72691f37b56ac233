//! Charts as inline SVG: series of numbers enter, markup leaves. Colours come from the page's style sheet, so that one
//! picture serves light, dark and paper; every mark has a `title` that tells its figures.

use maud::{Markup, html};

pub(super) const WIDTH: f64 = 480.0;
pub(super) const HEIGHT: f64 = 240.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 40.0;
/// Lines of the grid, about.
const TICKS: f64 = 5.0;

/// A named row of points; the position in a chart gives the colour.
#[derive(Debug, Clone)]
pub(super) struct Series {
    pub(super) name: String,
    /// x and y.
    pub(super) points: Vec<(f64, f64)>,
}

/// What the axes show.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axes<'a> {
    pub(super) x: &'a str,
    pub(super) y: &'a str,
    /// Lowest and highest value of y; none: as the points have it.
    pub(super) y_range: Option<(f64, f64)>,
}

/// Maps values to the plane.
pub(super) struct Scale {
    pub(super) x: (f64, f64),
    pub(super) y: (f64, f64),
}

impl Scale {
    pub(super) fn x(&self, value: f64) -> f64 {
        LEFT + (WIDTH - LEFT - RIGHT) * share(value, self.x)
    }

    pub(super) fn y(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share(value, self.y)
    }
}

fn share(value: f64, (low, high): (f64, f64)) -> f64 {
    (value - low) / (high - low)
}

/// Lines through points, with a legend when there are several.
pub(super) fn lines(series: &[Series], axes: Axes<'_>) -> Markup {
    let points = || series.iter().flat_map(|series| &series.points).filter(|(x, y)| x.is_finite() && y.is_finite());
    let scale = Scale {
        x: range(points().map(|(x, _)| *x)),
        y: axes.y_range.unwrap_or_else(|| padded(range(points().map(|(_, y)| *y)))),
    };
    html! {
        (legend(series.iter().map(|series| series.name.as_str())))
        svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(format!("{} by {}", axes.y, axes.x)) {
            (grid(&scale, axes))
            @for (number, series) in (1..).zip(series) {
                @let path: Vec<String> = series.points.iter().filter(|(_, y)| y.is_finite())
                    .map(|(x, y)| format!("{:.1},{:.1}", scale.x(*x), scale.y(*y))).collect();
                polyline class=(format!("line series-{number}")) points=(path.join(" ")) {}
                @for (x, y) in series.points.iter().filter(|(_, y)| y.is_finite()) {
                    circle class=(format!("dot series-{number}")) cx=(format!("{:.1}", scale.x(*x)))
                        cy=(format!("{:.1}", scale.y(*y))) r="3.2" {
                        title { (series.name) ": " (figure(*y)) " at " (axes.x) " " (figure(*x)) }
                    }
                }
            }
        }
    }
}

/// Groups of bars, one bar a series for every label.
pub(super) fn bars(labels: &[String], series: &[(&str, Vec<f64>)], axes: Axes<'_>) -> Markup {
    let highest = series.iter().flat_map(|(_, values)| values).copied().fold(0.0, f64::max);
    let scale = Scale { x: (0.0, labels.len().max(1) as f64), y: axes.y_range.unwrap_or((0.0, rounded_up(highest))) };
    let width = 0.8 / series.len().max(1) as f64;
    html! {
        (legend(series.iter().map(|(name, _)| *name)))
        svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(format!("{} by {}", axes.y, axes.x)) {
            (horizontal_grid(&scale, axes))
            @for (position, label) in labels.iter().enumerate() {
                @let start = position as f64 + 0.1;
                @for (number, (name, values)) in (0..).zip(series) {
                    @let value = values.get(position).copied().unwrap_or_default();
                    @let left = scale.x(start + width * f64::from(number));
                    rect class=(format!("bar series-{}", number + 1)) x=(format!("{left:.1}"))
                        y=(format!("{:.1}", scale.y(value)))
                        width=(format!("{:.1}", (scale.x(start + width * f64::from(number + 1)) - left - 1.0).max(1.0)))
                        height=(format!("{:.1}", (scale.y(0.0) - scale.y(value)).max(0.0))) {
                        title { (label) ", " (name) ": " (figure(value)) }
                    }
                }
                text class="tick" x=(format!("{:.1}", scale.x(position as f64 + 0.5))) y=(HEIGHT - BOTTOM + 16.0)
                    text-anchor="middle" { (label) }
            }
        }
    }
}

/// The diagonal of a chart whose axes have the same unit, from 0 on.
pub(super) fn identity(end: f64) -> Series {
    Series { name: "as promised".to_owned(), points: vec![(0.0, 0.0), (end, end)] }
}

fn legend<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> Markup {
    html! {
        @if names.len() > 1 {
            ul class="legend" {
                @for (number, name) in (1..).zip(names) {
                    li { span class=(format!("swatch series-{number}")) {} (name) }
                }
            }
        }
    }
}

pub(super) fn grid(scale: &Scale, axes: Axes<'_>) -> Markup {
    html! {
        (horizontal_grid(scale, axes))
        @for tick in ticks(scale.x) {
            text class="tick" x=(format!("{:.1}", scale.x(tick))) y=(HEIGHT - BOTTOM + 16.0) text-anchor="middle" {
                (figure(tick))
            }
        }
    }
}

fn horizontal_grid(scale: &Scale, axes: Axes<'_>) -> Markup {
    html! {
        @for tick in ticks(scale.y) {
            line class="grid" x1=(LEFT) x2=(WIDTH - RIGHT) y1=(format!("{:.1}", scale.y(tick)))
                y2=(format!("{:.1}", scale.y(tick))) {}
            text class="tick" x=(LEFT - 6.0) y=(format!("{:.1}", scale.y(tick) + 4.0)) text-anchor="end" {
                (figure(tick))
            }
        }
        text class="axis" x=(WIDTH - RIGHT) y=(HEIGHT - 6.0) text-anchor="end" { (axes.x) }
        text class="axis" x="14" y=(TOP) text-anchor="end" transform=(format!("rotate(-90 14 {TOP})")) { (axes.y) }
    }
}

/// Round numbers within a range.
fn ticks((low, high): (f64, f64)) -> Vec<f64> {
    let step = round_step((high - low) / TICKS);
    let first = (low / step).ceil();
    let numbers = (0..16_u8).map(|number| first + f64::from(number));
    numbers.map(|number| number * step).take_while(|tick| *tick <= high + step * 1e-6).collect()
}

/// 1, 2 or 5 times a power of ten, not below `step`.
fn round_step(step: f64) -> f64 {
    if !(step.is_finite() && step > 0.0) {
        return 1.0;
    }
    let power = 10_f64.powf(step.log10().floor());
    [1.0, 2.0, 5.0, 10.0].iter().map(|factor| factor * power).find(|round| *round >= step).unwrap_or(step)
}

fn rounded_up(highest: f64) -> f64 {
    let step = round_step(highest / TICKS);
    (highest / step).ceil().max(1.0) * step
}

/// Lowest and highest value, never equal.
pub(super) fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) =
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    match (low.is_finite() && high.is_finite(), low < high) {
        (true, true) => (low, high),
        (true, false) => (low - 0.5, high + 0.5),
        _ => (0.0, 1.0),
    }
}

pub(super) fn padded((low, high): (f64, f64)) -> (f64, f64) {
    let margin = (high - low) * 0.06;
    (low - margin, high + margin)
}

/// A number with as many digits as tell something.
pub(super) fn figure(value: f64) -> String {
    let text = if value.abs() >= 100.0 || value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.4}") };
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const AXES: Axes<'_> = Axes { x: "epoch", y: "loss", y_range: None };

    #[test]
    fn ticks_are_round_numbers_within_the_range() {
        assert_eq!(ticks((0.0, 10.0)), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        let fine = ticks((0.61, 0.69));
        assert!(fine.len() >= 4 && fine.iter().all(|tick| (0.61..=0.691).contains(tick)), "{fine:?}");
    }

    #[test]
    fn names_from_data_are_escaped() {
        let series = [Series { name: "<script>".to_owned(), points: vec![(0.0, 1.0)] }];
        let text = lines(&series, AXES).into_string();
        assert!(!text.contains("<script>") && text.contains("&lt;script&gt;"), "{text}");
    }

    proptest! {
        #[test]
        fn no_number_breaks_a_chart(values in prop::collection::vec((any::<f64>(), any::<f64>()), 0..6)) {
            let series = [Series { name: "a".to_owned(), points: values.clone() }];
            let text = lines(&series, AXES).into_string();
            prop_assert!(text.ends_with("</svg>"));
            let labels: Vec<String> = values.iter().map(|(x, _)| x.to_string()).collect();
            let heights = values.iter().map(|(_, y)| *y).collect();
            prop_assert!(bars(&labels, &[("a", heights)], AXES).into_string().ends_with("</svg>"));
        }
    }
}
