//! `make herd`: prints what comes to the server, and what a client costs; draws it; fails above the bound.
//!
//! Arguments: how many clients, and where the drawing goes; without that there is none.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    error::Error,
    fs,
    io::{Write as _, stdout},
    process::ExitCode,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use everwire_herd::{BOUND, CORE_SIZE, Kind, Run, SEED, Scenario, draw, run};

/// Counts what is in use.
struct Counting;

static LIVE: AtomicU64 = AtomicU64::new(0);

#[global_allocator]
static COUNTING: Counting = Counting;

#[allow(unsafe_code, reason = "an allocator is: each call goes to the system's as it came")]
// SAFETY: the system's allocator does all of it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size() as u64, Ordering::Relaxed);
        // SAFETY: as the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size() as u64, Ordering::Relaxed);
        // SAFETY: as the caller's.
        unsafe { System.dealloc(place, layout) }
    }
}

fn live() -> u64 {
    LIVE.load(Ordering::Relaxed)
}

/// The time that this process has had a core for, where the system says so.
fn busy() -> Option<Duration> {
    let said = fs::read_to_string("/proc/self/schedstat").ok()?;
    Some(Duration::from_nanos(said.split(' ').next()?.parse().ok()?))
}

/// With a blank between thousands.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let clients: u32 = arguments.next().map_or(Ok(1_000_000), |count| count.parse())?;
    let file = arguments.next();
    let mut out = stdout().lock();
    let many = u64::from(clients);
    writeln!(out, "{} clients; the worst 100 ms of a stretch\n", grouped(many))?;
    writeln!(
        out,
        "| Scenario | Stretch | everwire | full jitter | fixed steps | even spread | everwire / even |"
    )?;
    writeln!(out, "|---|---|---|---|---|---|---|")?;
    let mut runs: Vec<(Scenario, Kind, Run)> = Vec::new();
    let (mut costs, mut wholes) = (String::new(), String::new());
    let mut good = true;
    for scenario in Scenario::ALL {
        let (from, to, stretch) = scenario.stretch();
        let mut row = format!("| {} | {stretch} ", scenario.name());
        let mut whole = format!("| {} ", scenario.name());
        let mut worst = Vec::new();
        for kind in [Kind::Everwire, Kind::FullJitter, Kind::FixedSteps, Kind::Even] {
            let before = busy();
            let run = run(scenario, kind, clients, SEED, live);
            if kind == Kind::Everwire {
                good &= run.open == clients;
                let took = busy().zip(before).map_or_else(
                    || "not measured here".to_owned(),
                    |(after, before)| {
                        let took = (after - before).as_nanos() as f64;
                        format!(
                            "{:.1} µs, {:.0} ns an input",
                            took / many as f64 / 1e3,
                            took / run.inputs as f64
                        )
                    },
                );
                costs += &format!(
                    "| {} | {} | {:.1} | {took} |\n",
                    scenario.name(),
                    grouped(run.bytes / many),
                    run.inputs as f64 / many as f64,
                );
            }
            let end = scenario.end();
            whole += &format!(
                "| {:.1}, {} ",
                run.sum(0, end) as f64 / many as f64,
                grouped(run.worst(0, end).into())
            );
            worst.push(run.worst(from, to));
            row += &format!("| {} ", grouped(run.worst(from, to).into()));
            runs.push((scenario, kind, run));
        }
        if let [everwire, .., even] = worst.as_slice() {
            let ratio = f64::from(*everwire) / f64::from(*even);
            good &= scenario != Scenario::Restart || ratio <= BOUND;
            row += &format!("| {ratio:.2} |");
        }
        wholes += &format!("{whole}|\n");
        writeln!(out, "{row}")?;
        out.flush()?;
    }
    writeln!(out, "\nFrom the fault until all are back: attempts of each client, and the worst 100 ms\n")?;
    writeln!(
        out,
        "| Scenario | everwire | full jitter | fixed steps | even spread |\n|---|---|---|---|---|\n{wholes}"
    )?;
    writeln!(out, "What a client of everwire's is; {} bytes of the memory are the struct\n", CORE_SIZE)?;
    writeln!(out, "| Scenario | Bytes | Inputs | Time, with the clock that drives it |")?;
    writeln!(out, "|---|---|---|---|\n{costs}")?;
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    if let Some(peak) = status.lines().find_map(|line| line.strip_prefix("VmHWM:")) {
        writeln!(out, "The process had {} at the most\n", peak.trim())?;
    }
    if let Some(file) = file {
        fs::write(&file, draw::draw(&runs, clients))?;
        writeln!(out, "{file} is drawn")?;
    }
    let said = if good {
        "all clients are back, within the bound"
    } else {
        "NOT all clients are back within the bound"
    };
    writeln!(out, "{said}: 60 to 120 s after a restart at most {BOUND} times the even spread's worst")?;
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
