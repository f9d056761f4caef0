//! Campaigns of about six conditions, and pings of which each meets some of them.

use std::collections::{BTreeMap, BTreeSet};

use api::app::api_key::{ApiKeyCreate, api_key_create};
use api::app::campaigns::book::Offered;
use api::app::campaigns::follow::book;
use api::app::offers::{LeadPing, OfferTerms, lead_ping};
use api::app::staff::{StaffAdd, staff_add};
use api::app::wallet::{DepositRecord, deposit_record};
use domain::access::{Permission, Principal, StaffRole};
use domain::campaign::{
    AmountsDraft, Ask, AttributeAsk, ConsentKind, Facts, Field, Predicate, Scalar, TermsDraft, Test, Traits, terms,
};
use domain::clearing::{Auction, Pricing};
use domain::lead::{
    Audience, ContactDraft, ContactKind, Demographics, Firmographics, Gender, Geography, Interest, LeadDraft, Offering, Source,
    SourceKind,
};
use domain::listing::AuctionDraft;
use domain::money::{Currency, Money};
use domain::vertical::{AttributeValue, VerticalPath};
use secrecy::SecretString;
use serde_json::{Value, json};
use store::WriteError;
use store::campaigns::NewCampaign;

use crate::Failure;
use crate::stage::{Company, Stage, caller};

const VERTICAL: &str = "travel/tour";
const BUYERS: u32 = 100;
/// Campaigns in one transaction.
const TOGETHER: u32 = 2_000;

const COUNTRIES: &[&str] = &["PT", "ES", "FR", "DE", "IT", "NL", "NO", "SE", "PL", "GB"];
const PLACES: &[&str] =
    &["Greece", "Norway", "Italy", "Spain", "Egypt", "Japan", "Cuba", "Malta", "Cyprus", "Turkey", "Kenya", "Peru"];
const AGES: &[&str] = &["FROM_18", "FROM_25", "FROM_35", "FROM_45", "FROM_55", "FROM_65"];

/// A seller, and the campaigns that it meets.
pub(super) struct Market {
    /// The key with which the seller pings over HTTP.
    pub(super) key: SecretString,
    seller: Company,
}

