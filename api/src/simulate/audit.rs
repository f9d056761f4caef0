//! Whether everything holds at the end: the ledger, and what campaigns bought, counted again from the purchases.

use std::collections::BTreeMap;

use domain::bid::BidState;
use domain::campaign::{Period, Usage};
use domain::id::{BidId, OrganizationId};
use domain::time::{Timestamp, plus_secs};
use futures::{StreamExt, TryStreamExt};
use store::campaigns::{CampaignPurchase, StoredCampaign};
use store::page::Page;
use store::trades::TradeSide;

use super::SimulateError;
use super::cast::Company;
use super::findings::Placed;
use super::market::Market;
use super::progress::Progress;
use super::report::Report;
use crate::app::bids::bids_many;
use crate::app::ledger::ledger_verify;

const PAGE_ROWS: u64 = 1_000;

/// Buyers that are looked through at the same time.
const AT_ONCE: usize = 8;

/// What one buyer's campaigns and trades came to, with the first case that breaks each rule.
#[derive(Debug, Default)]
struct Books {
    campaigns: u64,
    trades: u64,
    gross_minor: i64,
    refunded_minor: i64,
    miscounted: Option<String>,
    overspent: Option<String>,
    overtried: Option<String>,
    unpaid: Option<String>,
}

impl Market {
    /// Looks at everything that must hold, and adds it to the report.
    pub(super) async fn audit(&self, report: &mut Report, progress: &Progress) -> Result<(), SimulateError> {
        progress.begin("checking", u64::try_from(self.cast.buyers.len()).unwrap_or(0));
        for check in ledger_verify(&self.app, &self.cast.operator).await?.checks {
            report.check(format!("ledger: {}", check.invariant), check.broken);
        }
        let each = |buyer| async move {
            let books = self.books(buyer).await;
            progress.step();
            books
        };
        let all = futures::stream::iter(&self.cast.buyers).map(each).buffer_unordered(AT_ONCE);
        let all = all.try_fold(Books::default(), |sum, books| async move { Ok(sum.plus(books)) }).await?;
        self.sales_told(report, &all);
        self.nothing_left(report, &all).await?;
        report.check(format!("what {} campaigns have used is what they bought", all.campaigns), all.miscounted);
        report.check("no cap was overspent in any of its periods", all.overspent);
        report.check("no trial bought more than it may", all.overtried);
        report.check("each purchase of a campaign is a trade of its buyer at that price", all.unpaid);
        let lost = self.lost_bids().await?;
        report.check("each bid by hand has ended, and each that lost says why", lost);
        Ok(())
    }

    /// What the agencies were told, against the trades that there are.
    fn sales_told(&self, report: &mut Report, all: &Books) {
        let told = report.sales.iter().fold((0_u64, 0_i64), |(count, minor), line| {
            let copies = line.exclusive.saturating_add(line.shared);
            (count.saturating_add(copies), minor.saturating_add(line.gross_minor))
        });
        let broken = (told != (all.trades, all.gross_minor)).then(|| {
            format!("{} sales for {} were told, there are {} trades for {}", told.0, told.1, all.trades, all.gross_minor)
        });
        report.check("the sales that agencies were told of are the trades", broken);
        let lost = report.losses.values().fold(0_u64, |sum, count| sum.saturating_add(*count));
        let known = report.sold().saturating_add(lost);
        let broken = (known != report.leads).then(|| format!("{} leads were made, {known} are accounted for", report.leads));
        report.check("each lead is sold, or says why not", broken);
    }

    async fn nothing_left(&self, report: &mut Report, all: &Books) -> Result<(), SimulateError> {
        let balances = self.app.store.balances_by_kind().await?;
        let balance = |kind: &str| balances.get(kind).copied().unwrap_or(0);
        let reserved = balance("RESERVED");
        report.check("nothing is reserved when no offer and no bid is open", (reserved != 0).then(|| reserved.to_string()));
        let held = all.gross_minor.saturating_sub(all.refunded_minor);
        let earned = self.available(&self.cast.sellers).await?;
        let there = balance("ESCROW").saturating_add(balance("FEES")).saturating_add(earned);
        let broken = (held != there).then(|| format!("{held} was paid and not refunded, {there} is there"));
        report.check("what was paid and not refunded is in escrow or with its sellers", broken);
        let (left, spent) = (self.available(&self.cast.buyers).await?, self.cast.deposited_minor.saturating_sub(held));
        let broken = (left != spent).then(|| format!("buyers can spend {left}, {spent} is what they have not paid"));
        report.check("what buyers paid in and did not pay for leads is theirs", broken);
        let open = self.app.store.offers_due(plus_secs(self.app.now(), 86_400), 1).await?;
        report.check("no offer is left open", open.first().map(ToString::to_string));
        let backlog = self.app.store.jobs_backlog().await?;
        report.check("no job was given up", (backlog.dead > 0).then(|| format!("{} jobs", backlog.dead)));
        let stop = self.app.store.money_stop().await?;
        report.check("money was not stopped", stop.map(|stop| stop.reason));
        let waiting = self.app.settlement.settled().waiting;
        report.check("settlement has drained", (waiting > 0).then(|| format!("{waiting} commands")));
        Ok(())
    }

