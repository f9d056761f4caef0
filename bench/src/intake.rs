//! Leads one by one through the graph: what a form or a partner's system sends.

use std::time::{Duration, Instant};

use bench_matching::median;
use futures::future::try_join_all;
use serde_json::{Value, json};

use crate::Failure;
use crate::figures::{ROUNDS, Report};
use crate::stage::{Company, Stage};

const SUBMIT: &str =
    "mutation ($input: LeadSubmitInput!) { leadSubmit(input: $input) { lead { id state } userErrors { code path } } }";

pub(crate) async fn measure(stage: &Stage, leads: u32, clients: u32, json: bool) -> Result<(), Failure> {
    let seller = stage.company("Agency").await?;
    let mut numbers = 0_u32..;
    let (mut alone, mut together) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        alone.push(round(stage, &seller, &mut numbers, leads, 1).await?);
        together.push(round(stage, &seller, &mut numbers, leads, clients.max(1)).await?);
    }
    let mut report = Report::new("intake", vec![format!("clearlead {}", env!("CARGO_PKG_VERSION"))]);
    for (clients, rates) in [(1, alone), (clients, together)] {
        report.figure(format!("leads, {clients} client(s), rounds of {leads}"), median(&rates), "1/s");
    }
    report.finish(json)
}

/// Leads a second.
async fn round(
    stage: &Stage,
    seller: &Company,
    numbers: &mut impl Iterator<Item = u32>,
    leads: u32,
    clients: u32,
) -> Result<f64, Failure> {
    let mut shares = vec![Vec::new(); usize::try_from(clients)?];
    let many = shares.len();
    for place in 0..usize::try_from(leads)? {
        if let Some(share) = shares.get_mut(place % many) {
            share.extend(numbers.next());
        }
    }
    let started = Instant::now();
    try_join_all(shares.into_iter().map(|share| submit_all(stage, seller, share))).await?;
    let took: Duration = started.elapsed();
    Ok(f64::from(leads) / took.as_secs_f64())
}

async fn submit_all(stage: &Stage, seller: &Company, numbers: Vec<u32>) -> Result<(), Failure> {
    for number in numbers {
        submit(stage, seller, number).await?;
    }
    Ok(())
}

/// Submits another person for each `number`; answers the lead's id.
pub(crate) async fn submit(stage: &Stage, seller: &Company, number: u32) -> Result<Value, Failure> {
    let variables = json!({ "input": person(number, &stage.app.now().to_rfc3339()) });
    let taken = stage.run(&seller.caller, "leadSubmit", SUBMIT, variables).await?;
    Ok(taken.pointer("/lead/id").cloned().ok_or("a lead without its id")?)
}

fn person(number: u32, now: &str) -> Value {
    json!({
        "vertical": "travel/tour",
        "contactKind": "INTERESTED",
        "interest": "CALLBACK",
        "contact": { "name": "Ana Alves", "phones": [format!("+35191{number:07}")], "emails": [format!("ana{number}@example.pt")] },
        "demographics": { "age": 41, "language": "pt" },
        "attributes": [{ "key": "destination_country", "value": "Greece" }, { "key": "nights", "value": "7" }, { "key": "adults", "value": "2" }],
        "geography": { "country": "PT", "city": "Porto" },
        "source": { "kind": "SEARCH_AD" },
        "consent": { "text": "Yes, call me about tours that fit my answers.", "capturedAt": now, "pageUrl": "https://tours.example/form" },
        "session": { "timeOnPageSecs": 60, "typedFields": 6, "honeypotFilled": false },
    })
}
