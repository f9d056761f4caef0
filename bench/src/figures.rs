//! What a measurement says: figures with their controls and ratios, printed as a table or as JSON, and kept in `bench/results/`.

use std::path::PathBuf;
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::{Failure, say};

/// Rounds of every comparison, interleaved: the machine's moods meet each side alike.
pub(crate) const ROUNDS: usize = 5;

/// One measured number.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Figure {
    /// What was measured, such as `purchases, 64 buyers, Postgres`.
    pub(crate) name: String,
    /// The median of the rounds.
    pub(crate) value: f64,
    /// `us`, `1/s`, `bytes`.
    pub(crate) unit: String,
    /// What it is compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) control: Option<String>,
    /// How many times better than the control: above 1 this is the better one, whether the figure is a time or a rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ratio: Option<f64>,
}

/// All that one command measured.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    command: String,
    machine: String,
    versions: Vec<String>,
    rounds: usize,
    figures: Vec<Figure>,
}

impl Report {
    /// An empty report of `bench -- command`; `versions` names what took part beside this program.
    pub(crate) fn new(command: &'static str, versions: Vec<String>) -> Self {
        Self { command: command.to_owned(), machine: machine(), versions, rounds: ROUNDS, figures: Vec::new() }
    }

    /// A figure on its own.
    pub(crate) fn figure(&mut self, name: impl Into<String>, value: f64, unit: &'static str) {
        self.figures.push(Figure { name: name.into(), value, unit: unit.to_owned(), control: None, ratio: None });
    }

    /// A figure beside the control that it is compared with; `ratio` is above 1 when the figure is the better one.
    pub(crate) fn against(&mut self, name: impl Into<String>, value: f64, unit: &'static str, control: &str, ratio: f64) {
        self.figures.push(Figure {
            name: name.into(),
            value,
            unit: unit.to_owned(),
            control: Some(control.to_owned()),
            ratio: Some(ratio),
        });
    }

    /// Prints it and keeps it under `bench/results/`.
    pub(crate) fn finish(&self, json: bool) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(self)?;
        if json {
            say(&text);
        } else {
            self.table();
        }
        std::fs::create_dir_all(results())?;
        Ok(std::fs::write(results().join(format!("{}.json", self.command)), format!("{text}\n"))?)
    }

    /// The last result of `bench -- command`.
    pub(crate) fn last(command: &str) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(results().join(format!("{command}.json")))?;
        Ok(serde_json::from_str(&text)?)
    }

    /// Prints it as the documents quote it.
    pub(crate) fn markdown(&self) {
        let versions = self.versions.iter().fold(String::new(), |all, version| format!("{all}; {version}"));
        say(format!("{}{versions}; medians of {} rounds.\n", self.machine, self.rounds));
        say("| figure | value | times better than |\n|---|---|---|");
        for Figure { name, value, unit, control, ratio } in &self.figures {
            let against =
                ratio.zip(control.as_ref()).map_or_else(String::new, |(ratio, control)| format!("{ratio:.2} x {control}"));
            say(format!("| {name} | {value:.2} {unit} | {against} |"));
        }
    }

    fn table(&self) {
        say(format!("{}; {}; medians of {} rounds", self.machine, self.versions.join(", "), self.rounds));
        let width = self.figures.iter().map(|figure| figure.name.chars().count()).max().unwrap_or(0);
        for figure in &self.figures {
            let ratio = match (figure.ratio, &figure.control) {
                (Some(ratio), Some(control)) => format!("  {ratio:>10.2} x {control}"),
                _ => String::new(),
            };
            say(format!("{:<width$}  {:>14.2} {:<6}{ratio}", figure.name, figure.value, figure.unit));
        }
    }
}

/// Where the last results are kept.
fn results() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("results")
}

fn machine() -> String {
    let model = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = model.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown processor");
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let rustc = Command::new("rustc").arg("--version").output().ok();
    let rustc = rustc.and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default();
    format!("{cores} cores, {}, {}", model.trim_start_matches([' ', '\t', ':']), rustc.trim())
}
