//! The rules of the market as settings.

use std::collections::BTreeMap;

use domain::money::{BP_WHOLE, Currency};
use domain::scoring::Weights;
use serde::Deserialize;

use super::Problems;

const DAY_SECS: i64 = 86_400;
const YEAR_SECS: i64 = 366 * DAY_SECS;

/// `[exchange]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// The currency where none is named.
    pub default_currency: Currency,
    /// The exchange's share of a release, in basis points.
    pub commission_bp: i64,
    /// The usual hold, in seconds.
    pub hold_secs: i64,
    /// The hold of trusted sellers, in seconds.
    pub hold_trusted_secs: i64,
    /// The hold of new sellers, in seconds.
    pub hold_new_secs: i64,
    /// A seller with fewer concluded trades is new.
    pub new_below_trades: i64,
    /// A seller needs so many concluded trades to be trusted.
    pub trusted_from_trades: i64,
    /// The largest expected share of upheld disputes of a trusted seller, in basis points.
    pub trusted_upheld_max_bp: i64,
    /// How long after the sale the hold starts at the latest, in seconds.
    pub delivery_grace_secs: i64,
    /// How long a seller may answer a dispute, in seconds.
    pub seller_answer_secs: i64,
    /// How long an arbiter may take, in seconds.
    pub arbiter_secs: i64,
    /// How long a ruling may be appealed, in seconds.
    pub appeal_secs: i64,
    /// How long a person counts as a duplicate, in seconds.
    pub duplicate_window_secs: i64,
    /// The shortest auction, in seconds.
    pub auction_min_secs: i64,
    /// The longest auction, in seconds.
    pub auction_max_secs: i64,
    /// The longest listing at a fixed price, in seconds.
    pub listing_max_secs: i64,
    /// The shortest interval of a Dutch auction, in seconds.
    pub dutch_interval_min_secs: i64,
    /// The most sales of one lead, at most 5.
    pub sales_max: i32,
    /// The share of disputed trades above which opening one needs evidence, in basis points.
    pub return_cap_bp: i64,
    /// How many trades a buyer needs before the return cap applies.
    pub return_cap_min_trades: i64,
    /// The window of the return cap, in seconds.
    pub return_cap_window_secs: i64,
    /// The price above which a second arbiter confirms a ruling, in minor units of each currency.
    pub second_arbiter_above_minor: BTreeMap<Currency, i64>,
    /// The same in minor units of a currency that is not named.
    pub second_arbiter_above_other_minor: i64,
    /// How old a trade must be for a claim that the person cannot be reached, in seconds.
    pub unreachable_age_secs: i64,
    /// How many logged attempts such a claim needs.
    pub unreachable_attempts: usize,
    /// On how many days those attempts must lie.
    pub unreachable_days: usize,
    /// How many leads of one origin make a ring.
    pub ring_min_leads: usize,
    /// The window of a ring, in seconds.
    pub ring_window_secs: i64,
    /// The largest file of evidence, in bytes.
    pub evidence_max_bytes: u64,
    /// The most files of one side of a dispute.
    pub evidence_files_max: usize,
    /// The most statements and files of one side of a dispute.
    pub evidence_entries_max: usize,
}

/// `[campaigns]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Campaigns {
    /// Campaigns of one buyer that are not archived.
    pub per_buyer_max: u64,
    /// How long an offer to a ping stands, in seconds.
    pub offer_secs: i64,
    /// The longest that a campaign's endpoint may take to name its bid, in milliseconds.
    pub call_out_millis: u32,
    /// How long all endpoints of one ping may take together, in milliseconds.
    pub ping_millis: u64,
    /// Whether endpoints may lie on plain http and on private addresses: for development.
    pub call_out_insecure: bool,
    /// After so many failures in a row an endpoint is not asked for a while.
    pub call_out_failures_max: u32,
    /// For how long it is then not asked, in seconds.
    pub call_out_pause_secs: i64,
    /// How far a preview looks back, in seconds.
    pub preview_secs: i64,
    /// The newest listings at which one preview looks, at most.
    pub preview_listings_max: u64,
    /// Previews of one organization in an hour.
    pub previews_per_hour_max: i64,
}

