//! Disputes: a cardholder's bank takes a payment back, and decides after hearing both sides.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::customer::changed;
use crate::error::ApiError;
use crate::ledger::PLATFORM;
use crate::state::{Answer, Call, Money, State};
use crate::table::Object;

/// Seconds to respond; networks give from one to three weeks.
const RESPONSE_SECS: i64 = 9 * 24 * 3600;
/// Stripe takes at most this many characters of evidence in all.
const MAX_EVIDENCE_CHARS: usize = 150_000;
const EVIDENCE: &[&str] = &[
    "access_activity_log",
    "billing_address",
    "cancellation_policy",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_communication",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "customer_signature",
    "duplicate_charge_documentation",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "receipt",
    "refund_policy",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "service_documentation",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_documentation",
    "shipping_tracking_number",
    "uncategorized_file",
    "uncategorized_text",
];

/// Where a dispute stands. An inquiry moves no money unless it becomes a dispute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    NeedsResponse { inquiry: bool },
    UnderReview { inquiry: bool },
    Won,
    Lost,
    InquiryClosed,
}

impl Status {
    fn as_str(self) -> &'static str {
        match self {
            Self::NeedsResponse { inquiry: false } => "needs_response",
            Self::NeedsResponse { inquiry: true } => "warning_needs_response",
            Self::UnderReview { inquiry: false } => "under_review",
            Self::UnderReview { inquiry: true } => "warning_under_review",
            Self::Won => "won",
            Self::Lost => "lost",
            Self::InquiryClosed => "warning_closed",
        }
    }

    /// Whether it is an inquiry, of a dispute that is not decided.
    fn open(self) -> Option<bool> {
        match self {
            Self::NeedsResponse { inquiry } | Self::UnderReview { inquiry } => Some(inquiry),
            Self::Won | Self::Lost | Self::InquiryClosed => None,
        }
    }
}

/// A dispute.
#[derive(Debug)]
pub(crate) struct Dispute {
    id: String,
    created: i64,
    status: Status,
    amount: i64,
    currency: String,
    charge: String,
    payment_intent: Option<String>,
    reason: String,
    due_by: i64,
    evidence: BTreeMap<String, String>,
    submissions: u64,
    past_due: bool,
    /// As they were booked, already rendered.
    balance_transactions: Vec<Value>,
    metadata: BTreeMap<String, String>,
}

impl Object for Dispute {
    const NAME: &'static str = "dispute";
    fn id(&self) -> &str {
        &self.id
    }
    fn created(&self) -> i64 {
        self.created
    }
    fn render(&self) -> Value {
        let mut evidence: serde_json::Map<String, Value> =
            EVIDENCE.iter().map(|name| ((*name).to_owned(), self.evidence.get(*name).cloned().into())).collect();
        evidence.insert("enhanced_evidence".to_owned(), json!({}));
        json!({
            "id": self.id, "object": "dispute", "amount": self.amount, "balance_transactions": self.balance_transactions, "charge": self.charge,
            "created": self.created, "currency": self.currency, "enhanced_eligibility_types": [], "evidence": evidence,
            "evidence_details": {
                "due_by": self.due_by, "enhanced_eligibility": {}, "has_evidence": !self.evidence.is_empty(), "past_due": self.past_due,
                "submission_count": self.submissions,
            },
            "is_charge_refundable": self.status.open() == Some(true), "livemode": false, "metadata": self.metadata,
            "payment_intent": self.payment_intent, "payment_method_details": {
                "type": "card", "card": { "brand": "visa", "case_type": "chargeback", "network": "visa", "network_reason_code": "83" },
            },
            "reason": self.reason, "status": self.status.as_str(),
        })
    }
}

/// Whether a charge's dispute has taken its money: an inquiry has not.
pub(crate) fn forbids_refund(state: &State, charge: &str) -> bool {
    state
        .disputes
        .iter()
        .any(|dispute| dispute.charge == charge && (dispute.status.open() == Some(false) || dispute.status == Status::Lost))
}

/// A cardholder's bank disputes a charge: the money is withdrawn, unless it only inquires.
pub(crate) fn open(state: &mut State, charge: &str, amount: Option<i64>, reason: &str, inquiry: bool) -> Answer {
    let disputed = state.charges.get(charge, "charge")?;
    if !disputed.is_paid() || disputed.disputed || disputed.owner != PLATFORM {
        return Err(ApiError::control("the charge failed, or is disputed already, or is a transfer's payment"));
    }
    let left = disputed.amount - disputed.amount_refunded;
    let amount = amount.unwrap_or(left);
    if !(1..=left).contains(&amount) {
        return Err(ApiError::control(&format!(
            "a dispute can be of 1 to {left} minor units, what is not refunded of the charge"
        )));
    }
    let (currency, payment_intent) = (disputed.currency.clone(), disputed.payment_intent.clone());
    let id = state.new_id("du");
    let now = state.now();
    state.disputes.insert(Dispute {
        id: id.clone(),
        created: now,
        status: Status::NeedsResponse { inquiry },
        amount,
        currency,
        charge: charge.to_owned(),
        payment_intent,
        reason: reason.to_owned(),
        due_by: now.saturating_add(RESPONSE_SECS),
        evidence: BTreeMap::new(),
        submissions: 0,
        past_due: false,
        balance_transactions: Vec::new(),
        metadata: BTreeMap::new(),
    });
    state.charges.get_mut(charge, "charge")?.disputed = true;
    if !inquiry {
        let fee = state.options.dispute_fee_minor;
        book(state, &id, -amount, fee, "dispute")?;
    }
    let rendered = state.disputes.get(&id, "id")?.render();
    state.emit("charge.dispute.created", rendered.clone());
    if !inquiry {
        state.emit("charge.dispute.funds_withdrawn", rendered.clone());
    }
    Ok(rendered)
}

