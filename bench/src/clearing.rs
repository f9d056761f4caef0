//! How late an auction is cleared: the time between its close and the commit that clears it, on an exchange with nothing else
//! to do.

use std::time::Duration;

use api::app::staff::{StaffAdd, staff_add};
use api::workers;
use bench_matching::quantile;
use chrono::{DateTime, Utc};
use domain::access::{Principal, StaffRole};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::figures::Report;
use crate::stage::{Stage, caller};
use crate::{Failure, intake};

const LIST: &str =
    "mutation ($input: ListingCreateInput!) { listingCreate(input: $input) { listing { id } userErrors { code path message } } }";
const BID: &str = "mutation ($input: BidPlaceInput!) { bidPlace(input: $input) { bid { id } userErrors { code path message } } }";
const DEPOSIT: &str =
    "mutation ($input: DepositRecordInput!) { depositRecord(input: $input) { deposit { id } userErrors { code path message } } }";
const LISTING: &str = "query ($id: ID!) { listing(id: $id) { state closesAt endedAt } }";

/// The auctions close one after another, so far apart that no poll serves two.
const APART: Duration = Duration::from_millis(730);

/// How long an auction is open, in seconds.
const OPEN_SECS: u32 = 3;

pub(crate) async fn measure(stage: &Stage, auctions: u32, json: bool) -> Result<(), Failure> {
    let (seller, buyer) = (stage.company("Agency").await?, stage.company("Buyer").await?);
    let operator = StaffAdd {
        email: "operator@bench.example".to_owned(),
        name: "Olga Operator".to_owned(),
        role: StaffRole::Operator,
        password: "correct horse battery".into(),
        existing: false,
    };
    let (user, _) = staff_add(&stage.app, operator).await?;
    let operator = caller(Principal::Staff { user, role: StaffRole::Operator });
    let euros = |amount: &str| json!({ "amount": amount, "currencyCode": "EUR" });
    let deposit = json!({ "input": { "organizationId": buyer.organization.to_string(), "amount": euros("1000000"),
        "bankReference": "bench", "idempotencyKey": "bench" } });
    stage.run(&operator, "depositRecord", DEPOSIT, deposit).await?;
    let stop = CancellationToken::new();
    let mut running = workers::start(&stage.app, &stop).await?;
    let mut listings = Vec::new();
    for number in 0..auctions {
        let lead = intake::submit(stage, &seller, number).await?;
        let terms = json!({ "auction": { "exclusiveReserve": euros("5") } });
        let create = json!({ "input": { "leadId": lead, "maxSales": 1, "openSecs": OPEN_SECS, "terms": terms } });
        let listing = stage.run(&seller.caller, "listingCreate", LIST, create).await?;
        let id = listing.pointer("/listing/id").cloned().ok_or("a listing without its id")?;
        let bid = json!({ "input": { "listingId": id, "exclusive": euros("9"), "idempotencyKey": format!("{number}") } });
        stage.run(&buyer.caller, "bidPlace", BID, bid).await?;
        listings.push(id);
        tokio::time::sleep(APART).await;
    }
    tokio::time::sleep(Duration::from_secs(u64::from(OPEN_SECS).saturating_add(2))).await;
    let mut late = Vec::new();
    for id in listings {
        let listing = stage.run(&seller.caller, "listing", LISTING, json!({ "id": id })).await?;
        late.push(lateness(&listing)?);
    }
    stop.cancel();
    while running.join_next().await.is_some() {}
    let mut report = Report::new("clearing", Vec::new());
    for (name, share) in [("median", 0.5), ("p95", 0.95), ("worst", 1.0)] {
        report.figure(format!("{} auctions cleared late, {name}", late.len()), quantile(&late, share), "ms");
    }
    report.finish(json)
}

/// In milliseconds.
fn lateness(listing: &Value) -> Result<f64, Failure> {
    let instant = |field: &str| -> Result<DateTime<Utc>, Failure> {
        let text = listing.get(field).and_then(Value::as_str).ok_or_else(|| format!("no {field}: {listing}"))?;
        Ok(text.parse()?)
    };
    Ok(instant("endedAt")?.signed_duration_since(instant("closesAt")?).as_seconds_f64() * 1_000.0)
}
