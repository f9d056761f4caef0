//! The six buyers: what each wants, and what it pays. They decide from what a listing shows, and from nothing else.

use domain::clearing::SaleKind;
use domain::listing::SaleFormat;

use super::dice::Dice;

/// A buyer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Advertiser {
    /// Opens young people's first deposits: takes shared copies at a fixed CPL.
    Students,
    /// Wants the wealthy for itself: bids for exclusive sales.
    Private,
    /// Works through many: bids for shared copies.
    Savings,
    /// Takes aged leads when the falling price is low enough.
    Bargains,
    /// Filters hard: educated, without loans, well scored; exclusive at a fixed CPL.
    Picky,
    /// Buys by the hundred: shared copies at a fixed CPL and low bids on every auction.
    Bulk,
}

/// All, in the order of the table.
pub(crate) const ADVERTISERS: [Advertiser; 6] =
    [Advertiser::Students, Advertiser::Private, Advertiser::Savings, Advertiser::Bargains, Advertiser::Picky, Advertiser::Bulk];

/// What a listing shows to a buyer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Offer {
    /// The format, `None` for one that the demo does not know.
    pub(crate) format: Option<SaleFormat>,
    /// The price of a shared copy now, or its reserve, in minor units.
    pub(crate) shared_minor: Option<i64>,
    /// The price of the exclusive sale now, or its reserve, in minor units.
    pub(crate) exclusive_minor: Option<i64>,
    /// The score, 0 to 100.
    pub(crate) score: i64,
    /// Band of age.
    pub(crate) age_band: String,
    /// Occupation.
    pub(crate) occupation: String,
    /// Education.
    pub(crate) education: String,
    /// Average yearly balance, in EUR.
    pub(crate) balance: i64,
    /// Has a housing loan.
    pub(crate) housing_loan: bool,
    /// Has a personal loan.
    pub(crate) personal_loan: bool,
}

/// What a buyer does about a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Takes a copy at once, at no more than this.
    Buy {
        /// What.
        kind: SaleKind,
        /// At most, in minor units.
        most_minor: i64,
    },
    /// Bids, in minor units.
    Bid {
        /// For a shared copy.
        shared_minor: Option<i64>,
        /// For the exclusive sale.
        exclusive_minor: Option<i64>,
    },
}

impl Advertiser {
    /// The organization's name.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Students => "First Deposit Bank",
            Self::Private => "Harbour Private Bank",
            Self::Savings => "Savings Plus",
            Self::Bargains => "Second Look Finance",
            Self::Picky => "Selecta Credit",
            Self::Bulk => "Broad Street Bank",
        }
    }

    /// The buyer's mail domain.
    pub(crate) const fn domain(self) -> &'static str {
        match self {
            Self::Students => "first-deposit.example",
            Self::Private => "harbour-private.example",
            Self::Savings => "savings-plus.example",
            Self::Bargains => "second-look.example",
            Self::Picky => "selecta-credit.example",
            Self::Bulk => "broad-street.example",
        }
    }

    /// What it earns from a person who buys, in minor units: a share of the deposit, with a least amount.
    pub(crate) fn revenue_minor(balance: i64) -> i64 {
        balance.clamp(0, 50_000).saturating_mul(3).saturating_add(20_000)
    }

    /// What it wants of `offer`; `None` to pass.
    pub(crate) fn wish(self, offer: &Offer, dice: &mut Dice) -> Option<Wish> {
        let format = offer.format?;
        let young = matches!(offer.age_band.as_str(), "FROM_18" | "FROM_25") || offer.occupation == "STUDENT";
        match (self, format) {
            (Self::Students, SaleFormat::Fixed) if young => buy(SaleKind::Shared, offer.shared_minor, 2_600),
            (Self::Private, SaleFormat::Auction) if offer.balance >= 1_500 => {
                let worth =
                    1_500_i64.saturating_add(offer.balance.clamp(0, 20_000) / 4).saturating_add(offer.score.saturating_mul(15));
                bid(offer, None, Some(jitter(worth, dice)))
            }
            (Self::Savings, SaleFormat::Auction) if offer.score >= 40 => {
                bid(offer, Some(jitter(offer.score.saturating_mul(22), dice)), None)
            }
            (Self::Bargains, SaleFormat::Dutch) => {
                let worth = jitter(offer.score.saturating_mul(10).saturating_add(300), dice);
                buy(SaleKind::Exclusive, offer.exclusive_minor, worth)
            }
            (Self::Picky, SaleFormat::Fixed) if self.accepts(offer) => buy(SaleKind::Exclusive, offer.exclusive_minor, 6_000),
            (Self::Picky, SaleFormat::Auction) if self.accepts(offer) => bid(offer, None, Some(jitter(3_400, dice))),
            (Self::Bulk, SaleFormat::Fixed) if dice.chance(650) => buy(SaleKind::Shared, offer.shared_minor, 2_400),
            (Self::Bulk, SaleFormat::Auction) => {
                let low = jitter(1_150, dice);
                bid(offer, Some(low), Some(low.saturating_mul(2)))
            }
            _ => None,
        }
    }

    fn accepts(self, offer: &Offer) -> bool {
        self == Self::Picky && offer.education == "TERTIARY" && !offer.housing_loan && !offer.personal_loan && offer.score >= 55
    }
}

