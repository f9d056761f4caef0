//! From what happened to the figures.

use std::collections::BTreeMap;

use domain::lead::LeadState;
use domain::verification::CheckKind;

use super::advertiser::{ADVERTISERS, Advertiser};
use super::flaw::Flaw;
use super::injection::Truth;
use super::report::{AdvertiserLine, Disputes, FormatLine, Leads, Money, PseudoLine, Report, Rows, average_minor, share_bp};

/// A row that was refused at import.
#[derive(Debug, Clone)]
pub(crate) struct RefusedRow {
    /// The seller's reference.
    pub(crate) reference: u32,
    /// The column and the code.
    pub(crate) why: String,
    /// The kind of pseudo-lead that the refusal stops.
    pub(crate) stops: Option<Flaw>,
}

/// A lead after intake.
#[derive(Debug, Clone)]
pub(crate) struct TakenLead {
    /// The seller's reference.
    pub(crate) reference: u32,
    /// The state after intake.
    pub(crate) state: LeadState,
    /// The check that rejected it.
    pub(crate) rejected_by: Option<CheckKind>,
    /// COLD, WARM or HOT.
    pub(crate) temperature: String,
}

/// A listing that was opened.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    /// FIXED, AUCTION or DUTCH.
    pub(crate) format: String,
    /// Copies sold.
    pub(crate) sold_count: u64,
}

/// A trade at its end.
#[derive(Debug, Clone)]
pub(crate) struct Traded {
    /// The seller's reference of its lead.
    pub(crate) reference: u32,
    /// The format of its listing.
    pub(crate) format: String,
    /// Whether it was the exclusive sale.
    pub(crate) exclusive: bool,
    /// Who bought.
    pub(crate) buyer: Advertiser,
    /// The price.
    pub(crate) price_minor: i64,
    /// What went back.
    pub(crate) refunded_minor: i64,
    /// What the exchange took.
    pub(crate) commission_minor: i64,
    /// Whether the money is still in escrow.
    pub(crate) held: bool,
    /// What the person brought; `None` when nobody bought.
    pub(crate) revenue_minor: Option<i64>,
    /// The dispute, if there was one.
    pub(crate) dispute: Option<Quarrel>,
}

/// A dispute at its end.
#[derive(Debug, Clone)]
pub(crate) struct Quarrel {
    /// The reason.
    pub(crate) reason: String,
    /// How it ended.
    pub(crate) ending: String,
    /// Whether it was appealed.
    pub(crate) appealed: bool,
}

/// Everything that happened.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) rows: Rows,
    pub(crate) refused: Vec<RefusedRow>,
    pub(crate) leads: Vec<TakenLead>,
    pub(crate) listings: Vec<Listed>,
    pub(crate) trades: Vec<Traded>,
    pub(crate) pretexts_refused: u64,
    /// Files of evidence put.
    pub(crate) exhibits: u64,
    /// Rulings that a second arbiter was asked about.
    pub(crate) second_words: u64,
    /// People who bought, and have a client card.
    pub(crate) clients: u64,
    pub(crate) deposited_minor: i64,
    /// Of that, paid by card.
    pub(crate) card_minor: i64,
    /// What the agencies took out through Stripe.
    pub(crate) withdrawn_minor: i64,
}

impl Findings {
    /// The figures, without the ledger's.
    pub(crate) fn report(&self, truth: &BTreeMap<u32, Truth>, seed: u64) -> Report {
        let mut rows = self.rows.clone();
        for row in &self.refused {
            bump(&mut rows.refused_why, &row.why);
        }
        Report {
            seed,
            synthetic_contacts: true,
            currency: "EUR".to_owned(),
            rows,
            leads: self.lead_figures(),
            formats: ["FIXED", "AUCTION", "DUTCH"].into_iter().map(|format| self.format(format)).collect(),
            advertisers: ADVERTISERS.into_iter().map(|advertiser| self.advertiser(advertiser)).collect(),
            clients: self.clients,
            disputes: self.disputes(),
            money: self.money(),
            pseudo_leads: Flaw::ALL.into_iter().map(|flaw| self.pseudo(flaw, truth)).collect(),
            ledger: super::report::Ledger::default(),
            stripe: None,
        }
    }

    fn lead_figures(&self) -> Leads {
        let mut figures = Leads::default();
        for lead in &self.leads {
            match lead.state {
                LeadState::Verified => {
                    figures.verified = figures.verified.saturating_add(1);
                    bump(&mut figures.temperature, &lead.temperature);
                }
                LeadState::Rejected => {
                    figures.rejected = figures.rejected.saturating_add(1);
                    bump(&mut figures.rejected_by, lead.rejected_by.map_or("-", CheckKind::as_str));
                }
                _ => figures.unqualified = figures.unqualified.saturating_add(1),
            }
        }
        figures
    }