/// `[verification]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verification {
    /// How long a code or a link is good for, in seconds.
    pub confirmation_secs: i64,
    /// How often a wrong code may be tried.
    pub confirmation_attempts_max: i32,
    /// How often a code or a link is sent to one person in a day.
    pub confirmations_per_person_max: u64,
    /// How often one seller has a code or a link sent in a day.
    pub confirmations_per_seller_max: u64,
    /// The share of leads at which operators are to look, in basis points.
    pub sample_bp: u64,
    /// How old a lead may be at which operators are to look, in seconds.
    pub sample_window_secs: i64,
    /// The shortest believable time to fill a form, in seconds.
    pub form_min_secs: i64,
    /// From this share of pasted fields on a form was pasted, in percent.
    pub pasted_percent: u64,
    /// Other leads of one device in a day, from which on they are a form-filler's.
    pub device_leads_day: u64,
    /// Other leads of one address in a day, from which on they are odd.
    pub ip_leads_day: u64,
    /// The age from which on a consent is void, in seconds.
    pub consent_max_age_secs: i64,
}

/// `[imports]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Imports {
    /// The largest file, in bytes.
    pub file_max_bytes: u64,
    /// The most rows of one file.
    pub rows_max: u64,
    /// The most columns of one row.
    pub columns_max: usize,
    /// The longest field, in bytes.
    pub field_max_bytes: usize,
    /// How many rows are taken in one transaction.
    pub batch_rows: usize,
    /// How many transactions an import has before it stands back for one of another owner.
    pub turn_batches: u64,
    /// How often an import is begun without getting further before it fails.
    pub attempts_max: u64,
    /// How long a client may take to put a file, in seconds.
    pub upload_secs: i64,
    /// How long a file of leads is kept after it came and after its last import ended, in seconds.
    pub file_keep_secs: i64,
    /// Uploads of one organization that wait for their file or their import.
    pub uploads_open_max: u64,
}

/// `[scoring]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scoring {
    /// From how many points a lead is warm.
    pub warm_from: i32,
    /// From how many points a lead is hot.
    pub hot_from: i32,
    /// Points by contribution, by the path of a vertical; what is not named keeps its own weight.
    pub weights: BTreeMap<String, BTreeMap<String, i32>>,
}

impl Exchange {
    pub(super) fn check(&self, problems: &mut Problems) {
        let mut secs = |name: &str, value: i64, min: i64| problems.within(&format!("exchange.{name}"), value, min, YEAR_SECS);
        secs("hold_secs", self.hold_secs, 1);
        secs("hold_trusted_secs", self.hold_trusted_secs, 1);
        secs("hold_new_secs", self.hold_new_secs, 1);
        secs("delivery_grace_secs", self.delivery_grace_secs, 0);
        secs("seller_answer_secs", self.seller_answer_secs, 1);
        secs("arbiter_secs", self.arbiter_secs, 1);
        secs("appeal_secs", self.appeal_secs, 1);
        secs("duplicate_window_secs", self.duplicate_window_secs, 0);
        secs("auction_min_secs", self.auction_min_secs, 1);
        secs("auction_max_secs", self.auction_max_secs, self.auction_min_secs);
        secs("listing_max_secs", self.listing_max_secs, 1);
        secs("dutch_interval_min_secs", self.dutch_interval_min_secs, 1);
        secs("return_cap_window_secs", self.return_cap_window_secs, 1);
        secs("unreachable_age_secs", self.unreachable_age_secs, 0);
        secs("ring_window_secs", self.ring_window_secs, 1);
        problems.within("exchange.commission_bp", self.commission_bp, 0, BP_WHOLE);
        problems.within("exchange.trusted_upheld_max_bp", self.trusted_upheld_max_bp, 0, BP_WHOLE);
        problems.within("exchange.return_cap_bp", self.return_cap_bp, 0, BP_WHOLE);
        problems.within("exchange.new_below_trades", self.new_below_trades, 0, 1_000_000);
        problems.within("exchange.trusted_from_trades", self.trusted_from_trades, self.new_below_trades, 1_000_000_000);
        problems.within("exchange.return_cap_min_trades", self.return_cap_min_trades, 1, 1_000_000);
        for (currency, minor) in &self.second_arbiter_above_minor {
            problems.within(&format!("exchange.second_arbiter_above_minor.{currency}"), *minor, 0, i64::MAX);
        }
        problems.within("exchange.second_arbiter_above_other_minor", self.second_arbiter_above_other_minor, 0, i64::MAX);
        problems.within("exchange.sales_max", self.sales_max, 1, 5);
        problems.within("exchange.unreachable_attempts", self.unreachable_attempts, 1, 100);
        problems.within("exchange.unreachable_days", self.unreachable_days, 1, self.unreachable_attempts);
        problems.within("exchange.ring_min_leads", self.ring_min_leads, 2, 10_000);
        problems.within("exchange.evidence_max_bytes", self.evidence_max_bytes, 1024, 1 << 30);
        // An appeal shows a file.
        problems.within("exchange.evidence_files_max", self.evidence_files_max, 1, 1000);
        problems.within("exchange.evidence_entries_max", self.evidence_entries_max, 1, 10_000);
    }
}

