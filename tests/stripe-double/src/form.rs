//! Stripe's form encoding: `a[b][0]=c` and `a[]=c`, read into a tree, and the checks that every parameter shares.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::error::ApiError;

/// Stripe refuses amounts of more than eight digits.
const MAX_AMOUNT: i64 = 99_999_999;
/// Stripe takes at most this many keys in an object's metadata.
const MAX_METADATA_KEYS: usize = 50;
const MAX_METADATA_KEY_CHARS: usize = 40;
const MAX_METADATA_VALUE_CHARS: usize = 500;
/// No parameter that we use nests deeper; a limit keeps the reader from recursing at a client's pleasure.
const MAX_DEPTH: usize = 8;
/// The currencies of which Stripe takes card payments.
const CURRENCIES: &str = "usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn bzd cad cdf chf clp cny \
    cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl hrk htg huf idr ils inr isk jmd jod jpy kes kgs khr \
    kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr \
    pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp sle sos srd std szl thb tjs tnd top try ttd twd tzs uah ugx uyu uzs vnd vuv wst xaf xcd \
    xof xpf yer zar zmw";

/// The parameters of a request, or one object inside them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Params {
    prefix: String,
    fields: Map<String, Value>,
}

impl Params {
    /// Reads a form body or a query string.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, ApiError> {
        let mut root = Value::Object(Map::new());
        for (name, value) in url::form_urlencoded::parse(text) {
            // Some clients write an empty form as a lone `=`, which Stripe takes.
            if name.is_empty() && value.is_empty() {
                continue;
            }
            let path = split_name(&name).ok_or_else(|| ApiError::invalid("Invalid parameter name", &name))?;
            insert(&mut root, &path, value.into_owned()).ok_or_else(|| ApiError::invalid("Conflicting parameters", &name))?;
        }
        match root {
            Value::Object(fields) => Ok(Self { prefix: String::new(), fields }),
            _ => Ok(Self::default()),
        }
    }

    /// Refuses any parameter that the endpoint does not know, as Stripe does; `expand` is known everywhere.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), ApiError> {
        match self.fields.keys().find(|name| *name != "expand" && !known.contains(&name.as_str())) {
            None => Ok(()),
            Some(name) => {
                let name = self.name(name);
                Err(ApiError::validation("parameter_unknown", &format!("Received unknown parameter: {name}"), &name))
            }
        }
    }

    /// Whether the parameter was sent, even if empty.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    /// A text that is not empty.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.fields.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    /// A text that must be there.
    pub(crate) fn required(&self, name: &str) -> Result<String, ApiError> {
        self.text(name).ok_or_else(|| self.missing(name))
    }

    /// Replaces what a parameter names: absent keeps the old value, empty unsets it.
    pub(crate) fn replace(&self, name: &str, slot: &mut Option<String>) {
        if self.has(name) {
            *slot = self.text(name);
        }
    }

    /// An integer, if it was sent.
    pub(crate) fn integer(&self, name: &str) -> Result<Option<i64>, ApiError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| {
            let message = format!("Invalid integer: {text}");
            ApiError::validation("parameter_invalid_integer", &message, &self.name(name))
        })
    }

    /// `true` or `false`, if it was sent.
    pub(crate) fn boolean(&self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.text(name).as_deref() {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(other) => Err(ApiError::invalid(&format!("Invalid boolean: {other}"), &self.name(name))),
        }
    }

    /// An amount in minor units, at least 1, if it was sent.
    pub(crate) fn optional_amount(&self, name: &str) -> Result<Option<i64>, ApiError> {
        match self.integer(name)? {
            None => Ok(None),
            Some(amount) if amount < 1 => Err(ApiError::validation(
                "parameter_invalid_integer",
                "This value must be greater than or equal to 1.",
                &self.name(name),
            )),
            Some(amount) if amount > MAX_AMOUNT => Err(ApiError::validation(
                "amount_too_large",
                "Amount must be no more than 99999999 minor units.",
                &self.name(name),
            )),
            Some(amount) => Ok(Some(amount)),
        }
    }

    /// An amount in minor units that must be there.
    pub(crate) fn amount(&self, name: &str) -> Result<i64, ApiError> {
        self.optional_amount(name)?.ok_or_else(|| self.missing(name))
    }

    /// A lower-case ISO 4217 code of a currency that Stripe supports.
    pub(crate) fn currency(&self, name: &str) -> Result<String, ApiError> {
        let code = self.required(name)?;
        if code.len() == 3 && CURRENCIES.split_whitespace().any(|known| known == code) {
            return Ok(code);
        }
        Err(ApiError::invalid(&format!("Invalid currency: {code}. Currencies are lower-case ISO codes."), &self.name(name)))
    }

    /// The object under a name, empty if it was not sent.
    pub(crate) fn object(&self, name: &str) -> Self {
        let fields = self.fields.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
        Self { prefix: self.name(name), fields }
    }

    /// The objects of a list, in the order of their indexes.
    pub(crate) fn items(&self, name: &str) -> Vec<Self> {
        let list = self.object(name);
        list.ordered().into_iter().map(|(index, _)| list.object(&index)).collect()
    }

    /// The texts of a list, in the order of their indexes.
    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        self.object(name).ordered().into_iter().filter_map(|(_, value)| value.as_str().map(str::to_owned)).collect()
    }

    /// Merges `metadata` into what an object has, or refuses and changes nothing: an empty value removes its key.
    pub(crate) fn merge_metadata(&self, metadata: &mut BTreeMap<String, String>) -> Result<(), ApiError> {
        let unset = self.fields.get("metadata").and_then(Value::as_str).is_some_and(str::is_empty);
        let mut merged = if unset { BTreeMap::new() } else { metadata.clone() };
        for (key, value) in self.object("metadata").fields {
            match value.as_str() {
                Some("") => _ = merged.remove(&key),
                Some(text)
                    if key.chars().count() <= MAX_METADATA_KEY_CHARS && text.chars().count() <= MAX_METADATA_VALUE_CHARS =>
                {
                    merged.insert(key, text.to_owned());
                }
                _ => {
                    let message = "Metadata are texts of at most 500 characters under keys of at most 40.";
                    return Err(ApiError::invalid(message, &self.name("metadata")));
                }
            }
        }
        if merged.len() > MAX_METADATA_KEYS {
            return Err(ApiError::invalid("Metadata can have at most 50 keys", &self.name("metadata")));
        }
        *metadata = merged;
        Ok(())
    }

    /// The metadata of a new object.
    pub(crate) fn metadata(&self) -> Result<BTreeMap<String, String>, ApiError> {
        let mut metadata = BTreeMap::new();
        self.merge_metadata(&mut metadata)?;
        Ok(metadata)
    }

    /// The texts directly in this object, for parameters that are stored as they came.
    pub(crate) fn into_texts(self) -> BTreeMap<String, String> {
        self.fields.into_iter().filter_map(|(key, value)| value.as_str().map(|text| (key, text.to_owned()))).collect()
    }

    /// The tree itself, for the journal.
    pub(crate) fn as_json(&self) -> Value {
        Value::Object(self.fields.clone())
    }

    /// The error for a parameter that must be there.
    pub(crate) fn missing(&self, name: &str) -> ApiError {
        let name = self.name(name);
        ApiError::validation("parameter_missing", &format!("Missing required param: {name}."), &name)
    }

    /// The name of a parameter as the client wrote it.
    pub(crate) fn name(&self, name: &str) -> String {
        if self.prefix.is_empty() { name.to_owned() } else { format!("{}[{name}]", self.prefix) }
    }

    fn ordered(&self) -> Vec<(String, Value)> {
        let mut entries: Vec<_> = self.fields.clone().into_iter().collect();
        entries.sort_by_key(|(index, _)| index.parse::<usize>().unwrap_or(usize::MAX));
        entries
    }
}

