//! What a client says of listings.

use async_graphql::{Enum, ID, InputObject, OneofObject};
use domain::clearing::{Pricing, SaleKind};
use domain::lead::{Audience, ContactKind, Interest, SourceKind, Temperature};
use domain::listing::{AuctionDraft, DutchDraft, FixedDraft, ListingDraft, ListingState, SaleFormat, TermsDraft};
use domain::money::Money;
use domain::refusal::{Code, Refusal};
use domain::verification::Level;
use domain::vertical::VerticalPath;
use store::listings::{ListingFilter, ListingScope, ListingSort, PriceRange};

use crate::app::listings::{AttributeAsk, ListingBuy, ListingCreate, ListingRelist, ListingTakeDown, ListingWithdraw};
use crate::graphql::id::parse_id;
use crate::graphql::scalar::MoneyInput;
use crate::graphql::word::{Word, values};

/// A fixed cost per lead: a price for each kind of sale that is offered.
#[derive(Debug, Clone, InputObject)]
pub struct FixedTermsInput {
    /// The price of a shared copy; needed when `maxSales` is above 1.
    pub shared_price: Option<MoneyInput>,
    /// The price of the exclusive sale.
    pub exclusive_price: Option<MoneyInput>,
}

/// A sealed auction: a reserve for each kind of sale that is offered.
#[derive(Debug, Clone, InputObject)]
pub struct AuctionTermsInput {
    /// What a winner pays.
    pub pricing: Option<Word<Pricing>>,
    /// The least amount for a shared copy; needed when `maxSales` is above 1.
    pub shared_reserve: Option<MoneyInput>,
    /// The least amount for the exclusive sale.
    pub exclusive_reserve: Option<MoneyInput>,
    /// The price at which the exclusive sale ends the auction at once; not below `exclusiveReserve`.
    pub buy_now: Option<MoneyInput>,
}

/// A falling price. With `maxSales` 1 it sells the lead exclusively, above that shared copies.
#[derive(Debug, Clone, InputObject)]
pub struct DutchTermsInput {
    /// The price at the opening.
    pub start: MoneyInput,
    /// The price below which it does not fall; below `start`.
    pub floor: MoneyInput,
    /// By how much it falls.
    pub step: MoneyInput,
    /// How often it falls, in seconds.
    pub interval_secs: i64,
}

/// How a lead is sold: exactly one of these.
#[derive(Debug, Clone, OneofObject)]
pub enum ListingTermsInput {
    /// At a fixed cost per lead.
    Fixed(FixedTermsInput),
    /// To the best sealed bids at the closing time.
    Auction(AuctionTermsInput),
    /// At a price that falls until somebody takes it.
    Dutch(DutchTermsInput),
}

/// A lead to be listed.
#[derive(Debug, Clone, InputObject)]
pub struct ListingCreateInput {
    /// A VERIFIED lead of the caller's organization.
    pub lead_id: ID,
    /// How it is sold.
    pub terms: ListingTermsInput,
    /// The most copies to sell, 1 to 5; 1 is the exclusive sale.
    #[graphql(default = 1)]
    pub max_sales: i32,
    /// How long it is open, in seconds; as long as allowed when absent.
    pub open_secs: Option<i64>,
}

/// An ended listing whose lead is to be listed again; what is absent is as it was.
#[derive(Debug, Clone, InputObject)]
pub struct ListingRelistInput {
    /// The listing that ended.
    pub listing_id: ID,
    /// New terms.
    pub terms: Option<ListingTermsInput>,
    /// Another number of copies.
    pub max_sales: Option<i32>,
    /// Another time to be open, in seconds.
    pub open_secs: Option<i64>,
}

/// A listing to be taken back.
#[derive(Debug, Clone, InputObject)]
pub struct ListingWithdrawInput {
    /// An open listing of the caller's organization.
    pub listing_id: ID,
    /// Makes a repeated call answer like the first; at most 128 characters.
    pub idempotency_key: String,
}

