//! ADF/XML, the lead format of car dealers.
//!
//! `<?adf version="1.0"?>` and one `prospect` with `id`, `requestdate`, `vehicle`, `customer`, `vendor` and `provider`, sent as the plain
//! body of an e-mail without HTML, or posted with the type `application/x-adf+xml`. The example in the standard's own document is not
//! valid XML, which this output is. Sources: Auto-lead Data Format 1.0; «Auto-lead Data Format» in Wikipedia; ActiveProspect Support,
//! «Auto-lead Data Format (ADF)»; EverLogic Help, «ADF XML Lead Import Function». The idempotency key is the text of `id`.
//!
//! Field names: `vehicle.year`, `.make`, `.model`, `.trim`, `.interest`, `.status`, `customer.first`, `.last`, `.email`, `.phone`, `.city`,
//! `.regioncode`, `.postalcode`, `.country`, `.comments`.
//!
//! Default mapping: the customer's names, all e-mails and phones, city, region, postal code, country, the answers as comments, and the
//! vehicle's year, make and model from the attributes `year`, `make` and `model`.

use serde::{Deserialize, Serialize};

use super::answer::{Answer, Next, Stage};
use super::check::Checker;
use super::delivery::Delivery;
use super::destination::Adapter;
use super::email;
use super::guarded::Guarded;
use super::mapping::{Core, Filled, Mapping, Source};
use super::render_error::RenderError;
use super::step::{Body, Message, Method, Request, Step};
use super::template::{instant, xml_escape};

const TYPE: &str = "application/x-adf+xml";
const FIELDS: &[&str] = &[
    "vehicle.year",
    "vehicle.make",
    "vehicle.model",
    "vehicle.trim",
    "vehicle.interest",
    "vehicle.status",
    "customer.first",
    "customer.last",
    "customer.email",
    "customer.phone",
    "customer.city",
    "customer.regioncode",
    "customer.postalcode",
    "customer.country",
    "customer.comments",
];
const INTERESTS: &[&str] = &["buy", "lease", "sell", "trade-in", "test-drive"];
const STATUSES: &[&str] = &["new", "used"];

/// A dealer's system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adf {
    /// How it gets there.
    pub transport: Transport,
    /// Name of the dealer.
    pub vendor: String,
}

/// How ADF gets there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Transport {
    /// Mailed as plain text.
    Email {
        /// Recipients.
        to: Vec<String>,
    },
    /// Posted.
    Http {
        /// Address.
        url: String,
    },
}

impl Adapter for Adf {
    fn default_mapping(&self) -> Mapping {
        let attribute = |key: &str| Source::Attribute { key: key.into() };
        let mapping = Mapping::of(&[
            ("customer.first", Core::FirstName),
            ("customer.last", Core::LastName),
            ("customer.email", Core::Emails),
            ("customer.phone", Core::Phones),
            ("customer.city", Core::City),
            ("customer.regioncode", Core::Region),
            ("customer.postalcode", Core::PostalCode),
            ("customer.country", Core::Country),
            ("customer.comments", Core::Summary),
        ]);
        mapping
            .and("vehicle.year", attribute("year"))
            .and("vehicle.make", attribute("make"))
            .and("vehicle.model", attribute("model"))
    }

    fn allows_field(&self, field: &str) -> bool {
        FIELDS.contains(&field)
    }

    fn confirms(&self) -> bool {
        matches!(self.transport, Transport::Http { .. })
    }

    fn check(&self, checker: &mut Checker<'_>) {
        checker.line("vendor", &self.vendor, 200);
        match &self.transport {
            Transport::Email { to } => email::check_recipients("transport.to", to, checker),
            Transport::Http { url } => checker.url("transport.url", url, &[]),
        }
    }

    fn render(&self, delivery: &Delivery<'_>, _stage: &Stage) -> Result<Step, RenderError> {
        let xml = self.document(delivery)?;
        Ok(match &self.transport {
            Transport::Email { to } => Step::Email(Message {
                to: to.clone(),
                subject: email::one_line(&format!("{}: {}", delivery.sender, delivery.lead.vertical)),
                text: xml,
                html: None,
                content_type: "text/plain".into(),
                message_id: email::message_id(delivery.idempotency_key),
                headers: Vec::new(),
            }),
            Transport::Http { url } => {
                let url = delivery.url("transport.url", url, &[])?;
                let mut request = Request::new(Method::Post, Guarded::clear(url)).header("content-type", Guarded::clear(TYPE));
                request.body = Body::clear(xml);
                Step::Http(request)
            }
        })
    }