    /// What companies can spend together, in minor units.
    async fn available(&self, companies: &[Company]) -> Result<i64, SimulateError> {
        let mut sum: i64 = 0;
        for company in companies {
            let wallet = self.app.store.wallet(company.organization).await?;
            let available = wallet.balances.values().fold(0_i64, |sum, balances| sum.saturating_add(balances.available_minor));
            sum = sum.saturating_add(available);
        }
        Ok(sum)
    }

    async fn books(&self, buyer: &Company) -> Result<Books, SimulateError> {
        let mut books = Books::default();
        let mut prices = BTreeMap::new();
        let mut page = Page { first: PAGE_ROWS, after: None };
        loop {
            let slice = self.app.store.trades_of(buyer.organization, TradeSide::Buyer, None, &page).await?;
            page.after = slice.rows.last().map(|trade| trade.id);
            for trade in &slice.rows {
                books.trades = books.trades.saturating_add(1);
                books.gross_minor = books.gross_minor.saturating_add(trade.price.minor);
                books.refunded_minor = books.refunded_minor.saturating_add(trade.refunded_minor);
                prices.insert(trade.id, trade.price.minor);
            }
            if !slice.has_next {
                break;
            }
        }
        let mut page = Page { first: PAGE_ROWS, after: None };
        loop {
            let slice = self.app.store.campaigns_page(buyer.organization, &[], &page).await?;
            page.after = slice.rows.last().map(|campaign| campaign.id);
            for campaign in &slice.rows {
                let purchases = self.app.store.campaign_purchases(campaign.id).await?;
                let unpaid = purchases.iter().find(|bought| prices.get(&bought.trade) != Some(&bought.price_minor));
                books.unpaid = books.unpaid.or(unpaid.map(|bought| format!("{} of {}", bought.trade, campaign.id)));
                self.count_again(campaign, &purchases, &mut books).await?;
            }
            if !slice.has_next {
                return Ok(books);
            }
        }
    }

    async fn count_again(
        &self,
        campaign: &StoredCampaign,
        purchases: &[CampaignPurchase],
        books: &mut Books,
    ) -> Result<(), SimulateError> {
        let (id, standing, now) = (campaign.id, &campaign.standing, self.app.now());
        let kept = standing.usage.rolled(now, standing.terms.zone);
        let counted = self.app.store.campaign_recount(campaign, now).await?;
        if books.miscounted.is_none() && kept != counted {
            books.miscounted = Some(format!("{id} keeps {}, counted again it is {}", total(&kept), total(&counted)));
        }
        books.campaigns = books.campaigns.saturating_add(1);
        books.overspent = books.overspent.take().or_else(|| overspent(campaign, purchases));
        let tried = standing.terms.trial_leads.filter(|_| !standing.trial_confirmed);
        if let Some(most) = tried.filter(|most| u32::try_from(purchases.len()).is_ok_and(|bought| bought > *most)) {
            books.overtried = Some(format!("{id} bought {} leads on a trial of {most}", purchases.len()));
        }
        Ok(())
    }

    /// The first bid by hand that is open still, or lost without a reason.
    async fn lost_bids(&self) -> Result<Option<String>, SimulateError> {
        let placed = self.findings().placed.clone();
        let mut by_buyer: BTreeMap<OrganizationId, Vec<BidId>> = BTreeMap::new();
        for Placed { buyer, bid } in placed {
            by_buyer.entry(buyer).or_default().push(bid);
        }
        for (buyer, ids) in by_buyer {
            let Some(buyer) = self.cast.buyer(buyer) else { continue };
            for own in bids_many(&self.app, &buyer.caller, &ids).await? {
                let bid = own.bid;
                if bid.state == BidState::Open || (bid.state == BidState::Lost && bid.loss_reason.is_none()) {
                    return Ok(Some(format!("{} is {}", bid.id, bid.state.as_str())));
                }
            }
        }
        Ok(None)
    }
}

