//! Live bids: campaigns that name an endpoint are asked for their price, all at once, against the clock.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::campaign::{Amounts, CallOut};
use domain::id::CampaignId;
use domain::money::{Currency, Money};
use domain::offer::Ping;
use futures::future::join_all;
use serde_json::{Value, json};

use crate::app::campaigns::book::Pick;
use crate::app::campaigns::follow::campaign_delivered;
use crate::app::{App, AppError};
use crate::ports::CallOutError;

/// What the endpoints said: what each campaign bids, or that it did not say in time.
pub(super) type Answers = BTreeMap<CampaignId, Option<Amounts>>;

/// Asks those of `picks` that name an endpoint and were not asked for this lead before. One whose endpoint has failed again and
/// again is left alone for a while: it has not answered in time.
pub(super) async fn live_bids(app: &App, picks: &[Pick], ping: &Ping, answers: &mut Answers) -> Result<(), AppError> {
    let settings = &app.config.campaigns;
    let asked = picks.iter().filter(|pick| !answers.contains_key(&pick.campaign));
    let asked: Vec<(Pick, CallOut)> =
        asked.filter_map(|pick| Some((*pick, app.book.campaign(pick.campaign)?.standing.terms.call_out?))).collect();
    if asked.is_empty() {
        return Ok(());
    }
    let now = app.now();
    let (open, closed): (Vec<_>, Vec<_>) = asked.into_iter().partition(|(pick, _)| app.book.may_ask(pick.campaign, now));
    answers.extend(closed.into_iter().map(|(pick, _)| (pick.campaign, None)));
    let whole = Duration::from_millis(settings.ping_millis);
    let asks = open.iter().map(|(pick, call_out)| async move {
        let deadline = Duration::from_millis(call_out.deadline_millis.into()).min(whole);
        let answer = app.call_outs.ask(&call_out.url, &question(pick, ping, call_out), deadline).await;
        (pick, answer.and_then(|answer| bid(&answer, pick)))
    });
    for (pick, answer) in join_all(asks).await {
        let failed = answer.is_err();
        metrics::counter!("clearlead_call_outs", "outcome" => outcome(&answer)).increment(1);
        app.book.answered(pick.campaign, failed, now, settings.call_out_failures_max, settings.call_out_pause_secs);
        campaign_delivered(app, app.book.campaign(pick.campaign), failed).await?;
        answers.insert(pick.campaign, answer.ok());
    }
    Ok(())
}

/// What is asked: what the ping shows, and no hash of who it is.
fn question(pick: &Pick, ping: &Ping, call_out: &CallOut) -> Value {
    let most = |minor: Option<i64>| minor.map(|minor| Money::new(minor, pick.currency).decimal());
    json!({
        "campaignId": pick.campaign,
        "currencyCode": pick.currency,
        "lead": ping,
        "most": { "shared": most(pick.amounts.shared_minor), "exclusive": most(pick.amounts.exclusive_minor) },
        "deadlineMillis": call_out.deadline_millis,
    })
}

/// A bid is an object with `shared`, `exclusive` or both as decimal texts; null or absent bids nothing. More than the campaign's
/// own price is not taken.
fn bid(answer: &Value, pick: &Pick) -> Result<Amounts, CallOutError> {
    let object = answer.as_object().ok_or(CallOutError::NotABid)?;
    let side = |field: &str, most: Option<i64>| match object.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => amount(text, pick.currency).map(|minor| most.map(|most| most.min(minor))),
        Some(_) => Err(CallOutError::NotABid),
    };
    let (most_shared, most_exclusive) = (pick.amounts.shared_minor, pick.amounts.exclusive_minor);
    let positive = |minor: Option<i64>| minor.filter(|minor| *minor > 0);
    Ok(Amounts {
        shared_minor: positive(side("shared", most_shared)?),
        exclusive_minor: positive(side("exclusive", most_exclusive)?),
    })
}

fn amount(text: &str, currency: Currency) -> Result<i64, CallOutError> {
    Money::parse(text, currency).map(|money| money.minor).map_err(|_| CallOutError::NotABid)
}

fn outcome(answer: &Result<Amounts, CallOutError>) -> &'static str {
    match answer {
        Ok(_) => "bid",
        Err(CallOutError::TimedOut) => "timed_out",
        Err(CallOutError::NotReached) => "not_reached",
        Err(CallOutError::NotABid) => "not_a_bid",
    }
}
