//! A chart of named points as inline SVG: names with their places enter, markup leaves. One of the points stands out.

use maud::{Markup, html};

use super::chart::{Axes, HEIGHT, Scale, WIDTH, figure, grid, padded, range};

/// A named point.
#[derive(Debug, Clone, Copy)]
pub(super) struct Point<'a> {
    pub(super) name: &'a str,
    /// x and y.
    pub(super) place: (f64, f64),
    /// Whether it stands out.
    pub(super) marked: bool,
}

/// Points with their names beside them.
pub(super) fn scatter(points: &[Point<'_>], axes: Axes<'_>) -> Markup {
    let finite = || points.iter().filter(|point| point.place.0.is_finite() && point.place.1.is_finite());
    let scale = Scale {
        x: padded(range(finite().map(|point| point.place.0))),
        y: axes.y_range.unwrap_or_else(|| padded(range(finite().map(|point| point.place.1)))),
    };
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(format!("{} by {}", axes.y, axes.x)) {
            (grid(&scale, axes))
            @for Point { name, place: (x, y), marked } in finite().copied() {
                @let (left, top) = (scale.x(x), scale.y(y));
                // Names at the right edge stand left of their points.
                @let before = left > 0.75 * WIDTH;
                circle class=(if marked { "dot series-2" } else { "dot series-1" }) cx=(format!("{left:.1}"))
                    cy=(format!("{top:.1}")) r=(if marked { "5" } else { "3.2" }) {
                    title { (name) ": " (axes.y) " " (figure(y)) " at " (axes.x) " " (figure(x)) }
                }
                text class="tick" x=(format!("{:.1}", if before { left - 7.0 } else { left + 7.0 }))
                    y=(format!("{:.1}", top + 4.0)) text-anchor=(if before { "end" } else { "start" }) { (name) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_number_breaks_the_chart(places in prop::collection::vec((any::<f64>(), any::<f64>()), 0..6)) {
            let points: Vec<Point<'_>> =
                places.into_iter().map(|place| Point { name: "<b>", place, marked: false }).collect();
            let text = scatter(&points, Axes { x: "a", y: "b", y_range: None }).into_string();
            prop_assert!(text.ends_with("</svg>") && !text.contains("<b>"));
        }
    }
}
