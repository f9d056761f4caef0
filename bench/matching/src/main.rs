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
    let tell = &mut |line: &str| writeln!(std::io::stderr(), "{line}").unwrap_or_default();
    for figure in measure(sizes, ROUNDS, tell)? {
        writeln!(std::io::stdout(), "{figure}").unwrap_or_default();
    }
    Ok(())
}