/// What decides one campaign or one ping: SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        u32::try_from((z ^ (z >> 31)) % u64::from(bound.max(1))).unwrap_or(0)
    }

    fn of(&mut self, words: &[&'static str]) -> &'static str {
        let place = self.below(u32::try_from(words.len()).unwrap_or(1));
        usize::try_from(place).ok().and_then(|place| words.get(place)).copied().unwrap_or_default()
    }
}

impl Market {
    /// Makes the buyers with their money, the campaigns, and the seller.
    pub(super) async fn fill(stage: &Stage, campaigns: u32) -> Result<Self, Failure> {
        let operator = StaffAdd {
            email: "operator@bench.example".to_owned(),
            name: "Olga Operator".to_owned(),
            role: StaffRole::Operator,
            password: "correct horse battery".into(),
            existing: false,
        };
        let (user, _) = staff_add(&stage.app, operator).await?;
        let operator = caller(Principal::Staff { user, role: StaffRole::Operator });
        let mut buyers = Vec::new();
        for number in 0..BUYERS {
            let buyer = stage.company(&format!("Buyer{number}")).await?;
            let amount = Money::new(100_000_000, Currency::EUR);
            let input = DepositRecord { organization: buyer.organization, amount, bank_reference: format!("{number}") };
            deposit_record(&stage.app, &operator, &format!("deposit-{number}"), input).await?;
            buyers.push(buyer.organization);
        }
        let path: VerticalPath = VERTICAL.parse()?;
        let vertical = stage.app.store.vertical_at(&path).await?.ok_or("no vertical to order from")?;
        let schemas = stage.app.store.attributes_filterable(Some(VERTICAL)).await?;
        let mut made = Vec::with_capacity(usize::try_from(campaigns)?);
        for (number, buyer) in (0..campaigns).zip(buyers.iter().cycle()) {
            let terms = terms(&order(number), Currency::EUR, &schemas).map_err(|refusals| format!("{refusals:?}"))?;
            let (organization, vertical) = (*buyer, vertical.id);
            let name = format!("Order {number}");
            made.push(NewCampaign { organization, vertical, name, currency: Currency::EUR, terms, created_by: None });
        }
        for together in made.chunks(usize::try_from(TOGETHER)?) {
            let written = stage.app.store.write("bench_campaigns", |tx| async move {
                for new in together {
                    tx.campaign_insert(new).await?;
                }
                Ok::<_, WriteError>(())
            });
            written.await?;
        }
        let seller = stage.company("Agency").await?;
        let scopes = vec![Permission::ListingsWrite, Permission::LeadsWrite, Permission::MarketRead];
        let key = ApiKeyCreate { name: "Pings".to_owned(), scopes, test: false, expires_at: None };
        let (_, token) = api_key_create(&stage.app, &seller.caller, key).await?;
        Ok(Self { key: token.secret, seller })
    }

    /// Pings through the use case.
    pub(super) async fn ping(&self, stage: &Stage, number: u32) -> Result<(), Failure> {
        let auction = AuctionDraft {
            pricing: Pricing::SecondPrice,
            shared_reserve: None,
            exclusive_reserve: Some(Money::new(500, Currency::EUR)),
            buy_now: None,
        };
        let ping = LeadPing {
            draft: draft(number),
            consent: ConsentKind::Text,
            digests: vec![digest(u64::from(number) | 1 << 40)],
            terms: OfferTerms { auction, max_sales: 1 },
        };
        lead_ping(&stage.app, &self.seller.caller, ping).await?;
        Ok(())
    }

    /// Finds the candidates of a ping in the book, and nothing else.
    pub(super) async fn pick(&self, stage: &Stage, number: u32) -> Result<usize, Failure> {
        let (lead, now) = (draft(number), stage.app.now());
        let attributes: BTreeMap<String, AttributeValue> = lead.attributes.into_iter().chain(core(number)).collect();
        let traits = Traits {
            audience: lead.audience,
            contact_kind: lead.contact_kind,
            interest: lead.interest,
            source: lead.source.kind,
            consent: ConsentKind::Text,
            country: lead.geography.country.as_deref().unwrap_or_default(),
            region: None,
            city: None,
            postal_code: None,
            attributes: &attributes,
            temperature: None,
            score: None,
            level: None,
            seller: self.seller.organization,
            seller_bad_bp: 0,
            captured_at: Some(now),
        };
        let (vertical, facts) = (VERTICAL.parse()?, Facts::of(&traits, now));
        let offered = Offered {
            vertical: &vertical,
            currency: Currency::EUR,
            facts: &facts,
            subject: self.seller.organization.0,
            seller: self.seller.organization,
            target: None,
        };
        let auction = Auction {
            pricing: Pricing::SecondPrice,
            max_sales: 1,
            shared_reserve_minor: None,
            exclusive_reserve_minor: Some(500),
        };
        Ok(book(&stage.app).await?.picks(&offered, &auction, &BTreeMap::new(), now).picks.len())
    }
}

/// The body of a ping over HTTP.
pub(super) fn body(number: u64) -> Value {
    const PING: &str = "mutation Ping($input: LeadPingInput!) { leadPing(input: $input) {
        offer { id kind copies net { amount currencyCode } expiresAt } userErrors { code message path } } }";
    let lead = draft(u32::try_from(number % u64::from(u32::MAX)).unwrap_or(0));
    let attributes: Vec<Value> =
        lead.attributes.iter().map(|(key, value)| json!({ "key": key, "value": value.to_string() })).collect();
    let input = json!({
        "lead": {
            "vertical": VERTICAL, "contactKind": "INTERESTED", "interest": "CALLBACK",
            "demographics": { "age": lead.demographics.age, "gender": lead.demographics.gender },
            "attributes": attributes, "geography": { "country": lead.geography.country }, "source": { "kind": "SEARCH_AD" },
        },
        "consent": "TEXT",
        "digests": [digest(number)],
        "terms": { "exclusiveReserve": { "amount": "5.00", "currencyCode": "EUR" } },
    });
    json!({ "query": PING, "operationName": "Ping", "variables": { "input": input } })
}

