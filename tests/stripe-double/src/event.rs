//! Events: what happened to an object, with the object as it then was.

use serde_json::{Value, json};

use crate::error::ApiError;
use crate::form::Params;
use crate::journal::Happening;
use crate::options::API_VERSION;
use crate::state::{Answer, Call, State};
use crate::table::{Object, list};

/// Stripe lists events of the last 30 days.
const LISTED_SECS: i64 = 30 * 24 * 3600;

/// An event.
#[derive(Debug)]
pub(crate) struct Event {
    id: String,
    created: i64,
    /// The connected account that it is of, none for the platform's own.
    account: Option<String>,
    pub(crate) event_type: String,
    object: Value,
    previous: Option<Value>,
    request: Value,
    pending_webhooks: usize,
}

impl Object for Event {
    const NAME: &'static str = "event";
    fn id(&self) -> &str {
        &self.id
    }
    fn created(&self) -> i64 {
        self.created
    }
    fn render(&self) -> Value {
        let mut data = json!({ "object": self.object });
        if let (Some(previous), Some(data)) = (&self.previous, data.as_object_mut()) {
            data.insert("previous_attributes".to_owned(), previous.clone());
        }
        let mut event = json!({
            "id": self.id, "object": "event", "api_version": API_VERSION, "created": self.created, "data": data, "livemode": false,
            "pending_webhooks": self.pending_webhooks, "request": self.request, "type": self.event_type,
        });
        if let (Some(account), Some(event)) = (&self.account, event.as_object_mut()) {
            event.insert("account".to_owned(), account.clone().into());
        }
        event
    }
}

impl State {
    /// Makes an event of the platform and queues its deliveries.
    pub(crate) fn emit(&mut self, event_type: &str, object: Value) {
        self.emit_for(None, event_type, object, None);
    }

    /// Makes an event of the platform that says what an update changed.
    pub(crate) fn emit_update(&mut self, event_type: &str, object: Value, previous: Value) {
        self.emit_for(None, event_type, object, Some(previous));
    }

    /// Makes an event of a connected account, or of the platform, and queues its deliveries.
    pub(crate) fn emit_for(&mut self, account: Option<String>, event_type: &str, object: Value, previous: Option<Value>) {
        let id = self.new_id("evt");
        let request = self.request.as_ref().map_or_else(
            || json!({ "id": null, "idempotency_key": null }),
            |request| json!({ "id": request.id, "idempotency_key": request.idempotency_key }),
        );
        let about = object.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        self.record(Happening::Event { id: id.clone(), event_type: event_type.to_owned(), object: about });
        let event = Event {
            created: self.now(),
            account,
            event_type: event_type.to_owned(),
            object,
            previous,
            request,
            pending_webhooks: self.webhooks.subscribers(event_type),
            id,
        };
        self.webhooks.enqueue(event.id(), event_type, &event.render().to_string());
        self.events.insert(event);
    }
}

/// `GET /v1/events/{id}`: an account sees its own events only.
pub(crate) fn retrieve(state: &State, call: &Call, id: &str) -> Answer {
    let event = state.events.get(id, "id")?;
    if event.account == call.account { Ok(event.render()) } else { Err(ApiError::missing(Event::NAME, id, "id")) }
}

/// `GET /v1/events`.
pub(crate) fn page(state: &State, call: &Call) -> Answer {
    let params = &call.params;
    params.only(&["created", "delivery_success", "ending_before", "limit", "starting_after", "type", "types"])?;
    let wanted = wanted_types(params);
    if wanted.as_ref().is_some_and(Vec::is_empty) {
        return Ok(list("/v1/events", Vec::new(), false));
    }
    let oldest = state.now() - LISTED_SECS;
    state.events.page("/v1/events", params, |event| {
        event.account == call.account
            && event.created >= oldest
            && wanted.as_ref().is_none_or(|wanted| wanted.iter().any(|pattern| matches(pattern, &event.event_type)))
    })
}

/// Whether an event's type is the pattern, which may end in `.*` or be `*`.
pub(crate) fn matches(pattern: &str, event_type: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => event_type.starts_with(prefix),
        None => pattern == event_type,
    }
}

fn wanted_types(params: &Params) -> Option<Vec<String>> {
    if params.has("types") { Some(params.texts("types")) } else { params.text("type").map(|one| vec![one]) }
}
