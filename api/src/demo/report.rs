//! What the demo found, as figures: the table and the JSON are written from the same.

use std::collections::BTreeMap;

use serde::Serialize;

use super::flaw::Flaw;

/// The figures of one run. Amounts are minor units of `currency`; shares are basis points, `null` where there is nothing to
/// share.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// What decided every chance.
    pub seed: u64,
    /// Whether names, numbers and addresses are made up: always, in the demo.
    pub synthetic_contacts: bool,
    /// ISO 4217.
    pub currency: String,
    /// The files.
    pub rows: Rows,
    /// The leads.
    pub leads: Leads,
    /// The market, by format.
    pub formats: Vec<FormatLine>,
    /// The buyers.
    pub advertisers: Vec<AdvertiserLine>,
    /// People who bought, each with a client card of the buyer's own.
    pub clients: u64,
    /// The quarrels.
    pub disputes: Disputes,
    /// The money.
    pub money: Money,
    /// Pseudo-leads, by kind.
    pub pseudo_leads: Vec<PseudoLine>,
    /// The ledger.
    pub ledger: Ledger,
    /// Payments by card and through connected accounts, if a double of Stripe took part.
    pub stripe: Option<Stripe>,
}

/// What passed through the double of Stripe. It is not Stripe.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stripe {
    /// Paid in by card.
    pub topped_up_minor: i64,
    /// Taken out through connected accounts.
    pub withdrawn_minor: i64,
    /// Whether the double's own book sums to zero and no ceiling is exceeded.
    pub double_holds: bool,
    /// Entries in which the exchange's books and the double's differ.
    pub differences: u64,
}

/// What became of the rows of both files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rows {
    /// Read.
    pub read: u64,
    /// Taken as leads.
    pub accepted: u64,
    /// Refused, with reasons.
    pub refused: u64,
    /// Brought before by the same agency.
    pub duplicate: u64,
    /// Refused rows by column and code.
    pub refused_why: BTreeMap<String, u64>,
}

/// What verification made of the leads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Leads {
    /// Verified at intake.
    pub verified: u64,
    /// Below the required level.
    pub unqualified: u64,
    /// Rejected at intake.
    pub rejected: u64,
    /// Rejected leads by the check that failed.
    pub rejected_by: BTreeMap<String, u64>,
    /// Verified leads by temperature.
    pub temperature: BTreeMap<String, u64>,
}

/// One format.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FormatLine {
    /// FIXED, AUCTION or DUTCH.
    pub format: String,
    /// Listings opened.
    pub listed: u64,
    /// Listings with at least one sale.
    pub sold: u64,
    /// Exclusive sales.
    pub exclusive_sales: u64,
    /// Shared copies sold.
    pub shared_sales: u64,
    /// Average cost per lead.
    pub average_cpl_minor: i64,
}

/// One buyer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AdvertiserLine {
    /// The organization.
    pub name: String,
    /// Leads bought.
    pub trades: u64,
    /// Paid.
    pub spent_minor: i64,
    /// Of that, returned.
    pub refunded_minor: i64,
    /// People who bought.
    pub conversions: u64,
    /// What it paid and did not get back for each of them.
    pub cost_per_conversion_minor: Option<i64>,
    /// What they brought.
    pub revenue_minor: i64,
    /// Disputes opened.
    pub disputes: u64,
}

/// The quarrels.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Disputes {
    /// Opened.
    pub opened: u64,
    /// Claims that the rules refused at once, because they are outcomes and no reasons.
    pub pretexts_refused: u64,
    /// By reason, and within it by how each ended.
    pub by_reason: BTreeMap<String, BTreeMap<String, u64>>,
    /// By how they ended.
    pub by_ending: BTreeMap<String, u64>,
    /// Ruled on appeal.
    pub appeals: u64,
    /// Files of evidence that the parties showed.
    pub exhibits: u64,
    /// Rulings on dear leads that a second arbiter was asked about.
    pub second_words: u64,
}

/// The money.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Money {
    /// Paid in by the advertisers.
    pub deposited_minor: i64,
    /// The price of every trade.
    pub sold_minor: i64,
    /// Of that, gone to the sellers, commission included.
    pub released_minor: i64,
    /// Gone back to the buyers.
    pub refunded_minor: i64,
    /// Still in escrow.
    pub held_minor: i64,
    /// The exchange's part of what was released.
    pub commission_minor: i64,
    /// The sellers' part.
    pub income_minor: i64,
}

/// One kind of pseudo-lead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PseudoLine {
    /// The kind.
    pub kind: Flaw,
    /// Rows altered so.
    pub injected: u64,
    /// Of those, with a flaw that shows before a sale.
    pub showing: u64,
    /// Refused, or rejected by a check.
    pub caught_before: u64,
    /// Sales of those that were not, each copy counted.
    pub sold: u64,
    /// Of those sales, refunded in full or in part.
    pub caught_after: u64,
    /// Of the rows that a check of this kind stopped, those that were of this kind.
    pub precision_before_bp: Option<i64>,
    /// Of those that show, those that were stopped.
    pub recall_before_bp: Option<i64>,
    /// Of the refunds for this reason, those for leads of this kind.
    pub precision_after_bp: Option<i64>,
    /// Of the sales of this kind, those refunded.
    pub recall_after_bp: Option<i64>,
}

/// The ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ledger {
    /// Whether every invariant holds.
    pub balanced: bool,
    /// The first broken row, if one is.
    pub broken: Option<String>,
    /// Invariants checked.
    pub invariants: u64,
    /// The balance of each kind of account; they add up to zero.
    pub balances_minor: BTreeMap<String, i64>,
}

/// `part` of `whole` in basis points, to the nearest.
#[must_use]
pub fn share_bp(part: u64, whole: u64) -> Option<i64> {
    let (part, whole) = (u128::from(part), u128::from(whole));
    let share = part.saturating_mul(20_000).saturating_add(whole).checked_div(whole.saturating_mul(2))?;
    i64::try_from(share).ok()
}

/// `minor` divided among `count`, to the nearest; `None` among none.
#[must_use]
pub fn average_minor(minor: i64, count: u64) -> Option<i64> {
    let count = i64::try_from(count).ok()?;
    minor.saturating_mul(2).saturating_add(count).checked_div(count.saturating_mul(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_averages_are_rounded_to_the_nearest() {
        assert_eq!((share_bp(1, 3), share_bp(2, 3), share_bp(0, 5), share_bp(1, 0)), (Some(3_333), Some(6_667), Some(0), None));
        assert_eq!((average_minor(10, 4), average_minor(9, 4), average_minor(0, 0)), (Some(3), Some(2), None));
    }
}