fn split_name(name: &str) -> Option<Vec<&str>> {
    let (head, rest) = name.split_once('[').map_or((name, None), |(head, rest)| (head, Some(rest)));
    let mut path = vec![head];
    if let Some(rest) = rest {
        path.extend(rest.strip_suffix(']')?.split("]["));
    }
    (!head.is_empty() && path.len() <= MAX_DEPTH).then_some(path)
}

fn insert(node: &mut Value, path: &[&str], value: String) -> Option<()> {
    let fields = node.as_object_mut()?;
    let (head, rest) = path.split_first()?;
    let key = if head.is_empty() { fields.len().to_string() } else { (*head).to_owned() };
    if rest.is_empty() {
        fields.insert(key, Value::String(value));
        return Some(());
    }
    insert(fields.entry(key).or_insert_with(|| Value::Object(Map::new())), rest, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_nested_objects_and_lists_in_order_of_index() {
        let params = Params::parse(b"a[b][10][c]=later&a[b][2][c]=sooner&e[]=x&e[]=y&plain=1").unwrap();
        let read: Vec<_> = params.object("a").items("b").iter().map(|item| item.text("c").unwrap()).collect();
        assert_eq!(read, ["sooner", "later"]);
        assert_eq!(params.texts("e"), ["x", "y"]);
        assert_eq!(params.integer("plain").unwrap(), Some(1));
    }

    #[test]
    fn names_the_parameter_at_fault_as_the_client_wrote_it() {
        let params = Params::parse(b"items[0][price][amount]=0").unwrap();
        let error = params.items("items").remove(0).object("price").amount("amount").unwrap_err();
        assert_eq!(error.body()["error"]["param"], "items[0][price][amount]");
        assert_eq!(error.body()["error"]["code"], "parameter_invalid_integer");
    }

    #[test]
    fn refuses_names_that_nest_beyond_the_limit_or_conflict() {
        assert!(Params::parse(b"a[b][c][d][e][f][g][h]=1").is_ok());
        assert!(Params::parse(b"a[b][c][d][e][f][g][h][i]=1").is_err());
        assert!(Params::parse(b"a=1&a[b]=2").is_err());
        assert!(Params::parse(b"a[b=2").is_err());
        assert!(Params::parse(b"=2").is_err());
        assert!(Params::parse(b"=").is_ok_and(|params| params.only(&[]).is_ok()));
    }
}
