//! A market with a great many open listings, written in bulk: what stands in the rows is what the exchange itself writes.

use chrono::TimeDelta;
use domain::id::{LeadId, ListingId, OrganizationId, VerticalId};
use domain::listing::Terms;
use domain::time::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::EntityTrait;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use store::WriteError;
use store::entity::{lead, listing, reputation};

use crate::Failure;
use crate::stage::Stage;

/// Where the leads are; the page is about the first.
pub(super) const VERTICALS: [&str; 4] = ["travel/tour", "insurance/auto/comprehensive", "finance/deposit", "travel/flight"];
const COUNTRIES: [&str; 4] = ["PT", "DE", "ES", "FR"];
const CITIES: [&str; 4] = ["Porto", "Berlin", "Sevilla", "Lyon"];
const SELLERS: u32 = 40;
/// Rows in one statement.
const BATCH: u32 = 500;

/// What the rows have in common.
struct Market {
    sellers: Vec<OrganizationId>,
    verticals: Vec<VerticalId>,
    checks: Value,
    now: Timestamp,
}

/// Fills the market; answers the access token of somebody who looks at it.
pub(super) async fn fill(stage: &Stage, listings: u32) -> Result<String, Failure> {
    let mut sellers = Vec::new();
    for number in 0..SELLERS {
        sellers.push(stage.company(&format!("Agency{number}")).await?.organization);
    }
    let paths = stage.app.store.vertical_paths().await?;
    let found = |path: &&str| paths.iter().find(|(_, known)| known == path).map(|(id, _)| *id);
    let verticals: Vec<VerticalId> = VERTICALS.iter().filter_map(found).collect();
    if verticals.len() != VERTICALS.len() {
        return Err("a vertical of the starter set is missing".into());
    }
    let now = stage.app.now();
    let check = |kind: &str, evidence: Value| json!({ "kind": kind, "outcome": "PASS", "evidence": evidence, "at": now });
    let checks = json!([
        check("NAME", json!({})),
        check("PHONE", json!({ "type": "MOBILE", "country": "PT" })),
        check("EMAIL_SYNTAX", json!({ "domain": "KNOWN" })),
        check("CONSENT", json!({ "age": "FRESH" })),
        check("DUPLICATE", json!({})),
    ]);
    let market = Market { sellers, verticals, checks, now };
    reputations(stage, &market).await?;
    for start in (0..listings).step_by(usize::try_from(BATCH)?) {
        batch(stage, &market, start..listings.min(start.saturating_add(BATCH))).await?;
    }
    Ok(stage.company("Viewer").await?.access_token.expose_secret().to_owned())
}

async fn reputations(stage: &Stage, market: &Market) -> Result<(), Failure> {
    let rows = (1_i64..).zip(&market.sellers).map(|(number, seller)| reputation::ActiveModel {
        organization_id: Set(seller.0),
        side: Set("SELLER".to_owned()),
        trades: Set(number * 17),
        upheld: Set(number % 5),
        rejected: Set(number % 3),
        updated_at: Set(market.now),
        version: Set(0),
    });
    let rows: Vec<_> = rows.collect();
    let done: Result<(), WriteError> = stage
        .app
        .store
        .write("bench_reputations", move |tx| {
            let rows = rows.clone();
            async move {
                reputation::Entity::insert_many(rows).exec_without_returning(tx.db()).await?;
                Ok(())
            }
        })
        .await;
    Ok(done?)
}

async fn batch(stage: &Stage, market: &Market, numbers: std::ops::Range<u32>) -> Result<(), Failure> {
    let mut leads = Vec::new();
    let mut listings = Vec::new();
    for number in numbers {
        let lead: LeadId = stage.app.store.id();
        leads.push(lead_of(market, number, lead)?);
        listings.push(listing_of(market, number, stage.app.store.id(), lead)?);
    }
    let done: Result<(), WriteError> = stage
        .app
        .store
        .write("bench_listings", move |tx| {
            let (leads, listings) = (leads.clone(), listings.clone());
            async move {
                lead::Entity::insert_many(leads).exec_without_returning(tx.db()).await?;
                listing::Entity::insert_many(listings).exec_without_returning(tx.db()).await?;
                Ok(())
            }
        })
        .await;
    Ok(done?)
}