impl Campaigns {
    pub(super) fn check(&self, problems: &mut Problems) {
        problems.within("campaigns.per_buyer_max", self.per_buyer_max, 1, 10_000_000);
        problems.within("campaigns.offer_secs", self.offer_secs, 1, 3_600);
        problems.within("campaigns.call_out_millis", self.call_out_millis, 20, 10_000);
        problems.within("campaigns.ping_millis", self.ping_millis, u64::from(self.call_out_millis), 30_000);
        problems.within("campaigns.call_out_failures_max", self.call_out_failures_max, 1, 1_000);
        problems.within("campaigns.call_out_pause_secs", self.call_out_pause_secs, 1, DAY_SECS);
        problems.within("campaigns.preview_secs", self.preview_secs, 3_600, YEAR_SECS);
        problems.within("campaigns.preview_listings_max", self.preview_listings_max, 1, 1_000_000);
        problems.within("campaigns.previews_per_hour_max", self.previews_per_hour_max, 1, 1_000_000);
    }
}

impl Verification {
    pub(super) fn check(&self, problems: &mut Problems) {
        problems.within("verification.confirmation_secs", self.confirmation_secs, 60, 90 * DAY_SECS);
        problems.within("verification.confirmation_attempts_max", self.confirmation_attempts_max, 1, 20);
        problems.within("verification.confirmations_per_person_max", self.confirmations_per_person_max, 1, 100);
        problems.within("verification.confirmations_per_seller_max", self.confirmations_per_seller_max, 1, 10_000_000);
        problems.within("verification.sample_bp", self.sample_bp, 0, 10_000);
        problems.within("verification.sample_window_secs", self.sample_window_secs, DAY_SECS, YEAR_SECS);
        problems.within("verification.form_min_secs", self.form_min_secs, 0, 3_600);
        problems.within("verification.pasted_percent", self.pasted_percent, 1, 100);
        problems.within("verification.device_leads_day", self.device_leads_day, 1, 1_000_000);
        problems.within("verification.ip_leads_day", self.ip_leads_day, 1, 1_000_000);
        problems.within("verification.consent_max_age_secs", self.consent_max_age_secs, DAY_SECS, 20 * YEAR_SECS);
    }
}

impl Imports {
    pub(super) fn check(&self, problems: &mut Problems) {
        problems.within("imports.file_max_bytes", self.file_max_bytes, 1024, 100 << 30);
        problems.within("imports.rows_max", self.rows_max, 1, 1_000_000_000);
        problems.within("imports.columns_max", self.columns_max, 1, 10_000);
        problems.within("imports.field_max_bytes", self.field_max_bytes, 64, 1 << 20);
        problems.within("imports.batch_rows", self.batch_rows, 1, 10_000);
        problems.within("imports.turn_batches", self.turn_batches, 1, 1_000_000);
        problems.within("imports.attempts_max", self.attempts_max, 1, 1_000);
        problems.within("imports.upload_secs", self.upload_secs, 10, 7 * DAY_SECS);
        problems.within("imports.file_keep_secs", self.file_keep_secs, 0, 366 * DAY_SECS);
        problems.within("imports.uploads_open_max", self.uploads_open_max, 1, 10_000);
    }
}

impl Scoring {
    pub(super) fn check(&self, problems: &mut Problems) {
        problems.within("scoring.hot_from", self.hot_from, 1, 100);
        problems.within("scoring.warm_from", self.warm_from, 1, self.hot_from);
        for (vertical, points) in &self.weights {
            for (contribution, &value) in points {
                let key = format!("scoring.weights.\"{vertical}\".{contribution}");
                problems.within(&key, value, -100, 100);
                if !Weights::knows(contribution) {
                    problems.add(&key, "names no factor of a score");
                }
            }
        }
    }
}