/// A listing to be taken off the market by an operator.
#[derive(Debug, Clone, InputObject)]
pub struct ListingTakeDownInput {
    /// An open listing of anybody.
    pub listing_id: ID,
    /// Why, at most 500 characters; its seller and its bidders read it.
    pub reason: String,
    /// Makes a repeated call answer like the first; at most 128 characters.
    pub idempotency_key: String,
}

/// A purchase at the present price.
#[derive(Debug, Clone, InputObject)]
pub struct ListingBuyInput {
    /// The listing.
    pub listing_id: ID,
    /// What to buy.
    pub kind: Word<SaleKind>,
    /// The highest price that the buyer agrees to; the present one, whatever it is, when absent.
    pub max_price: Option<MoneyInput>,
    /// Makes a repeated call answer like the first; at most 128 characters.
    pub idempotency_key: String,
}

/// Which listings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "ListingScope", remote = "ListingScope")]
pub enum ListingScopeInput {
    /// Open listings.
    Market,
    /// The caller's own listings, in any state.
    Selling,
    /// Listings that the caller has bid for, in any state.
    Bidding,
    /// Listings from which the caller has bought, in any state.
    Bought,
}

/// The order of listings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "ListingSort", remote = "ListingSort")]
pub enum ListingSortInput {
    /// The youngest first.
    Newest,
    /// Those that close next first.
    ClosingSoon,
    /// The cheapest at this moment first.
    PriceUp,
    /// The dearest at this moment first.
    PriceDown,
    /// The best score first.
    ScoreDown,
}

/// A condition on one attribute: exactly one of `equals`, `in`, `min` with `max`, `missing`. Values are texts, read as the
/// vertical's schema says.
#[derive(Debug, Clone, InputObject)]
pub struct AttributeFilterInput {
    /// The key of a filterable attribute of the vertical, or a core key such as `age_band`.
    pub key: String,
    /// The value is this.
    pub equals: Option<String>,
    /// The value is one of these.
    #[graphql(name = "in")]
    pub one_of: Option<Vec<String>>,
    /// The value is at least this: numbers and days.
    pub min: Option<String>,
    /// The value is at most this: numbers and days.
    pub max: Option<String>,
    /// `true`: there is no value; `false`: there is one.
    pub missing: Option<bool>,
}

/// Prices in one currency, both ends included: what a copy costs at this moment, or the least reserve of an auction.
#[derive(Debug, Clone, InputObject)]
pub struct PriceFilterInput {
    /// The least.
    pub min: Option<MoneyInput>,
    /// The greatest.
    pub max: Option<MoneyInput>,
}

/// What a buyer looks for; everything that is given must hold.
#[derive(Debug, Clone, Default, InputObject)]
pub struct ListingFilterInput {
    /// Which listings; the market when absent.
    pub scope: Option<ListingScopeInput>,
    /// In one of these states.
    pub states: Option<Vec<Word<ListingState>>>,
    /// The path of a vertical: itself and everything below it.
    pub vertical: Option<String>,
    /// Conditions on attributes.
    pub attributes: Option<Vec<AttributeFilterInput>>,
    /// ISO 3166 codes of countries.
    pub countries: Option<Vec<String>>,
    /// Regions.
    pub regions: Option<Vec<String>>,
    /// Cities.
    pub cities: Option<Vec<String>>,
    /// For whom the lead stands.
    pub audiences: Option<Vec<Word<Audience>>>,
    /// Where the lead came from.
    pub sources: Option<Vec<Word<SourceKind>>>,
    /// How much contact data there is.
    pub contact_kinds: Option<Vec<Word<ContactKind>>>,
    /// What the person asked for.
    pub interests: Option<Vec<Word<Interest>>>,
    /// How near the person is to buying.
    pub temperatures: Option<Vec<Word<Temperature>>>,
    /// How far the lead is verified.
    pub levels: Option<Vec<Word<Level>>>,
    /// The least score.
    pub min_score: Option<i32>,
    /// The greatest score.
    pub max_score: Option<i32>,
    /// How it is sold.
    pub formats: Option<Vec<Word<SaleFormat>>>,
    /// What it costs.
    pub price: Option<PriceFilterInput>,
    /// The highest expected share of bad trades of the seller, in basis points, rounded down to a whole percent.
    pub max_seller_bad_trades_bp: Option<i32>,
}