fn lead_of(market: &Market, number: u32, id: LeadId) -> Result<lead::ActiveModel, Failure> {
    let spread = number.wrapping_mul(2_654_435_761);
    let nights = 3_u32.saturating_add(spread % 18);
    let attributes = json!({
        "destination_country": one_of(&["Greece", "Turkey", "Italy", "Croatia"], spread >> 8)?, "resort": "Anywhere by the sea",
        "nights": nights, "adults": 2, "hot_tour": number.is_multiple_of(7),
        "age_band": one_of(&["FROM_25", "FROM_35", "FROM_45"], spread >> 12)?, "language": "pt",
    });
    Ok(lead::ActiveModel {
        id: Set(id.0),
        seller_id: Set(one_of(&market.sellers, spread >> 4)?.0),
        vertical_id: Set(one_of(&market.verticals, spread >> 16)?.0),
        vertical_version: Set(1),
        audience: Set("CONSUMER".to_owned()),
        contact_kind: Set("INTERESTED".to_owned()),
        interest: Set("CALLBACK".to_owned()),
        offering: Set("CONSUMER_DEMOGRAPHIC".to_owned()),
        target_id: Set(None),
        source_kind: Set("SEARCH_AD".to_owned()),
        consent_kind: Set("TEXT".to_owned()),
        source: Set(json!({ "kind": "SEARCH_AD" })),
        spend_minor: Set(None),
        currency: Set(None),
        country: Set(one_of(&COUNTRIES, spread >> 20)?.to_owned()),
        region: Set(Some("North".to_owned())),
        city: Set(Some(one_of(&CITIES, spread >> 20)?.to_owned())),
        attributes: Set(attributes),
        channels: Set(json!([])),
        consent: Set(json!({ "text": "Yes, call me about tours that fit my answers." })),
        session: Set(json!({})),
        seller_reference: Set(None),
        fingerprint: Set(id.0.as_bytes().to_vec()),
        import_id: Set(None),
        import_line: Set(None),
        synthetic: Set(true),
        state: Set("VERIFIED".to_owned()),
        level: Set("REACHABLE".to_owned()),
        score: Set(i64::from(spread >> 24) % 101),
        temperature: Set("WARM".to_owned()),
        score_reasons: Set(json!([])),
        checks: Set(market.checks.clone()),
        drawn: Set(false),
        score_due_at: Set(None),
        captured_at: Set(market.now),
        dated: Set(true),
        created_at: Set(market.now),
        updated_at: Set(market.now),
        version: Set(0),
    })
}

fn listing_of(market: &Market, number: u32, id: ListingId, lead: LeadId) -> Result<listing::ActiveModel, Failure> {
    let spread = number.wrapping_mul(2_654_435_761);
    let (shared_minor, exclusive_minor) = (i64::from(300 + spread % 700), i64::from(1_500 + spread % 3_000));
    let terms = Terms::Fixed { shared_minor: Some(shared_minor), exclusive_minor: Some(exclusive_minor) };
    // They close one after another over five days, in no relation to when they were opened.
    let closes_at = market.now.checked_add_signed(TimeDelta::seconds(172_800 + i64::from(spread % 432_000)));
    Ok(listing::ActiveModel {
        id: Set(id.0),
        lead_id: Set(lead.0),
        seller_id: Set(one_of(&market.sellers, spread >> 4)?.0),
        vertical_id: Set(one_of(&market.verticals, spread >> 16)?.0),
        format: Set("FIXED".to_owned()),
        terms: Set(serde_json::to_value(terms)?),
        currency: Set("EUR".to_owned()),
        price_minor: Set(shared_minor),
        max_sales: Set(3),
        sold_count: Set(0),
        sold_exclusive: Set(false),
        state: Set("OPEN".to_owned()),
        opens_at: Set(market.now),
        closes_at: Set(closes_at.ok_or("a clock at the end of time")?),
        ended_at: Set(None),
        relisted_from: Set(None),
        taken_down_for: Set(None),
        created_by: Set(None),
        created_at: Set(market.now),
        version: Set(0),
    })
}

fn one_of<T: Copy>(values: &[T], number: u32) -> Result<T, Failure> {
    let many = u32::try_from(values.len())?.max(1);
    Ok(values.get(usize::try_from(number % many)?).copied().ok_or("nothing to choose from")?)
}
