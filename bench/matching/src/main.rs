//! `cargo run --release -p bench-matching [--alone] [campaigns...]`: measures and prints one line for each figure; with
//! `--alone` the index by itself, which is how to profile it.

use std::io::Write;
use std::process::ExitCode;

use bench_matching::{Error, Peers, SIZES, measure};

/// Rounds of every comparison, interleaved.
const ROUNDS: usize = 5;

/// The one of the exchange's own program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let sizes: Vec<usize> = std::env::args().skip(1).filter_map(|size| size.parse().ok()).collect();
    let sizes = if sizes.is_empty() { SIZES.to_vec() } else { sizes };
    let peers = if std::env::args().any(|argument| argument == "--alone") { Peers::None } else { Peers::All };
    match run(&sizes, peers) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            writeln!(std::io::stderr(), "bench-matching: {error}").unwrap_or_default();
            ExitCode::FAILURE
        }
    }
}

fn run(sizes: &[usize], peers: Peers) -> Result<(), Error> {
    let tell = &mut |line: &str| writeln!(std::io::stderr(), "{line}").unwrap_or_default();
    for figure in measure(sizes, peers, ROUNDS, tell)? {
        writeln!(std::io::stdout(), "{figure}").unwrap_or_default();
    }
    Ok(())
}
