//! Customers, and the payment methods attached to them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::error::ApiError;
use crate::form::Params;
use crate::state::{Answer, Call, State};
use crate::table::Object;

const KNOWN: &[&str] = &[
    "address",
    "description",
    "email",
    "invoice_settings",
    "metadata",
    "name",
    "payment_method",
    "phone",
    "preferred_locales",
    "shipping",
    "tax_exempt",
];

/// A customer.
#[derive(Debug)]
pub(crate) struct Customer {
    id: String,
    created: i64,
    email: Option<String>,
    name: Option<String>,
    phone: Option<String>,
    description: Option<String>,
    address: Option<BTreeMap<String, String>>,
    default_payment_method: Option<String>,
    metadata: BTreeMap<String, String>,
}

impl Customer {
    /// A customer of whom only the e-mail address may be known, as Checkout makes one.
    pub(crate) fn from_checkout(state: &mut State, email: Option<String>) -> String {
        let customer = Self::new(state, email);
        let id = customer.id.clone();
        state.emit("customer.created", customer.render());
        state.customers.insert(customer);
        id
    }

    fn new(state: &mut State, email: Option<String>) -> Self {
        Self {
            id: state.new_id("cus"),
            created: state.now(),
            email,
            name: None,
            phone: None,
            description: None,
            address: None,
            default_payment_method: None,
            metadata: BTreeMap::new(),
        }
    }

    pub(crate) fn email(&self) -> Option<&str> {
        self.email.as_deref()
    }

    /// Changes what the parameters name, or refuses and changes nothing.
    fn apply(&mut self, params: &Params) -> Result<(), ApiError> {
        params.merge_metadata(&mut self.metadata)?;
        params.replace("email", &mut self.email);
        params.replace("name", &mut self.name);
        params.replace("phone", &mut self.phone);
        params.replace("description", &mut self.description);
        params.object("invoice_settings").replace("default_payment_method", &mut self.default_payment_method);
        if params.has("address") {
            self.address = Some(params.object("address").into_texts()).filter(|address| !address.is_empty());
        }
        Ok(())
    }
}

impl Object for Customer {
    const NAME: &'static str = "customer";
    fn id(&self) -> &str {
        &self.id
    }
    fn created(&self) -> i64 {
        self.created
    }
    fn render(&self) -> Value {
        json!({
            "id": self.id, "object": "customer", "address": self.address.as_ref().map(address), "balance": 0, "created": self.created,
            "currency": null, "default_source": null, "delinquent": false, "description": self.description, "email": self.email,
            "invoice_prefix": "DOUBLE", "invoice_settings": {
                "custom_fields": null, "default_payment_method": self.default_payment_method, "footer": null, "rendering_options": null,
            },
            "livemode": false, "metadata": self.metadata, "name": self.name, "next_invoice_sequence": 1, "phone": self.phone,
            "preferred_locales": [], "shipping": null, "tax_exempt": "none", "test_clock": null,
        })
    }
}

/// `POST /v1/customers`.
pub(crate) fn create(state: &mut State, call: &Call) -> Answer {
    call.params.only(KNOWN)?;
    let mut customer = Customer::new(state, None);
    customer.apply(&call.params)?;
    let id = customer.id.clone();
    check_default(state, &call.params, &id)?;
    let attached = call.params.text("payment_method");
    let attached = attached.map(|method| super::payment_attempt::usable_method(state, &method, Some(&id))).transpose()?;
    let rendered = customer.render();
    state.emit("customer.created", rendered.clone());
    state.customers.insert(customer);
    if let Some(method) = attached {
        super::payment_method::attach_to(state, &method, &id, "payment_method")?;
    }
    Ok(rendered)
}

/// `GET /v1/customers/{id}`.
pub(crate) fn retrieve(state: &State, id: &str) -> Answer {
    state.customers.get(id, "id").map(Object::render)
}

/// `POST /v1/customers/{id}`.
pub(crate) fn update(state: &mut State, call: &Call, id: &str) -> Answer {
    call.params.only(KNOWN)?;
    check_default(state, &call.params, id)?;
    let customer = state.customers.get_mut(id, "id")?;
    let before = customer.render();
    customer.apply(&call.params)?;
    let after = customer.render();
    state.emit_update("customer.updated", after.clone(), changed(&before, &after));
    Ok(after)
}

/// `GET /v1/customers/{id}/payment_methods`.
pub(crate) fn payment_methods(state: &State, call: &Call, id: &str) -> Answer {
    call.params.only(&["allow_redisplay", "ending_before", "limit", "starting_after", "type"])?;
    state.customers.get(id, "id")?;
    let of_type = call.params.text("type").is_none_or(|kind| kind == "card");
    let url = format!("/v1/customers/{id}/payment_methods");
    state.payment_methods.page(&url, &call.params, |method| of_type && method.customer.as_deref() == Some(id))
}

/// `GET /v1/customers/{id}/payment_methods/{payment_method}`.
pub(crate) fn payment_method(state: &State, id: &str, method: &str) -> Answer {
    state.customers.get(id, "id")?;
    let found = state.payment_methods.find(method).filter(|method| method.customer.as_deref() == Some(id));
    found.map(Object::render).ok_or_else(|| ApiError::missing("PaymentMethod", method, "id"))
}

/// The former values of the fields that an update changed, as an event's `previous_attributes` has them.
pub(crate) fn changed(before: &Value, after: &Value) -> Value {
    let Some(before) = before.as_object() else { return json!({}) };
    before
        .iter()
        .filter(|(name, value)| after.get(name.as_str()) != Some(value))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Refuses a default payment method that does not exist or belongs to another customer.
fn check_default(state: &State, params: &Params, customer: &str) -> Result<(), ApiError> {
    let settings = params.object("invoice_settings");
    match settings.text("default_payment_method") {
        None => Ok(()),
        Some(method) => state.payment_methods.get(&method, &settings.name("default_payment_method"))?.check_usable_by(customer),
    }
}

fn address(parts: &BTreeMap<String, String>) -> Value {
    ["city", "country", "line1", "line2", "postal_code", "state"]
        .into_iter()
        .map(|part| (part.to_owned(), parts.get(part).cloned().map_or(Value::Null, Value::String)))
        .collect()
}