impl Books {
    fn plus(self, other: Self) -> Self {
        Self {
            campaigns: self.campaigns.saturating_add(other.campaigns),
            trades: self.trades.saturating_add(other.trades),
            gross_minor: self.gross_minor.saturating_add(other.gross_minor),
            refunded_minor: self.refunded_minor.saturating_add(other.refunded_minor),
            miscounted: self.miscounted.or(other.miscounted),
            overspent: self.overspent.or(other.overspent),
            overtried: self.overtried.or(other.overtried),
            unpaid: self.unpaid.or(other.unpaid),
        }
    }
}

fn total(usage: &Usage) -> String {
    let count = usage.count(Period::Total);
    format!("{} leads for {} in all", count.leads, count.spend_minor)
}

/// The first cap that the purchases of one of its periods go beyond. The simulation never changes a campaign's caps.
fn overspent(campaign: &StoredCampaign, purchases: &[CampaignPurchase]) -> Option<String> {
    let zone = campaign.standing.terms.zone;
    for cap in &campaign.standing.terms.caps {
        let mut periods: BTreeMap<Timestamp, (u32, i64)> = BTreeMap::new();
        for bought in purchases {
            let (leads, spend) = periods.entry(cap.period.began(bought.counted_at, zone)).or_default();
            *leads = leads.saturating_add(1);
            *spend = spend.saturating_add(bought.price_minor);
        }
        let beyond = |(_, (leads, spend)): &(&Timestamp, &(u32, i64))| {
            cap.leads.is_some_and(|most| *leads > most) || cap.spend_minor.is_some_and(|most| *spend > most)
        };
        if let Some((began, (leads, spend))) = periods.iter().find(beyond) {
            let (id, period) = (campaign.id, cap.period.as_str());
            return Some(format!("{id} bought {leads} leads for {spend} in the {period} from {began}"));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use domain::campaign::{CampaignState, Cap, Filter, Price, Schedule, Standing, Terms};
    use domain::money::Currency;
    use uuid::Uuid;

    use super::*;

    fn campaign(cap: Cap) -> StoredCampaign {
        let now = at(0);
        let (zone, id) = (chrono_tz::Tz::UTC, Uuid::nil().into());
        let terms = Terms {
            filter: Filter::everything(),
            asked: None,
            price: Price { rules: Vec::new(), otherwise: None },
            caps: vec![cap],
            zone,
            schedule: Schedule::default(),
            duplicate_window_secs: None,
            trial_leads: None,
            share_bp: 10_000,
            tie_weight: 1,
            pause_after_failures: None,
            call_out: None,
        };
        let usage = Usage::none(now, zone);
        StoredCampaign {
            id,
            organization: Uuid::nil().into(),
            vertical: Uuid::nil().into(),
            name: String::new(),
            currency: Currency::EUR,
            standing: Standing { id, state: CampaignState::Active, trial_confirmed: false, terms, usage },
            pause_reason: None,
            failures: 0,
            served_at: None,
            created_at: now,
            updated_at: now,
            version: 1,
        }
    }

    fn at(secs: i64) -> Timestamp {
        chrono::DateTime::from_timestamp(1_767_600_000 + secs, 0).unwrap()
    }

    fn bought(secs: i64) -> CampaignPurchase {
        CampaignPurchase { trade: Uuid::nil().into(), campaign: Uuid::nil().into(), price_minor: 500, counted_at: at(secs) }
    }

    #[test]
    fn a_cap_holds_in_each_of_its_periods() {
        let two_a_minute = campaign(Cap { period: Period::Minute, leads: Some(2), spend_minor: None });
        assert_eq!(overspent(&two_a_minute, &[bought(0), bought(59), bought(60), bought(61)]), None);
        assert!(overspent(&two_a_minute, &[bought(0), bought(58), bought(59)]).is_some());
        let ten_euros = campaign(Cap { period: Period::Total, leads: None, spend_minor: Some(1_000) });
        assert_eq!(overspent(&ten_euros, &[bought(0), bought(90)]), None);
        assert!(overspent(&ten_euros, &[bought(0), bought(90), bought(9_000)]).is_some());
    }
}