impl ListingTermsInput {
    fn draft(&self) -> Result<TermsDraft, Vec<Refusal>> {
        let draft = match self {
            Self::Fixed(fixed) => fixed.draft().map_err(|refusals| within("fixed", refusals)),
            Self::Auction(auction) => auction.draft().map_err(|refusals| within("auction", refusals)),
            Self::Dutch(dutch) => dutch.draft().map_err(|refusals| within("dutch", refusals)),
        };
        draft.map_err(|refusals| within("terms", refusals))
    }
}

impl FixedTermsInput {
    fn draft(&self) -> Result<TermsDraft, Vec<Refusal>> {
        let amounts = amounts([("sharedPrice", &self.shared_price), ("exclusivePrice", &self.exclusive_price)])?;
        let [shared_price, exclusive_price] = amounts;
        Ok(TermsDraft::Fixed(FixedDraft { shared_price, exclusive_price }))
    }
}

impl AuctionTermsInput {
    fn draft(&self) -> Result<TermsDraft, Vec<Refusal>> {
        self.auction().map(TermsDraft::Auction)
    }

    /// The terms of the auction, or every refusal with its place.
    pub(in crate::graphql) fn auction(&self) -> Result<AuctionDraft, Vec<Refusal>> {
        let pricing = self.pricing.map_or(Pricing::SecondPrice, |word| word.0);
        let [shared_reserve, exclusive_reserve, buy_now] = amounts([
            ("sharedReserve", &self.shared_reserve),
            ("exclusiveReserve", &self.exclusive_reserve),
            ("buyNow", &self.buy_now),
        ])?;
        Ok(AuctionDraft { pricing, shared_reserve, exclusive_reserve, buy_now })
    }
}

impl DutchTermsInput {
    fn draft(&self) -> Result<TermsDraft, Vec<Refusal>> {
        let parsed = [("start", &self.start), ("floor", &self.floor), ("step", &self.step)].map(|(field, m)| m.positive(field));
        match parsed {
            [Ok(start), Ok(floor), Ok(step)] => {
                Ok(TermsDraft::Dutch(DutchDraft { start, floor, step, interval_secs: self.interval_secs }))
            }
            refused => Err(refused.into_iter().filter_map(Result::err).collect()),
        }
    }
}

impl ListingCreateInput {
    /// The use case's input, or every refusal with its place.
    pub(super) fn parse(&self) -> Result<ListingCreate, Vec<Refusal>> {
        let lead = parse_id(&self.lead_id, "leadId").map_err(|refusal| vec![refusal]);
        let draft = |terms| ListingDraft { terms, max_sales: self.max_sales.into(), open_secs: self.open_secs };
        match (lead, self.terms.draft()) {
            (Ok(lead), Ok(terms)) => Ok(ListingCreate { lead, draft: draft(terms) }),
            (lead, terms) => Err(lead.err().into_iter().chain(terms.err()).flatten().collect()),
        }
    }
}

impl ListingRelistInput {
    /// The use case's input, or every refusal with its place.
    pub(super) fn parse(&self) -> Result<ListingRelist, Vec<Refusal>> {
        Ok(ListingRelist {
            listing: parse_id(&self.listing_id, "listingId")?,
            terms: self.terms.as_ref().map(ListingTermsInput::draft).transpose()?,
            max_sales: self.max_sales.map(i64::from),
            open_secs: self.open_secs,
        })
    }
}

impl ListingWithdrawInput {
    /// The use case's input, or the refusal with its place.
    pub(super) fn parse(self) -> Result<ListingWithdraw, Refusal> {
        Ok(ListingWithdraw { listing: parse_id(&self.listing_id, "listingId")?, idempotency_key: self.idempotency_key })
    }
}

impl ListingTakeDownInput {
    /// The use case's input, or the refusal with its place.
    pub(super) fn parse(self) -> Result<ListingTakeDown, Refusal> {
        let Self { listing_id, reason, idempotency_key } = self;
        Ok(ListingTakeDown { listing: parse_id(&listing_id, "listingId")?, reason, idempotency_key })
    }
}

