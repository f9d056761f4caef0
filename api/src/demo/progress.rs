//! A progress bar on a terminal, nothing elsewhere.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Shows how far the demo is, on standard error.
pub struct Progress(ProgressBar);

impl std::fmt::Debug for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Progress")
    }
}

impl Progress {
    /// A bar when standard error is a terminal and `wanted`.
    #[must_use]
    pub fn new(wanted: bool) -> Self {
        let shown = wanted && std::io::stderr().is_terminal();
        let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(1), target);
        if let Ok(style) = ProgressStyle::with_template("{msg:>22} [{bar:40}] {pos}/{len} {elapsed}") {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// Begins a phase of `length` steps.
    pub(crate) fn begin(&self, phase: &'static str, length: u64) {
        self.0.set_length(length);
        self.0.set_position(0);
        self.0.set_message(phase);
    }

    /// The phase has done `steps`.
    pub(crate) fn reach(&self, steps: u64) {
        self.0.set_position(steps);
    }

    /// Takes the bar away.
    pub(crate) fn end(&self) {
        self.0.finish_and_clear();
    }
}