fn buy(kind: SaleKind, price_minor: Option<i64>, most_minor: i64) -> Option<Wish> {
    price_minor.filter(|price| *price <= most_minor).map(|_| Wish::Buy { kind, most_minor })
}

/// A bid on what the auction offers; `None` when it offers nothing of it, or only above the buyer's worth.
fn bid(offer: &Offer, shared_minor: Option<i64>, exclusive_minor: Option<i64>) -> Option<Wish> {
    let shared_minor = shared_minor.filter(|_| offer.shared_minor.is_some());
    let exclusive_minor = exclusive_minor.filter(|_| offer.exclusive_minor.is_some());
    (shared_minor.is_some() || exclusive_minor.is_some()).then_some(Wish::Bid { shared_minor, exclusive_minor })
}

/// An amount up to a fifth lower or higher.
fn jitter(amount: i64, dice: &mut Dice) -> i64 {
    amount.saturating_mul(i64::from(dice.between(80, 121))) / 100
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(format: SaleFormat) -> Offer {
        Offer {
            format: Some(format),
            shared_minor: Some(2_000),
            exclusive_minor: Some(4_000),
            score: 60,
            age_band: "FROM_25".to_owned(),
            occupation: "MANAGEMENT".to_owned(),
            education: "TERTIARY".to_owned(),
            balance: 5_000,
            ..Offer::default()
        }
    }

    fn who(offer: &Offer) -> Vec<Advertiser> {
        let wants = |advertiser: &Advertiser| advertiser.wish(offer, &mut Dice::of(1, "wish", 3)).is_some();
        ADVERTISERS.into_iter().filter(wants).collect()
    }

    #[test]
    fn appetites_differ() {
        use Advertiser::{Bargains, Bulk, Picky, Private, Savings, Students};
        assert_eq!(who(&offer(SaleFormat::Fixed)), [Students, Picky, Bulk]);
        assert_eq!(who(&offer(SaleFormat::Auction)), [Private, Savings, Picky, Bulk]);
        let cheap = Offer { exclusive_minor: Some(500), ..offer(SaleFormat::Dutch) };
        assert_eq!(who(&cheap), [Bargains]);
        assert_eq!(who(&offer(SaleFormat::Dutch)), []);
        let indebted = Offer { housing_loan: true, balance: 0, ..offer(SaleFormat::Auction) };
        assert_eq!(who(&indebted), [Savings, Bulk]);
    }

    #[test]
    fn nobody_bids_for_what_is_not_offered() {
        let exclusive_only = Offer { shared_minor: None, ..offer(SaleFormat::Auction) };
        assert!(Advertiser::Savings.wish(&exclusive_only, &mut Dice::of(1, "wish", 3)).is_none());
    }
}
