//! The drawing: one panel for each scenario, one line for each kind of client.

use std::fmt::Write as _;

use crate::{Kind, Run, Scenario};

/// Of a panel's plot.
const LEFT: u64 = 56;
const WIDE: u64 = 760;
const HIGH: u64 = 130;
const PANEL: u64 = 196;
const TOP: u64 = 62;
/// Each column shows the most in a tenth of a second of its time.
const COLUMN: u64 = 2;
const DECADES: u32 = 5;

/// Its own background, so that it can be read wherever it stands.
const STYLE: &str = "\
svg{background:#fff;color:#1f2328;font:12px system-ui,sans-serif}\
text{fill:currentColor}.t{font-weight:600}path{fill:none}.x{stroke:currentColor;opacity:.18}.s{fill:currentColor;opacity:.07}\
.fixed{stroke:#8c959f}.full{stroke:#bc4c00}.even{stroke:#1a7f37;stroke-dasharray:6 3;stroke-width:2}.ever{stroke:#0550ae;stroke-width:1.5}\
@media(prefers-color-scheme:dark){svg{background:#0d1117;color:#e6edf3}\
.fixed{stroke:#6e7681}.full{stroke:#f0883e}.even{stroke:#3fb950}.ever{stroke:#79c0ff}}";

/// In the order in which they are drawn.
const KINDS: [(Kind, &str, &str); 4] = [
    (Kind::FixedSteps, "fixed", "fixed steps"),
    (Kind::FullJitter, "full", "full jitter"),
    (Kind::Everwire, "ever", "everwire"),
    (Kind::Even, "even", "even spread"),
];

/// How high this many stand, of so many clients; tenths of a pixel are not drawn.
fn height(arrivals: u32, clients: u32) -> u64 {
    let least = f64::from(clients) / 10_f64.powi(DECADES as i32);
    let decades = (f64::from(arrivals).max(least) / least).log10();
    ((decades / f64::from(DECADES) * HIGH as f64).round() as u64).min(HIGH)
}

fn line(run: &Run, scenario: Scenario, clients: u32, top: u64) -> String {
    let (from, long) = scenario.drawn();
    let mut path = format!("M{LEFT} {}", top + HIGH);
    let (mut stands, mut run_on) = (0, 0);
    for column in 0..WIDE / COLUMN {
        let at = |column: u64| from + column * COLUMN * long / WIDE / 100 * 100;
        let high = height(run.worst(at(column), at(column + 1).max(at(column) + 100)), clients);
        if high != stands {
            if run_on > 0 {
                let _ = write!(path, "h{run_on}");
            }
            let _ = write!(path, "v{}", stands as i64 - high as i64);
            (stands, run_on) = (high, 0);
        }
        run_on += COLUMN;
    }
    let _ = write!(path, "h{run_on}");
    path
}

/// 1 000 000 as 1M.
fn short(count: u32) -> String {
    match count {
        1_000_000.. if count.is_multiple_of(1_000_000) => format!("{}M", count / 1_000_000),
        1_000.. if count.is_multiple_of(1_000) => format!("{}k", count / 1_000),
        _ => count.to_string(),
    }
}

/// All of it, as a file.
#[must_use]
pub fn draw(runs: &[(Scenario, Kind, Run)], clients: u32) -> String {
    let (wide, high) = (LEFT + WIDE + 20, TOP + PANEL * Scenario::ALL.len() as u64);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {wide} {high}\" role=\"img\" aria-labelledby=\"t\">\n\
         <title id=\"t\">What comes to a server in each 100 ms, of {} clients that lost it</title>\n<style>{STYLE}</style>\n\
         <text class=\"t\" x=\"{LEFT}\" y=\"22\">Arrivals in each 100 ms, of {} clients</text>\n",
        short(clients),
        short(clients),
    );
    for (at, (_, class, name)) in KINDS.iter().rev().enumerate() {
        let x = LEFT + at as u64 * 130;
        let _ = writeln!(
            svg,
            "<path class=\"{class}\" d=\"M{x} 40h24\"/><text x=\"{}\" y=\"44\">{name}</text>",
            x + 30
        );
    }
    for (panel, scenario) in Scenario::ALL.into_iter().enumerate() {
        let top = TOP + PANEL * panel as u64 + 24;
        let (from, long) = scenario.drawn();
        let x = |ms: u64| LEFT + ms.saturating_sub(from).min(long) * WIDE / long;
        let _ = writeln!(svg, "<text class=\"t\" x=\"{LEFT}\" y=\"{}\">{}</text>", top - 8, scenario.name());
        let (begins, ends, _) = scenario.stretch();
        let _ = writeln!(
            svg,
            "<rect class=\"s\" x=\"{}\" y=\"{top}\" width=\"{}\" height=\"{HIGH}\"/>",
            x(begins),
            x(ends) - x(begins)
        );
        for decade in 0..=DECADES {
            let count = clients / 10_u32.pow(DECADES - decade);
            let y = top + HIGH - HIGH * u64::from(decade) / u64::from(DECADES);
            let _ = writeln!(
                svg,
                "<path class=\"x\" d=\"M{LEFT} {y}h{WIDE}\"/><text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
                LEFT - 6,
                y + 4,
                short(count)
            );
        }
        let step = if long > 250_000 {
            60_000
        } else if long > 80_000 {
            30_000
        } else {
            10_000
        };
        for ms in (from.next_multiple_of(step)..=from + long).step_by(step as usize) {
            let _ = writeln!(
                svg,
                "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{} s</text>",
                x(ms),
                top + HIGH + 16,
                ms / 1_000
            );
        }
        for (kind, class, _) in KINDS {
            let run = runs.iter().find(|(of, by, _)| *of == scenario && *by == kind);
            if let Some((.., run)) = run {
                let _ =
                    writeln!(svg, "<path class=\"{class}\" d=\"{}\"/>", line(run, scenario, clients, top));
            }
        }
    }
    svg.push_str("</svg>\n");
    svg
}
