//! One market after the other: all engines in turns, then what changes of campaigns cost.

use std::time::Instant;

use domain::campaign::Facts;
use domain::matching::Entry;
use domain::vertical::VerticalPath;

use crate::engines::{Bitmaps, Engine, Naive, Ours, Packed, Tree};
use crate::rounds::{Runner, Times, micros};
use crate::statistics::median;
use crate::workload::{Kind, Workload, leaves};
use crate::{Error, Measured, float};

/// Leads of each round for the engines that are fast.
const LEADS: usize = 2_000;
/// Changes that are timed together: few enough that what is to be taken in is still in the cache, as if it had just come.
const BATCH: usize = 64;
/// Batches of each round.
const BATCHES: usize = 16;

/// A progress line.
type Say<'a> = &'a mut dyn FnMut(&str);

/// Which other engines answer the same leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peers {
    /// All of them.
    All,
    /// None: the checksum of the index is only told.
    None,
}

/// Measures markets of these sizes, first with conjunctions alone and then with nested filters, in so many rounds. `say` is
/// told how it goes.
pub fn measure(sizes: &[usize], peers: Peers, rounds: usize, say: Say<'_>) -> Result<Vec<Measured>, Error> {
    let mut figures = Vec::new();
    for kind in [Kind::Plain, Kind::Nested] {
        for &size in sizes {
            let known = figures.len();
            let market = Market::open(kind, size, say)?;
            match peers {
                Peers::All => market.measure(rounds.max(1), &mut figures, say)?,
                Peers::None => market.measure_alone(rounds.max(1), &mut figures, say)?,
            }
            figures.iter().skip(known).for_each(|figure| say(&figure.to_string()));
        }
    }
    Ok(figures)
}

/// Campaigns and the leads that meet them.
struct Market {
    label: String,
    kind: Kind,
    vertical: VerticalPath,
    entries: Vec<Entry>,
    /// Campaigns that come later.
    coming: Vec<Entry>,
    leads: Vec<Facts>,
}

impl Market {
    fn open(kind: Kind, size: usize, say: Say<'_>) -> Result<Self, Error> {
        let label = format!("{}, {size} campaigns", if kind == Kind::Plain { "plain" } else { "nested" });
        say(&format!("{label}: making them"));
        let mut workload = Workload::new(2_026)?;
        let leads = workload.leads(LEADS);
        let entries = workload.campaigns(size, kind);
        let coming = workload.campaigns(BATCH.saturating_mul(BATCHES), kind);
        Ok(Self { label, kind, vertical: workload.vertical().clone(), entries, coming, leads })
    }

