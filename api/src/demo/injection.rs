//! Turns some rows of the sellers' files into pseudo-leads, and keeps beside what nobody on the exchange knows: which.

use std::collections::BTreeMap;

use super::agency::{AGENCIES, Agency};
use super::dice::Dice;
use super::flaw::{Flaw, Trick};
use super::form::{Form, address, someone};
use super::people::{ROWS, Record};

/// Forms that one paid hand sends from one device, or one address on the net.
const RING: usize = 12;

/// How many forms of a device are needed before the next one stands out (`velocity` in `domain::verification`).
const RING_UNSEEN: usize = 2;

const JOKES: &[&str] = &["Mickey Mouse", "Darth Vader", "Homer Simpson", "Asdf Qwerty", "Test Test", "Santa Claus", "Bugs Bunny"];

/// What is true of a row, whatever anybody claims.
#[derive(Debug, Clone)]
pub(crate) struct Truth {
    /// What was altered; `None` for an honest row.
    pub(crate) trick: Option<Trick>,
    /// Whether a check can tell before a sale.
    pub(crate) shows: bool,
    /// Whether the person buys when a good lead is worked on.
    pub(crate) buys: bool,
    /// How long the person talks.
    pub(crate) talk_secs: u32,
    /// Calls until the person answers.
    pub(crate) calls: u32,
}

impl Truth {
    /// The kind of pseudo-lead, if it is one.
    pub(crate) fn flaw(&self) -> Option<Flaw> {
        self.trick.map(Trick::flaw)
    }
}

/// The sellers' files before they are written, and the truth about each row by its reference.
#[derive(Debug)]
pub(crate) struct Injected {
    /// The rows of each agency, in the order of [`AGENCIES`].
    pub(crate) forms: [Vec<Form>; 2],
    /// By the seller's own reference.
    pub(crate) truth: BTreeMap<u32, Truth>,
}

/// Splits `records` between the agencies and alters some of them. `trader_domains` are the mail domains of buyers.
pub(crate) fn inject(records: &[Record], trader_domains: &[String], seed: u64) -> Injected {
    let mut pool: Vec<usize> = (0..records.len()).collect();
    Dice::of(seed, "injection", 0).shuffle(&mut pool);
    let mut altered: BTreeMap<usize, (Trick, usize)> = BTreeMap::new();
    for trick in Trick::ALL.into_iter().filter(|trick| trick.flaw() != Flaw::Duplicate) {
        for nth in 0..trick.share_of(records.len()) {
            altered.extend(draw(&mut pool, records, hand(trick, nth)).map(|index| (index, (trick, nth))));
        }
    }
    // What is left is honest: only honest people are sold twice.
    let honest = pool;
    let mut injected = Injected { forms: [Vec::new(), Vec::new()], truth: BTreeMap::new() };
    let mut rings: BTreeMap<(Trick, usize, Agency), usize> = BTreeMap::new();
    for (index, record) in records.iter().enumerate() {
        let agency = Agency::of(record);
        let mut form = Form::honest(record, agency.site(), seed);
        let mut truth = Truth { trick: None, shows: false, buys: record.buys, talk_secs: record.talk_secs, calls: record.calls };
        if let Some((trick, nth)) = altered.get(&index).copied() {
            let sent = rings.entry((trick, nth / RING, agency)).or_default();
            truth.trick = Some(trick);
            truth.shows = trick.shows() && (trick != Trick::PastedRing || *sent >= RING_UNSEEN);
            truth.buys = false;
            *sent = sent.saturating_add(1);
            alter(&mut form, trick, nth, agency, trader_domains, seed);
        }
        injected.truth.insert(record.reference, truth);
        injected.forms_of(agency).push(form);
    }
    duplicate(&mut injected, records, &honest, seed);
    injected
}

impl Injected {
    fn forms_of(&mut self, agency: Agency) -> &mut Vec<Form> {
        let [first, second] = &mut self.forms;
        if agency == AGENCIES[0] { first } else { second }
    }
}

/// The agency that a hired hand works for: each ring for one of them, in turn.
fn hand(trick: Trick, nth: usize) -> Option<Agency> {
    let rings = matches!(trick, Trick::PastedRing | Trick::TypedRing);
    rings.then(|| if (nth / RING).is_multiple_of(2) { AGENCIES[0] } else { AGENCIES[1] })
}

/// Takes a row out of the pool, of this agency where one is named.
fn draw(pool: &mut Vec<usize>, records: &[Record], agency: Option<Agency>) -> Option<usize> {
    let fits = |index: &usize| records.get(*index).is_some_and(|record| agency.is_none_or(|one| Agency::of(record) == one));
    let place = pool.iter().rposition(fits)?;
    Some(pool.remove(place))
}

