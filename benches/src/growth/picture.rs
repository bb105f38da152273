//! Curves as a picture: both axes are logarithmic.

use std::fmt::Write;

/// A curve has a cost of an event for each size.
pub(crate) struct Curve {
    pub(crate) title: &'static str,
    pub(crate) grows: &'static str,
    /// Sizes, and microseconds of processor time an event.
    pub(crate) points: Vec<(f64, f64)>,
}

/// Of a panel.
const WIDTH: f64 = 330.0;
const HEIGHT: f64 = 230.0;
/// Around its axes.
const LEFT: f64 = 48.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 38.0;
const COLUMNS: usize = 3;
/// On white as on black.
const STYLE: &str = "<style>text{font:12px sans-serif;fill:#888}.title{font-weight:bold}.exponent{fill:#c60}\
    line{stroke:#888;stroke-opacity:.4}polyline{fill:none;stroke:#38c;stroke-width:2}circle{fill:#38c}</style>\n";

impl Curve {
    /// The slope of the line through logarithms, by least squares.
    pub(crate) fn exponent(&self) -> f64 {
        let logs = || self.points.iter().map(|(size, cost)| (size.ln(), cost.ln()));
        let count = self.points.len() as f64;
        let (x, y) = logs().fold((0.0, 0.0), |(x, y), point| (x + point.0 / count, y + point.1 / count));
        let (over, under) = logs().fold((0.0, 0.0), |(over, under), (log_x, log_y)| {
            (over + (log_x - x) * (log_y - y), under + (log_x - x) * (log_x - x))
        });
        if under > 0.0 { over / under } else { 0.0 }
    }
}

/// All of them in one picture, on axes of one height.
pub(crate) fn draw(curves: &[Curve]) -> String {
    let costs = || curves.iter().flat_map(|curve| curve.points.iter().map(|point| point.1));
    let (least, most) = costs().fold((f64::INFINITY, 0.0_f64), |(least, most), cost| (least.min(cost), most.max(cost)));
    let (bottom, top) = (least.log2().floor(), most.log2().ceil());
    let rows = curves.len().div_ceil(COLUMNS);
    let (width, height) = (WIDTH * COLUMNS as f64, HEIGHT * rows as f64);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\">\n{STYLE}"
    );
    for (place, curve) in curves.iter().enumerate() {
        let (x, y) = ((place % COLUMNS) as f64 * WIDTH, (place / COLUMNS) as f64 * HEIGHT);
        // A string takes all that is written.
        let _ = panel(&mut svg, curve, [x, y], [bottom, top.max(bottom + 1.0)]);
    }
    svg.push_str("</svg>\n");
    svg
}

fn panel(svg: &mut String, curve: &Curve, [x, y]: [f64; 2], [bottom, top]: [f64; 2]) -> std::fmt::Result {
    let sizes = || curve.points.iter().map(|point| point.0.log10());
    let (first, last) = sizes().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), size| (a.min(size), b.max(size)));
    let across = |size: f64| LEFT + (size.log10() - first) / (last - first).max(0.1) * (WIDTH - LEFT - RIGHT);
    let down = |cost: f64| HEIGHT - BOTTOM - (cost.log2() - bottom) / (top - bottom) * (HEIGHT - TOP - BOTTOM);
    writeln!(svg, "<g transform=\"translate({x} {y})\">")?;
    writeln!(svg, "<text class=\"title\" x=\"8\" y=\"16\">{}</text>", curve.title)?;
    writeln!(
        svg,
        "<text class=\"exponent\" x=\"8\" y=\"32\">µs an event, with {} to the power of {:.2}</text>",
        curve.grows,
        curve.exponent()
    )?;
    for cost in (bottom as i32..=top as i32).map(|power| 2_f64.powi(power)) {
        let at = down(cost);
        writeln!(svg, "<line x1=\"{LEFT}\" y1=\"{at:.1}\" x2=\"{:.1}\" y2=\"{at:.1}\"/>", WIDTH - RIGHT)?;
        writeln!(svg, "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{cost}</text>", LEFT - 6.0, at + 4.0)?;
    }
    let points: Vec<String> =
        curve.points.iter().map(|&(size, cost)| format!("{:.1},{:.1}", across(size), down(cost))).collect();
    writeln!(svg, "<polyline points=\"{}\"/>", points.join(" "))?;
    for &(size, cost) in &curve.points {
        let (at, label) = (across(size), short(size));
        writeln!(svg, "<circle cx=\"{at:.1}\" cy=\"{:.1}\" r=\"3.5\"/>", down(cost))?;
        writeln!(svg, "<text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{label}</text>", HEIGHT - BOTTOM + 16.0)?;
    }
    writeln!(svg, "</g>")
}

fn short(size: f64) -> String {
    match size {
        _ if size >= 1e6 => format!("{}M", size / 1e6),
        _ if size >= 1e3 => format!("{}k", size / 1e3),
        _ => format!("{size}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponent_is_the_slope_and_the_picture_has_all_points() {
        let points: Vec<(f64, f64)> = [1e4, 1e5, 1e6].iter().map(|&size: &f64| (size, 2.0 * size.powf(0.25))).collect();
        let curve = Curve { title: "more", grows: "people", points };
        assert!((curve.exponent() - 0.25).abs() < 1e-9);
        let svg = draw(&[curve]);
        assert!(svg.contains("to the power of 0.25") && svg.matches("<circle").count() == 3, "{svg}");
        assert!(["10k", "100k", "1M"].iter().all(|label| svg.contains(label)), "{svg}");
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}