    fn measure(&self, rounds: usize, figures: &mut Vec<Measured>, say: Say<'_>) -> Result<(), Error> {
        let size = self.entries.len();
        let tests = self.entries.iter().map(|entry| leaves(&entry.filter)).fold(0, usize::saturating_add);
        self.push(figures, "tests of a campaign", float(tests) / float(size), "");
        let ours = self.build(rounds, figures, say);

        // Slow engines answer fewer leads, always the first.
        let few = |work: usize, least: usize| work.checked_div(size).unwrap_or(LEADS).clamp(least, LEADS);
        say(&format!("{}: building the other engines", self.label));
        let mut ours = Runner::new("the index", ours, &self.leads, LEADS, 64)?;
        let mut naive = Runner::new("plain evaluation", Naive(&self.entries), &self.leads, few(5_000_000, 5), 1)?;
        let mut packed = Runner::new("packed scan", Packed::build(&self.entries), &self.leads, few(400_000_000, 400), 16)?;
        let mut bitmaps = Runner::new("roaring bitmaps", Bitmaps::build(&self.entries), &self.leads, few(400_000_000, 400), 16)?;
        let mut tree = Runner::new("a-tree", Tree::build(&self.entries)?, &self.leads, few(10_000_000, 10), 1)?;

        let checked = few(20_000_000, 20);
        let (expected, found) = naive.checksum(&self.leads, checked)?;
        self.push(figures, "checksum of all engines", f64::from(expected), "");
        self.push(figures, "share that matches", 100.0 * float(found) / float(checked.saturating_mul(size)), "%");
        say(&format!("{}: checksum {expected:08x} of {found} matches of {checked} leads", self.label));
        self.agree(&mut packed, checked, expected)?;
        self.agree(&mut bitmaps, checked, expected)?;
        self.agree(&mut tree, checked, expected)?;
        self.agree(&mut ours, checked, expected)?;

        let (mut auctions, mut changes) = (Times::default(), Changes::default());
        for round in 1..=rounds {
            say(&format!("{}: round {round} of {rounds}", self.label));
            self.auctions(&mut ours, &mut auctions)?;
            ours.round()?;
            // Before the others have what they read in the processor's caches: an exchange holds no such engines.
            changes.round(&mut ours.engine, &self.entries, &self.coming);
            bitmaps.round()?;
            packed.round()?;
            naive.round()?;
            tree.round()?;
        }
        // The changes have all been taken back: what they left in the index must not show.
        self.agree(&mut ours, checked, expected)?;

        self.tell(figures, &auctions, &ours.times);
        self.beside(figures, "match", &ours.times, &bitmaps);
        self.beside(figures, "match", &ours.times, &packed);
        self.beside(figures, "match", &ours.times, &naive);
        self.beside(figures, "match", &ours.times, &tree);
        self.beside(figures, "match with auction", &auctions, &tree);
        changes.tell(|name, value| self.push(figures, name, value, "us"));
        Ok(())
    }

    /// The index without the others.
    fn measure_alone(&self, rounds: usize, figures: &mut Vec<Measured>, say: Say<'_>) -> Result<(), Error> {
        let ours = self.build(rounds, figures, say);
        let mut ours = Runner::new("the index", ours, &self.leads, LEADS, 64)?;
        let (expected, found) = ours.checksum(&self.leads, LEADS)?;
        say(&format!("{}: checksum {expected:08x} of {found} matches of {LEADS} leads", self.label));
        let (mut auctions, mut changes) = (Times::default(), Changes::default());
        for _ in 0..rounds {
            self.auctions(&mut ours, &mut auctions)?;
            ours.round()?;
            changes.round(&mut ours.engine, &self.entries, &self.coming);
        }
        self.agree(&mut ours, LEADS, expected)?;
        self.tell(figures, &auctions, &ours.times);
        changes.tell(|name, value| self.push(figures, name, value, "us"));
        Ok(())
    }

    fn auctions(&self, ours: &mut Runner<Ours>, times: &mut Times) -> Result<(), Error> {
        let warming: Vec<Facts> = self.leads.iter().rev().take(64).cloned().collect();
        times.round(&warming, &self.leads, |lead| {
            std::hint::black_box(ours.engine.auction(lead));
            Ok(())
        })
    }

    fn tell(&self, figures: &mut Vec<Measured>, auctions: &Times, matches: &Times) {
        let sixty_fourths = float(self.entries.len()) / 64.0;
        for (what, times) in [("match with auction", auctions), ("match", matches)] {
            self.push(figures, &format!("{what}, mean"), times.mean(LEADS), "us");
            self.push(figures, &format!("{what}, p99"), times.quantile(0.99), "us");
            self.push(figures, &format!("{what}, mean for 64 campaigns"), 1e3 * times.mean(LEADS) / sixty_fourths, "ns");
        }
    }

    /// The index, built once a round; the first build tells what it weighs.
    fn build(&self, rounds: usize, figures: &mut Vec<Measured>, say: Say<'_>) -> Ours {
        say(&format!("{}: building the index", self.label));
        let resident = resident_bytes();
        let mut begun = Instant::now();
        let mut built = Ours::build(&self.entries);
        let mut times = vec![micros(begun) / 1e6];
        let grown = resident_bytes().saturating_sub(resident);
        for _ in 1..rounds {
            drop(built);
            begun = Instant::now();
            built = Ours::build(&self.entries);
            times.push(micros(begun) / 1e6);
        }
        let size = float(self.entries.len());
        self.push(figures, "build of the index", median(&times), "s");
        self.push(figures, "heap of the index for each campaign", float(built.0.heap_bytes()) / size, "bytes");
        if self.kind == Kind::Plain && self.entries.len() >= 1_000_000 {
            self.push(figures, "growth of the process for each campaign", float(grown) / size, "bytes");
        }
        let (index, slots) = built;
        Ours::new(index, slots, &self.entries, &self.vertical)
    }