    fn next(&self, _stage: &Stage, answer: &Answer) -> Next {
        Next::Done(match self.transport {
            Transport::Email { .. } => email::reply(answer),
            Transport::Http { .. } => answer.by_status(""),
        })
    }
}

impl Adf {
    fn document(&self, delivery: &Delivery<'_>) -> Result<String, RenderError> {
        let fields = delivery.fields()?;
        let get = |name: &str| fields.iter().find(|field| field.field == name);
        if get("customer.email").is_none() && get("customer.phone").is_none() {
            return Err(RenderError::MissingField { field: "customer.phone".into() });
        }
        let lead = delivery.lead;
        let interest = word("vehicle.interest", get("vehicle.interest"), INTERESTS, "buy")?;
        let used = if lead.vertical.split('/').any(|part| part == "used") { "used" } else { "new" };
        let status = word("vehicle.status", get("vehicle.status"), STATUSES, used)?;
        let mut xml = Xml::default();
        xml.raw("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<?adf version=\"1.0\"?>\n<adf>\n<prospect status=\"new\">\n");
        xml.element("id", &[("sequence", "1"), ("source", delivery.sender)], delivery.idempotency_key);
        xml.element("requestdate", &[], &instant(&lead.submitted_at));
        xml.raw(&format!("<vehicle interest=\"{interest}\" status=\"{status}\">\n"));
        for name in ["year", "make", "model", "trim"] {
            xml.optional(name, &[], get(&format!("vehicle.{name}")));
        }
        xml.raw("</vehicle>\n<customer>\n<contact>\n");
        // Dealers' systems demand a name, and a lead may have none.
        match (get("customer.first"), get("customer.last")) {
            (None, None) => xml.element("name", &[("part", "full")], &lead.display_name()),
            (first, last) => {
                xml.optional("name", &[("part", "first")], first);
                xml.optional("name", &[("part", "last")], last);
            }
        }
        for email in get("customer.email").into_iter().flat_map(|field| &field.values) {
            xml.element("email", &[], email);
        }
        for phone in get("customer.phone").into_iter().flat_map(|field| &field.values) {
            xml.element("phone", &[("type", "voice")], phone);
        }
        let address = ["city", "regioncode", "postalcode", "country"];
        if address.iter().any(|name| get(&format!("customer.{name}")).is_some()) {
            xml.raw("<address>\n");
            for name in address {
                xml.optional(name, &[], get(&format!("customer.{name}")));
            }
            xml.raw("</address>\n");
        }
        xml.raw("</contact>\n");
        xml.optional("comments", &[], get("customer.comments"));
        xml.raw("</customer>\n<vendor>\n<contact>\n");
        xml.element("name", &[("part", "full")], &self.vendor);
        xml.raw("</contact>\n</vendor>\n<provider>\n");
        xml.element("name", &[("part", "full")], delivery.sender);
        xml.raw("</provider>\n</prospect>\n</adf>\n");
        Ok(xml.0)
    }
}

#[derive(Default)]
struct Xml(String);

impl Xml {
    fn raw(&mut self, markup: &str) {
        self.0.push_str(markup);
    }

    fn element(&mut self, name: &str, attributes: &[(&str, &str)], text: &str) {
        let attributes: String = attributes.iter().map(|(name, value)| format!(" {name}=\"{}\"", xml_escape(value))).collect();
        self.0.push_str(&format!("<{name}{attributes}>{}</{name}>\n", xml_escape(text)));
    }

    fn optional(&mut self, name: &str, attributes: &[(&str, &str)], field: Option<&Filled>) {
        if let Some(field) = field {
            self.element(name, attributes, &field.text());
        }
    }
}

/// One of the words that the format knows.
fn word<'a>(name: &str, field: Option<&Filled>, words: &[&'a str], default: &'a str) -> Result<&'a str, RenderError> {
    let Some(field) = field else {
        return Ok(default);
    };
    let text = field.text();
    let known = words.iter().copied().find(|word| word.eq_ignore_ascii_case(text.trim()));
    known.ok_or(RenderError::BadValue { field: name.into(), expected: "one of the words of the format" })
}

#[cfg(test)]
#[path = "adf_tests.rs"]
mod tests;
