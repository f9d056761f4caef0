//! `cargo run --release -p bench-matching [campaigns...]`: measures and prints one line for each figure.

use std::io::Write;
use std::process::ExitCode;

use bench_matching::{Error, SIZES, measure};

/// Rounds of every comparison, interleaved.
const ROUNDS: usize = 5;

fn main() -> ExitCode {
    let sizes: Vec<usize> = std::env::args().skip(1).filter_map(|size| size.parse().ok()).collect();
    let sizes = if sizes.is_empty() { SIZES.to_vec() } else { sizes };
    match run(&sizes) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            writeln!(std::io::stderr(), "bench-matching: {error}").unwrap_or_default();
            ExitCode::FAILURE
        }
    }
}

fn run(sizes: &[usize]) -> Result<(), Error> {
    let figures = measure(sizes, ROUNDS, &mut |line| writeln!(std::io::stderr(), "{line}").unwrap_or_default())?;
    let width = figures.iter().map(|figure| figure.name.chars().count()).max().unwrap_or(0);
    for figure in figures {
        let ratio = figure.control.map_or(String::new(), |(control, ratio)| format!("  {ratio:>10.2} x {control}"));
        writeln!(std::io::stdout(), "{:<width$}  {:>14.2} {:<6}{ratio}", figure.name, figure.value, figure.unit).unwrap_or_default();
    }
    Ok(())
}