    fn format(&self, format: &str) -> FormatLine {
        let listings = || self.listings.iter().filter(|listed| listed.format == format);
        let trades = || self.trades.iter().filter(|trade| trade.format == format);
        let spent = trades().fold(0_i64, |sum, trade| sum.saturating_add(trade.price_minor));
        FormatLine {
            format: format.to_owned(),
            listed: count(listings()),
            sold: count(listings().filter(|listed| listed.sold_count > 0)),
            exclusive_sales: count(trades().filter(|trade| trade.exclusive)),
            shared_sales: count(trades().filter(|trade| !trade.exclusive)),
            average_cpl_minor: average_minor(spent, count(trades())).unwrap_or(0),
        }
    }

    fn advertiser(&self, advertiser: Advertiser) -> AdvertiserLine {
        let mut line = AdvertiserLine { name: advertiser.as_str().to_owned(), ..AdvertiserLine::default() };
        for trade in self.trades.iter().filter(|trade| trade.buyer == advertiser) {
            line.trades = line.trades.saturating_add(1);
            line.spent_minor = line.spent_minor.saturating_add(trade.price_minor);
            line.refunded_minor = line.refunded_minor.saturating_add(trade.refunded_minor);
            line.disputes = line.disputes.saturating_add(u64::from(trade.dispute.is_some()));
            if let Some(revenue) = trade.revenue_minor {
                line.conversions = line.conversions.saturating_add(1);
                line.revenue_minor = line.revenue_minor.saturating_add(revenue);
            }
        }
        line.cost_per_conversion_minor = average_minor(line.spent_minor.saturating_sub(line.refunded_minor), line.conversions);
        line
    }

    fn disputes(&self) -> Disputes {
        let (exhibits, second_words) = (self.exhibits, self.second_words);
        let mut figures = Disputes { pretexts_refused: self.pretexts_refused, exhibits, second_words, ..Disputes::default() };
        for quarrel in self.trades.iter().filter_map(|trade| trade.dispute.as_ref()) {
            figures.opened = figures.opened.saturating_add(1);
            figures.appeals = figures.appeals.saturating_add(u64::from(quarrel.appealed));
            bump(&mut figures.by_ending, &quarrel.ending);
            bump(figures.by_reason.entry(quarrel.reason.clone()).or_default(), &quarrel.ending);
        }
        figures
    }

    fn money(&self) -> Money {
        let mut money = Money { deposited_minor: self.deposited_minor, ..Money::default() };
        for trade in &self.trades {
            money.sold_minor = money.sold_minor.saturating_add(trade.price_minor);
            money.refunded_minor = money.refunded_minor.saturating_add(trade.refunded_minor);
            if trade.held {
                money.held_minor = money.held_minor.saturating_add(trade.price_minor);
            } else {
                let released = trade.price_minor.saturating_sub(trade.refunded_minor);
                money.released_minor = money.released_minor.saturating_add(released);
                money.commission_minor = money.commission_minor.saturating_add(trade.commission_minor);
            }
        }
        money.income_minor = money.released_minor.saturating_sub(money.commission_minor);
        money
    }

    fn pseudo(&self, flaw: Flaw, truth: &BTreeMap<u32, Truth>) -> PseudoLine {
        let of_kind = |reference: &u32| truth.get(reference).and_then(Truth::flaw) == Some(flaw);
        let shows = |reference: &u32| truth.get(reference).is_some_and(|truth| truth.shows);
        let rejected = self.leads.iter().filter(|lead| lead.state == LeadState::Rejected);
        let stopped: Vec<(u32, Option<Flaw>)> = rejected
            .map(|lead| (lead.reference, lead.rejected_by.and_then(stops)))
            .chain(self.refused.iter().map(|row| (row.reference, row.stops)))
            .collect();
        let sales = || self.trades.iter().filter(|trade| of_kind(&trade.reference));
        let refunds = || {
            let for_it = |trade: &&Traded| trade.dispute.as_ref().is_some_and(|quarrel| quarrel.reason == flaw.as_str());
            self.trades.iter().filter(|trade| trade.refunded_minor > 0).filter(for_it)
        };
        let injected = truth.values().filter(|truth| truth.flaw() == Some(flaw));
        let showing = count(injected.clone().filter(|truth| truth.shows));
        let caught_before = count(stopped.iter().filter(|(reference, _)| of_kind(reference)));
        let caught_showing = count(stopped.iter().filter(|(reference, _)| of_kind(reference) && shows(reference)));
        let attributed = || stopped.iter().filter(|(_, stops)| *stops == Some(flaw));
        let caught_after = count(sales().filter(|trade| trade.refunded_minor > 0));
        PseudoLine {
            kind: flaw,
            injected: count(injected),
            showing,
            caught_before,
            sold: count(sales()),
            caught_after,
            precision_before_bp: share_bp(count(attributed().filter(|(reference, _)| of_kind(reference))), count(attributed())),
            recall_before_bp: share_bp(caught_showing, showing),
            precision_after_bp: share_bp(count(refunds().filter(|trade| of_kind(&trade.reference))), count(refunds())),
            recall_after_bp: share_bp(caught_after, count(sales())),
        }
    }
}

