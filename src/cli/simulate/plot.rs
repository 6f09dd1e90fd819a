//! The picture of a simulation: share on time by number of seats, and how much of an hour the seats were held. Plain SVG.

use super::occupancy;
use crate::domain::simulate::{Ladder, Report, Scene};
use std::fmt::Write as _;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 60.0;
const PLOT_W: f64 = WIDTH - 2.0 * LEFT;
const PLOT_H: f64 = 200.0;
const TOP: f64 = 50.0;
const GRID: [f64; 5] = [0.0, 0.25, 0.5, 0.75, 1.0];

pub fn svg(scene: &Scene, report: &Report, ladder: &Ladder) -> String {
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
        2.0 * HEIGHT
    );
    by_seats(&mut out, scene, ladder);
    by_hour(&mut out, scene, report);
    out.push_str("</svg>\n");
    out
}

/// 0 to 1 as a height in a panel.
fn y(panel: f64, share: f64) -> f64 {
    panel + TOP + PLOT_H * (1.0 - share.clamp(0.0, 1.0))
}

fn frame(out: &mut String, panel: f64, title: &str) {
    _ = writeln!(out, "<text x=\"{LEFT}\" y=\"{}\" font-size=\"15\">{title}</text>", panel + 30.0);
    for share in GRID {
        let y = y(panel, share);
        _ = writeln!(out, "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{y}\" y2=\"{y}\" stroke=\"#ddd\"/>", LEFT + PLOT_W);
        _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{:.0} %</text>",
            LEFT - 8.0,
            y + 4.0,
            share * 100.0
        );
    }
}

fn by_seats(out: &mut String, scene: &Scene, ladder: &Ladder) {
    frame(out, 0.0, "first call on time, by number of seats");
    let most = f64::from(ladder.0.keys().next_back().copied().unwrap_or(1).max(1));
    let x = |seats: u32| LEFT + PLOT_W * f64::from(seats) / most;
    let points: Vec<String> =
        ladder.0.iter().map(|(seats, share)| format!("{:.1},{:.1}", x(*seats), y(0.0, *share))).collect();
    _ = writeln!(
        out,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"#1f6feb\" stroke-width=\"2\"/>",
        points.join(" ")
    );
    for (seats, share) in &ladder.0 {
        let colour = if *seats == scene.seats { "#d1242f" } else { "#1f6feb" };
        let (x, y) = (x(*seats), y(0.0, *share));
        _ = writeln!(
            out,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{colour}\"><title>{seats} seats: {:.2} %</title></circle>",
            share * 100.0
        );
        _ = writeln!(out, "<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{seats}</text>", TOP + PLOT_H + 18.0);
    }
}

fn by_hour(out: &mut String, scene: &Scene, report: &Report) {
    frame(out, HEIGHT, "seats held, by hour of the day");
    let bar = PLOT_W / 24.0;
    for (hour, share) in occupancy(report, scene.calendar.tz(), scene.seats) {
        let (x, top) = (LEFT + bar * f64::from(hour), y(HEIGHT, share));
        let height = HEIGHT + TOP + PLOT_H - top;
        _ = writeln!(
            out,
            "<rect x=\"{:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{height:.1}\" fill=\"#2da44e\"><title>{hour}:00 {:.0} %</title></rect>",
            x + 1.0,
            bar - 2.0,
            share * 100.0
        );
        _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{hour}</text>",
            x + bar / 2.0,
            HEIGHT + TOP + PLOT_H + 18.0
        );
    }
}