impl ListingBuyInput {
    /// The use case's input, or the refusal with its place.
    pub(super) fn parse(self) -> Result<ListingBuy, Refusal> {
        Ok(ListingBuy {
            listing: parse_id(&self.listing_id, "listingId")?,
            kind: self.kind.0,
            max_price: self.max_price.map(|price| price.positive("maxPrice")).transpose()?,
            idempotency_key: self.idempotency_key,
        })
    }
}

impl ListingFilterInput {
    /// The filter without its attributes, and what is asked of those.
    pub fn parse(self) -> Result<(ListingFilter, Vec<AttributeAsk>), Refusal> {
        let path = |text: String| text.parse::<VerticalPath>().map(|path| path.to_string());
        let vertical_path = self.vertical.map(path).transpose();
        let filter = ListingFilter {
            scope: self.scope.map(ListingScope::from).unwrap_or_default(),
            ids: Vec::new(),
            states: values(self.states.unwrap_or_default()),
            vertical_path: vertical_path.map_err(|_| Refusal::invalid("vertical", "not a vertical's path"))?,
            attributes: Vec::new(),
            countries: self.countries.unwrap_or_default(),
            regions: self.regions.unwrap_or_default(),
            cities: self.cities.unwrap_or_default(),
            audiences: values(self.audiences.unwrap_or_default()),
            sources: values(self.sources.unwrap_or_default()),
            contact_kinds: values(self.contact_kinds.unwrap_or_default()),
            interests: values(self.interests.unwrap_or_default()),
            temperatures: values(self.temperatures.unwrap_or_default()),
            levels: values(self.levels.unwrap_or_default()),
            min_score: self.min_score.map(i64::from),
            max_score: self.max_score.map(i64::from),
            formats: values(self.formats.unwrap_or_default()),
            price: self.price.as_ref().map(PriceFilterInput::parse).transpose()?,
            max_seller_bad_bp: self.max_seller_bad_trades_bp.map(i64::from),
        };
        Ok((filter, self.attributes.unwrap_or_default().into_iter().map(AttributeAsk::from).collect()))
    }
}

impl From<AttributeFilterInput> for AttributeAsk {
    fn from(input: AttributeFilterInput) -> Self {
        let AttributeFilterInput { key, equals, one_of, min, max, missing } = input;
        Self { key, equals, one_of, min, max, missing }
    }
}

impl PriceFilterInput {
    fn parse(&self) -> Result<PriceRange, Refusal> {
        let amount = |money: &Option<MoneyInput>, field| money.as_ref().map(|money| money.parse(field)).transpose();
        let (min, max) = (amount(&self.min, "min"), amount(&self.max, "max"));
        let (min, max) = (min.map_err(|refusal| refusal.at("price"))?, max.map_err(|refusal| refusal.at("price"))?);
        let currency = min.or(max).map(|money| money.currency);
        let currency = currency.ok_or_else(|| Refusal::new(Code::Required, "set `min`, `max` or both").at("price"))?;
        if [min, max].into_iter().flatten().any(|money| money.currency != currency) {
            return Err(Refusal::new(Code::CurrencyMismatch, "both ends are in one currency").at("max").at("price"));
        }
        Ok(PriceRange { currency, min_minor: min.map(|money| money.minor), max_minor: max.map(|money| money.minor) })
    }
}

/// Each amount that is given, or every refusal.
fn amounts<const N: usize>(given: [(&str, &Option<MoneyInput>); N]) -> Result<[Option<Money>; N], Vec<Refusal>> {
    let mut refusals = Vec::new();
    let parsed = given.map(|(field, amount)| {
        let money = amount.as_ref().map(|amount| amount.positive(field)).transpose();
        money.unwrap_or_else(|refusal| {
            refusals.push(refusal);
            None
        })
    });
    if refusals.is_empty() { Ok(parsed) } else { Err(refusals) }
}

fn within(field: &str, refusals: Vec<Refusal>) -> Vec<Refusal> {
    refusals.into_iter().map(|refusal| refusal.at(field)).collect()
}