/// The kind of pseudo-lead that a failed check stops.
fn stops(check: CheckKind) -> Option<Flaw> {
    use CheckKind as K;
    match check {
        K::Structure | K::Phone | K::EmailSyntax | K::MailDomain | K::DisposableDomain => Some(Flaw::Mistake),
        K::FormTiming | K::Honeypot | K::Interaction => Some(Flaw::Bot),
        K::Velocity => Some(Flaw::Hired),
        K::Competitor => Some(Flaw::Competitor),
        K::Name | K::Answers => Some(Flaw::Prank),
        K::Duplicate => Some(Flaw::Duplicate),
        K::Suppression | K::Consent => Some(Flaw::NoConsent),
        K::Certificate | K::Confirmed | K::Spoken | K::Sample => None,
    }
}

fn bump(counts: &mut BTreeMap<String, u64>, key: &str) {
    let count = counts.entry(key.to_owned()).or_default();
    *count = count.saturating_add(1);
}

fn count<I: Iterator>(items: I) -> u64 {
    u64::try_from(items.count()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::flaw::Trick;

    fn truth(trick: Option<Trick>) -> Truth {
        Truth { trick, shows: trick.is_some_and(Trick::shows), buys: false, talk_secs: 9, calls: 1 }
    }

    fn trade(reference: u32, refunded_minor: i64, dispute: Option<&str>) -> Traded {
        Traded {
            reference,
            format: "FIXED".to_owned(),
            exclusive: false,
            buyer: Advertiser::Bulk,
            price_minor: 1_000,
            refunded_minor,
            commission_minor: (1_000 - refunded_minor) / 10,
            held: false,
            revenue_minor: None,
            dispute: dispute.map(|reason| Quarrel { reason: reason.into(), ending: "UPHELD".into(), appealed: false }),
        }
    }

    #[test]
    fn precision_and_recall_compare_what_was_caught_with_what_was_injected() {
        let truths: BTreeMap<u32, Truth> = [
            (1, truth(None)),
            (2, truth(Some(Trick::Honeypot))),
            (3, truth(Some(Trick::TooFast))),
            (4, truth(Some(Trick::SlowBot))),
            (5, truth(Some(Trick::SlowBot))),
        ]
        .into();
        let rejected = |reference| TakenLead {
            reference,
            state: LeadState::Rejected,
            rejected_by: Some(CheckKind::Honeypot),
            temperature: "COLD".to_owned(),
        };
        let findings = Findings {
            leads: vec![rejected(1), rejected(2)],
            trades: vec![trade(4, 1_000, Some("BOT")), trade(5, 0, None), trade(1, 500, Some("BOT"))],
            ..Findings::default()
        };
        let report = findings.report(&truths, 1);
        let bots = &report.pseudo_leads[1];
        assert_eq!((bots.injected, bots.showing, bots.caught_before, bots.sold, bots.caught_after), (4, 2, 1, 2, 1));
        assert_eq!((bots.precision_before_bp, bots.recall_before_bp), (Some(5_000), Some(5_000)));
        assert_eq!((bots.precision_after_bp, bots.recall_after_bp), (Some(5_000), Some(5_000)));
        let money = &report.money;
        assert_eq!((money.sold_minor, money.released_minor, money.refunded_minor, money.held_minor), (3_000, 1_500, 1_500, 0));
        assert_eq!((money.commission_minor, money.income_minor), (150, 1_350));
        assert_eq!(report.advertisers[5].trades, 3);
        assert_eq!(report.formats[0].average_cpl_minor, 1_000);
    }
}
