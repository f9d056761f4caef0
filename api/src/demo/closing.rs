//! What everybody sees at the end: the buyers their trades and disputes, the sellers their listings, the operator the ledger.

use std::collections::BTreeMap;

use domain::dispute::{RuledBy, State};
use domain::id::{ListingId, TradeId};
use domain::trade::TradeState;
use store::disputes::{Dispute, DisputeFilter};
use store::listings::{ListingFilter, ListingParts, ListingScope, ListingSort};
use store::page::Page;
use store::trades::TradeSide;

use super::DemoError;
use super::findings::{Listed, Quarrel, Traded};
use super::injection::Truth;
use super::market::Market;
use super::report::{Ledger, Report};
use crate::app::dispute::disputes;
use crate::app::ledger::ledger_verify;
use crate::app::listings::{ListingsInput, listings};
use crate::app::trade::trades;

const PAGE_ROWS: u64 = 500;

impl Market<'_> {
    /// The figures of the whole run.
    pub(crate) async fn report(mut self, truth: &BTreeMap<u32, Truth>) -> Result<Report, DemoError> {
        let started = self.timings.start();
        let formats = self.listings_of_sellers().await?;
        self.trades_of_buyers(&formats).await?;
        let mut report = self.findings.report(truth, self.seed);
        report.ledger = self.ledger().await?;
        report.stripe = self.stripe().await?;
        self.timings.add("report", started);
        Ok(report)
    }

    async fn listings_of_sellers(&mut self) -> Result<BTreeMap<ListingId, &'static str>, DemoError> {
        let mut formats = BTreeMap::new();
        for seller in &self.cast.sellers {
            let filter = ListingFilter { scope: ListingScope::Selling, ..ListingFilter::default() };
            let page = Page { first: PAGE_ROWS, after: None };
            let mut input =
                ListingsInput { filter, attributes: Vec::new(), sort: ListingSort::Newest, page, parts: ListingParts::ALL };
            loop {
                let slice = listings(self.app, &seller.actor.caller, input.clone()).await?;
                for (key, view) in &slice.rows {
                    let format = view.stored.listing.terms.format().as_str();
                    formats.insert(view.stored.id, format);
                    let sold_count = view.stored.listing.sold_count.into();
                    self.findings.listings.push(Listed { format: format.to_owned(), sold_count });
                    input.page.after = Some(*key);
                }
                if !slice.has_next {
                    break;
                }
            }
        }
        Ok(formats)
    }

    async fn trades_of_buyers(&mut self, formats: &BTreeMap<ListingId, &'static str>) -> Result<(), DemoError> {
        for buyer in &self.cast.buyers {
            let caller = &buyer.actor.caller;
            let mut quarrels: BTreeMap<TradeId, Quarrel> = BTreeMap::new();
            let mut page = Page { first: PAGE_ROWS, after: None };
            loop {
                let slice = disputes(self.app, caller, DisputeFilter::default(), &page).await?;
                page.after = slice.rows.last().map(|dispute| dispute.id);
                quarrels.extend(slice.rows.iter().map(|dispute| (dispute.trade, quarrel(dispute))));
                if !slice.has_next {
                    break;
                }
            }
            let mut page = Page { first: PAGE_ROWS, after: None };
            loop {
                let slice = trades(self.app, caller, TradeSide::Buyer, None, &page).await?;
                page.after = slice.rows.last().map(|trade| trade.id);
                for trade in slice.rows {
                    let (reference, _) = self.leads.get(&trade.lead).copied().unwrap_or_default();
                    self.findings.trades.push(Traded {
                        reference,
                        format: formats.get(&trade.listing).copied().unwrap_or_default().to_owned(),
                        exclusive: trade.exclusive,
                        buyer: buyer.who,
                        price_minor: trade.price.minor,
                        refunded_minor: trade.refunded_minor,
                        commission_minor: trade.commission_minor,
                        held: matches!(trade.hold.state(), TradeState::Held | TradeState::Disputed),
                        revenue_minor: self.revenue.get(&trade.id).copied(),
                        dispute: quarrels.remove(&trade.id),
                    });
                }
                if !slice.has_next {
                    break;
                }
            }
        }
        Ok(())
    }

    async fn ledger(&self) -> Result<Ledger, DemoError> {
        let verified = ledger_verify(self.app, &self.cast.operator.caller).await?;
        let broken = verified.first_broken().map(|(invariant, row)| format!("{invariant}: {row}"));
        Ok(Ledger {
            balanced: broken.is_none(),
            broken,
            invariants: u64::try_from(verified.checks.len()).unwrap_or(0),
            balances_minor: self.app.store.balances_by_kind().await?,
        })
    }
}

fn quarrel(dispute: &Dispute) -> Quarrel {
    let (ending, appealed) = match dispute.state() {
        State::Refunded { cause } => (cause.as_str().to_owned(), false),
        State::Withdrawn => ("WITHDRAWN".to_owned(), false),
        State::Final { ruling, first } => {
            let by = if ruling.by == RuledBy::Evidence { "_BY_THE_RULE" } else { "" };
            (format!("{}{by}", ruling.status().as_str()), first.is_some())
        }
        other => (other.status().as_str().to_owned(), false),
    };
    Quarrel { reason: dispute.proven_reason().as_str().to_owned(), ending, appealed }
}