/// The second agency, which hands in later, also brings people of the first.
fn duplicate(injected: &mut Injected, records: &[Record], honest: &[usize], seed: u64) {
    let originals: Vec<&Record> =
        honest.iter().filter_map(|index| records.get(*index)).filter(|record| Agency::of(record) == AGENCIES[0]).collect();
    let mut originals = originals.into_iter();
    let mut reference = u32::try_from(ROWS).unwrap_or(u32::MAX).saturating_add(1);
    for trick in [Trick::SoldTwice, Trick::OtherChannels] {
        for original in originals.by_ref().take(trick.share_of(records.len())) {
            let agency = AGENCIES[1];
            let mut form = Form { reference, ..Form::honest(original, agency.site(), seed) };
            form.device = format!("d-{seed}-{reference}");
            form.ip = address(reference);
            if trick == Trick::OtherChannels {
                let other = someone(seed, reference);
                form.phone = other.phone.unwrap_or_default();
                form.email = other.email;
            }
            let truth = Truth {
                trick: Some(trick),
                shows: trick.shows(),
                buys: false,
                talk_secs: original.talk_secs,
                calls: original.calls,
            };
            injected.truth.insert(reference, truth);
            injected.forms_of(agency).push(form);
            reference = reference.saturating_add(1);
        }
    }
}

fn alter(form: &mut Form, trick: Trick, nth: usize, agency: Agency, trader_domains: &[String], seed: u64) {
    let mut dice = Dice::of(seed, "alteration", u64::from(form.reference));
    match trick {
        Trick::Unreadable => form.phone = "see my e-mail".to_owned(),
        Trick::DeadChannels => {
            form.phone = format!("+351 100 {:03} {:03}", dice.below(1_000), dice.below(1_000));
            form.email = form.email.replace('@', "@@");
        }
        Trick::TooFast => (form.seconds, form.typed) = (dice.below(2), 0),
        Trick::Honeypot => form.honeypot = "yes",
        Trick::PastedRing => {
            (form.typed, form.pasted) = (1, 8);
            form.device = format!("r-{seed}-{}-{}", nth / RING, agency.as_str());
            form.ip = ring_address(nth, agency);
            form.send_at(i64::from(dice.between(1, 8)));
        }
        Trick::TypedRing => {
            form.ip = ring_address(nth, agency);
            form.send_at(i64::from(dice.between(1, 8)));
        }
        Trick::TraderMail => {
            let domain = trader_domains.get(nth % trader_domains.len().max(1)).map_or("example.org", String::as_str);
            form.email = format!("agent.{}@{domain}", form.reference);
        }
        Trick::JokeName => form.name = dice.pick(JOKES).unwrap_or("Mickey Mouse").to_owned(),
        Trick::NoEvidence => form.forget_consent(),
        // A wrong digit makes the number of somebody who is no row of the file.
        Trick::OutOfService => form.phone = stranger(seed, 0, nth),
        Trick::WrongNumber => form.phone = stranger(seed, 1, nth),
        Trick::SlowBot => form.phone = stranger(seed, 2, nth),
        Trick::Impostor => form.phone = stranger(seed, 3, nth),
        Trick::PrivateMail | Trick::Invented | Trick::SoldTwice | Trick::OtherChannels => {}
    }
}

/// The phone of somebody whom no row is about. Of the 80,000 numbers for fiction the file's rows take the first 45,211, and
/// people sold twice the next.
fn stranger(seed: u64, group: u32, nth: usize) -> String {
    let nth = u32::try_from(nth).unwrap_or(0);
    someone(seed, 50_000_u32.saturating_add(group.saturating_mul(5_000)).saturating_add(nth)).phone.unwrap_or_default()
}

fn ring_address(nth: usize, agency: Agency) -> String {
    let ring = u32::try_from(nth / RING).unwrap_or(0);
    format!("2001:db8:ffff:{ring:x}::{}", if agency == AGENCIES[0] { 1 } else { 2 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::people;

    fn injected(seed: u64) -> Injected {
        inject(&people::read(3_000).unwrap(), &["bank.example".to_owned()], seed)
    }

    #[test]
    fn every_trick_is_there_at_its_rate_and_under_its_reference() {
        let injected = injected(1);
        for trick in Trick::ALL {
            let count = injected.truth.values().filter(|truth| truth.trick == Some(trick)).count();
            assert_eq!(count, trick.share_of(3_000), "{trick:?}");
        }
        let forms: Vec<u32> = injected.forms.iter().flatten().map(|form| form.reference).collect();
        assert_eq!(forms.len(), injected.truth.len());
        assert!(forms.iter().all(|reference| injected.truth.contains_key(reference)));
    }

    #[test]
    fn phones_meet_only_where_a_person_is_sold_twice() {
        let injected = inject(&people::read(usize::MAX).unwrap(), &["bank.example".to_owned()], 1);
        let mut phones: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
        for form in injected.forms.iter().flatten() {
            phones.entry(&form.phone).or_default().push(form.reference);
        }
        let twice: usize = phones
            .values()
            .filter(|references| {
                references.len() > 1 && references.iter().all(|r| injected.truth[r].trick != Some(Trick::Unreadable))
            })
            .map(|references| {
                let tricks: Vec<_> = references.iter().filter_map(|r| injected.truth[r].trick).collect();
                assert_eq!(tricks, [Trick::SoldTwice]);
                1
            })
            .sum();
        assert_eq!(twice, Trick::SoldTwice.share_of(ROWS));
    }

    #[test]
    fn the_seed_decides() {
        let tricks =
            |seed| injected(seed).truth.into_iter().map(|(reference, truth)| (reference, truth.trick)).collect::<Vec<_>>();
        assert_eq!(tricks(5), tricks(5));
        assert_ne!(tricks(5), tricks(6));
    }
}