    fn agree<E: Engine>(&self, runner: &mut Runner<E>, count: usize, expected: u32) -> Result<(), Error> {
        let (found, _) = runner.checksum(&self.leads, count)?;
        if found == expected { Ok(()) } else { Err(Error::Unequal { engine: runner.name, found, expected }) }
    }

    fn push(&self, figures: &mut Vec<Measured>, name: &str, value: f64, unit: &'static str) {
        figures.push(Measured { name: format!("{}: {name}", self.label), value, unit, control: None });
    }

    /// Ours and the other's times of the same leads.
    fn beside<E: Engine>(&self, figures: &mut Vec<Measured>, what: &str, ours: &Times, other: &Runner<E>) {
        let count = other.times.leads();
        let (ours, theirs) = (ours.mean(count), other.times.mean(count));
        let control = Some((format!("{} ({theirs:.1} us)", other.name), theirs / ours));
        figures.push(Measured { name: format!("{}: {what}, first {count} leads", self.label), value: ours, unit: "us", control });
    }
}

/// What changes of a campaign cost, in microseconds, batch by batch.
#[derive(Default)]
struct Changes {
    replace: Vec<f64>,
    insert: Vec<f64>,
    remove: Vec<f64>,
    set_open: Vec<f64>,
}

impl Changes {
    /// Changes campaigns all over the index and takes everything back.
    fn round(&mut self, ours: &mut Ours, campaigns: &[Entry], coming: &[Entry]) {
        let stride = campaigns.len().checked_div(BATCHES.saturating_mul(BATCH)).unwrap_or(1).max(1);
        let places: Vec<usize> = (0..campaigns.len()).step_by(stride).collect();
        for (places, coming) in places.chunks(BATCH).zip(coming.chunks(BATCH)) {
            let mut slots: Vec<_> = places.iter().filter_map(|&at| *ours.slots.get(at)?).collect();
            let index = &mut ours.index;
            let old: Vec<Entry> = places.iter().filter_map(|&at| campaigns.get(at).cloned()).collect();
            for entries in [coming.to_vec(), old] {
                self.replace.push(each(slots.iter_mut().zip(&entries), |(slot, entry)| {
                    *slot = index.replace(*slot, entry).unwrap_or(*slot);
                }));
            }
            let entries = coming.to_vec();
            let mut new = Vec::with_capacity(entries.len());
            self.insert.push(each(entries.iter(), |entry| new.push(index.insert(entry))));
            self.remove.push(each(new.into_iter(), |slot| index.remove(slot)));
            for open in [false, true] {
                self.set_open.push(each(slots.iter(), |slot| index.set_open(*slot, open)));
            }
            for (&at, slot) in places.iter().zip(slots) {
                if let Some(entry) = campaigns.get(at) {
                    ours.is_at(at, slot, entry.offer);
                }
            }
        }
    }

    fn tell(self, mut push: impl FnMut(&str, f64)) {
        push("change of a campaign", median(&self.replace));
        push("insertion of a campaign", median(&self.insert));
        push("removal of a campaign", median(&self.remove));
        push("pause or resumption of a campaign", median(&self.set_open));
    }
}

/// The mean time of `act` for each.
fn each<T>(items: impl ExactSizeIterator<Item = T>, act: impl FnMut(T)) -> f64 {
    let count = items.len();
    let begun = Instant::now();
    items.for_each(act);
    micros(begun) / float(count.max(1))
}

/// Memory of the process, as Linux counts it; 0 elsewhere.
fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<usize>().ok());
    kib.unwrap_or(0).saturating_mul(1_024)
}