/// A digest of nobody.
fn digest(number: u64) -> String {
    format!("{number:064x}")
}

/// Each condition leaves out a half to nine tenths; together about one campaign of 1,000 is met.
fn order(number: u32) -> TermsDraft {
    let mut chance = Chance(u64::from(number) << 8);
    let one = |key: &str, words: &[&str]| {
        let one_of = Some(words.iter().map(|word| (*word).to_owned()).collect());
        Ask::Attribute(AttributeAsk { key: key.to_owned(), one_of, ..AttributeAsk::default() })
    };
    let countries: BTreeSet<Scalar> = (0..2).map(|_| Scalar::Text(chance.of(COUNTRIES).to_owned())).collect();
    let from = 1 + chance.below(20);
    let range = |key: &str, min: u32, max: u32| {
        let bound = |value: u32| Some(value.to_string());
        Ask::Attribute(AttributeAsk { key: key.to_owned(), min: bound(min), max: bound(max), ..AttributeAsk::default() })
    };
    let filter = Ask::All(vec![
        Ask::Is(Predicate { field: Field::Country, test: Test::OneOf(countries) }),
        one("gender", &[chance.of(&["FEMALE", "MALE"])]),
        one("age_band", &[chance.of(AGES), chance.of(AGES)]),
        one("destination_country", &[chance.of(PLACES), chance.of(PLACES)]),
        range("nights", from, from + 8),
        range("adults", 1, 1 + chance.below(4)),
    ]);
    let exclusive = Money::new(i64::from(500 + chance.below(3_000)), Currency::EUR);
    TermsDraft {
        filter: Some(filter),
        rules: Vec::new(),
        price: AmountsDraft { shared: None, exclusive: Some(exclusive) },
        caps: Vec::new(),
        throttle_per_minute: None,
        zone: "Europe/Lisbon".to_owned(),
        schedule: Vec::new(),
        duplicate_window_secs: None,
        trial_leads: None,
        share_bp: 10_000,
        tie_weight: 1,
        pause_after_failures: None,
        call_out: None,
    }
}

fn draft(number: u32) -> LeadDraft {
    let mut chance = Chance((u64::from(number) << 8) | 1);
    let attributes = [
        ("destination_country", AttributeValue::text(chance.of(PLACES))),
        ("nights", AttributeValue::Int((1 + chance.below(28)).into())),
        ("adults", AttributeValue::Int((1 + chance.below(4)).into())),
    ];
    LeadDraft {
        vertical: VERTICAL.to_owned(),
        audience: Audience::Consumer,
        contact_kind: ContactKind::Interested,
        interest: Interest::Callback,
        offering: Offering::ConsumerDemographic,
        target_organization: None,
        contact: ContactDraft::default(),
        demographics: Demographics {
            age: u8::try_from(18 + chance.below(60)).ok(),
            gender: Some(if chance.below(2) == 0 { Gender::Female } else { Gender::Male }),
            ..Demographics::default()
        },
        firmographics: Firmographics::default(),
        attributes: attributes.map(|(key, value)| (key.to_owned(), value)).into(),
        geography: Geography { country: Some(chance.of(COUNTRIES).to_owned()), ..Geography::default() },
        source: Source::of(SourceKind::SearchAd),
        consent: None,
        session: Default::default(),
        comments: None,
        call_me_at: None,
        seller_reference: None,
        captured_at: None,
        synthetic: false,
    }
}

/// The attributes that every lead has, as a ping shows them.
fn core(number: u32) -> Vec<(String, AttributeValue)> {
    let demographics = draft(number).demographics;
    let age = domain::lead::AgeBand::of(demographics.age.unwrap_or(40)).as_str();
    let gender = demographics.gender.map_or("OTHER", Gender::as_str);
    vec![("age_band".to_owned(), AttributeValue::text(age)), ("gender".to_owned(), AttributeValue::text(gender))]
}
