//! What a draft would have met, as its buyer is told.

use async_graphql::SimpleObject;
use chrono::{DateTime, Utc};
use domain::campaign::{Spread, Won};
use domain::listing::SaleFormat;
use domain::money::{Currency, Money};

use crate::app::campaigns::CampaignPreviewed;
use crate::graphql::connection::list_cost;
use crate::graphql::scalar::MoneyObject;
use crate::graphql::word::Word;

/// What would have become of a draft, had it stood since `since`. It tells of many leads and never of one: counts are rounded down
/// to a multiple of five, so that 0 says fewer than five; prices and money are told of five or more, in two significant digits,
/// and what is sealed in auctions is blurred besides.
#[derive(Debug, Clone, SimpleObject)]
pub struct CampaignPreview {
    /// The earliest opening that was looked at.
    pub since: DateTime<Utc>,
    /// Listings that were looked at: of the draft's vertical and currency, without your own.
    pub looked_at: i32,
    /// Whether these were all; else only the newest were looked at.
    pub complete: bool,
    /// The leads behind these listings.
    pub leads: i32,
    /// Those that match the filter.
    pub matching: i32,
    /// Those that match, and that schedule, share, caps and budget would have let through.
    pub admitted: i32,
    /// Whether the draft asks about postal codes. They lie sealed with the contact, so that such a condition counts as fulfilled
    /// here.
    pub postal_ignored: bool,
    /// Whether the draft asks who sells. The market does not show it before the sale, so that such a condition counts as fulfilled
    /// here.
    pub seller_ignored: bool,
    /// What others paid for shared copies of matching leads; null when fewer than five were sold.
    pub shared_prices: Option<CampaignPreviewPrices>,
    /// What others paid for exclusive sales of matching leads; null when fewer than five were made.
    pub exclusive_prices: Option<CampaignPreviewPrices>,
    /// Leads that the draft would have won.
    pub won: i32,
    /// What they would have cost; null when it would have won fewer than five.
    pub spent: Option<MoneyObject>,
    /// The same by format.
    #[graphql(complexity = "list_cost(3, child_complexity)")]
    pub formats: Vec<CampaignPreviewFormat>,
}

/// Prices that were paid.
#[derive(Debug, Clone, SimpleObject)]
pub struct CampaignPreviewPrices {
    /// How many, rounded down to a multiple of five.
    pub count: i32,
    /// The least, rounded down.
    pub least: MoneyObject,
    /// The one in the middle.
    pub median: MoneyObject,
    /// The greatest, rounded up.
    pub greatest: MoneyObject,
}

/// What would have become of a draft among the listings of one format.
#[derive(Debug, Clone, SimpleObject)]
pub struct CampaignPreviewFormat {
    /// The format.
    pub format: Word<SaleFormat>,
    /// Listings of leads that match.
    pub matching: i32,
    /// Leads that the draft would have won.
    pub won: i32,
    /// What they would have cost; null when it would have won fewer than five.
    pub spent: Option<MoneyObject>,
}

impl From<CampaignPreviewed> for CampaignPreview {
    fn from(previewed: CampaignPreviewed) -> Self {
        let CampaignPreviewed { outlook, currency, since, complete, postal_ignored, seller_ignored } = previewed;
        let money = |minor: i64| MoneyObject::from(Money::new(minor, currency));
        let format = |(format, won): (SaleFormat, Won)| CampaignPreviewFormat {
            format: format.into(),
            matching: int(won.matching),
            won: int(won.leads),
            spent: won.spent_minor.map(money),
        };
        Self {
            since,
            looked_at: int(outlook.listings),
            complete,
            leads: int(outlook.leads),
            matching: int(outlook.matching),
            admitted: int(outlook.admitted),
            postal_ignored,
            seller_ignored,
            shared_prices: outlook.shared.map(|spread| prices(spread, currency)),
            exclusive_prices: outlook.exclusive.map(|spread| prices(spread, currency)),
            won: int(outlook.won.leads),
            spent: outlook.won.spent_minor.map(money),
            formats: outlook.formats.into_iter().map(format).collect(),
        }
    }
}

fn prices(spread: Spread, currency: Currency) -> CampaignPreviewPrices {
    let money = |minor: i64| MoneyObject::from(Money::new(minor, currency));
    CampaignPreviewPrices {
        count: int(spread.count),
        least: money(spread.least_minor),
        median: money(spread.median_minor),
        greatest: money(spread.greatest_minor),
    }
}

fn int(count: u64) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