/// The bank decides: a dispute that is won brings the money back, but not the fee.
pub(crate) fn decide(state: &mut State, id: &str, won: bool) -> Answer {
    let dispute = state.disputes.get(id, "dispute")?;
    let amount = dispute.amount;
    let Some(inquiry) = dispute.status.open() else { return Err(ApiError::control("the dispute is decided already")) };
    if !inquiry && won {
        book(state, id, amount, 0, "dispute_reversal")?;
        let rendered = change(state, id, |dispute| dispute.status = Status::Won)?;
        state.emit("charge.dispute.funds_reinstated", rendered);
    }
    end(state, id, if won { Status::Won } else { Status::Lost }, inquiry)
}

/// `GET /v1/disputes/{id}`.
pub(crate) fn retrieve(state: &State, id: &str) -> Answer {
    state.disputes.get(id, "id").map(Object::render)
}

/// `GET /v1/disputes`.
pub(crate) fn page(state: &State, call: &Call) -> Answer {
    call.params.only(&["charge", "created", "ending_before", "limit", "payment_intent", "starting_after"])?;
    let (charge, intent) = (call.params.text("charge"), call.params.text("payment_intent"));
    state.disputes.page("/v1/disputes", &call.params, |dispute| {
        charge.as_ref().is_none_or(|charge| *charge == dispute.charge) && (intent.is_none() || dispute.payment_intent == intent)
    })
}

/// `POST /v1/disputes/{id}`: evidence is staged, or submitted, which is what happens unless `submit` is false.
pub(crate) fn update(state: &mut State, call: &Call, id: &str) -> Answer {
    let params = &call.params;
    params.only(&["evidence", "metadata", "submit"])?;
    let evidence = params.object("evidence");
    evidence.only(EVIDENCE)?;
    let (responds, submit) = (params.has("evidence") || params.has("submit"), params.boolean("submit")?.unwrap_or(true));
    let dispute = state.disputes.get_mut(id, "id")?;
    if responds && !matches!(dispute.status, Status::NeedsResponse { .. }) {
        let message = "This dispute's evidence was submitted already, or the dispute is closed.";
        return Err(ApiError::refused_without_code(message, "evidence"));
    }
    let mut merged = dispute.evidence.clone();
    for (name, text) in evidence.into_texts() {
        if text.is_empty() {
            merged.remove(&name)
        } else {
            merged.insert(name, text)
        };
    }
    if merged.values().map(|text| text.chars().count()).sum::<usize>() > MAX_EVIDENCE_CHARS {
        return Err(ApiError::invalid("The evidence is longer than 150,000 characters in all.", "evidence"));
    }
    let before = dispute.render();
    params.merge_metadata(&mut dispute.metadata)?;
    dispute.evidence = merged;
    if let Status::NeedsResponse { inquiry } = dispute.status
        && responds
        && submit
        && !dispute.evidence.is_empty()
    {
        dispute.status = Status::UnderReview { inquiry };
        dispute.submissions += 1;
    }
    let after = dispute.render();
    state.emit_update("charge.dispute.updated", after.clone(), changed(&before, &after));
    Ok(after)
}

/// `POST /v1/disputes/{id}/close`: the platform accepts that it loses.
pub(crate) fn close(state: &mut State, call: &Call, id: &str) -> Answer {
    call.params.only(&[])?;
    match state.disputes.get(id, "id")?.status {
        Status::NeedsResponse { inquiry } => end(state, id, Status::Lost, inquiry),
        _ => Err(ApiError::refused_without_code("Only a dispute that needs a response can be closed.", "id")),
    }
}

/// A dispute that nobody answered in time is lost.
pub(crate) fn lose_overdue(state: &mut State) {
    let now = state.now();
    let overdue = state.disputes.iter().filter_map(|dispute| match dispute.status {
        Status::NeedsResponse { inquiry } if dispute.due_by < now => Some((dispute.id.clone(), inquiry)),
        _ => None,
    });
    for (id, inquiry) in overdue.collect::<Vec<_>>() {
        let lost = change(state, &id, |dispute| dispute.past_due = true).and_then(|_| end(state, &id, Status::Lost, inquiry));
        debug_assert!(lost.is_ok(), "the dispute was found just now");
    }
}

fn end(state: &mut State, id: &str, outcome: Status, inquiry: bool) -> Answer {
    let rendered = change(state, id, |dispute| dispute.status = if inquiry { Status::InquiryClosed } else { outcome })?;
    state.emit("charge.dispute.closed", rendered.clone());
    Ok(rendered)
}

fn change(state: &mut State, id: &str, how: impl FnOnce(&mut Dispute)) -> Answer {
    let dispute = state.disputes.get_mut(id, "id")?;
    how(dispute);
    Ok(dispute.render())
}

fn book(state: &mut State, id: &str, amount: i64, fee: i64, category: &'static str) -> Result<(), ApiError> {
    let currency = state.disputes.get(id, "id")?.currency.clone();
    let transaction = state.post(Money {
        owner: PLATFORM,
        counterparty: "world:cards",
        amount,
        fee,
        currency: &currency,
        kind: "adjustment",
        category,
        source: id,
        available_on: None,
    });
    let rendered = state.render_any(&transaction);
    state.disputes.get_mut(id, "id")?.balance_transactions.extend(rendered);
    Ok(())
}
