//! The domain's enumerations as enums of the graph, with the domain's own descriptions: `Word<ListingState>` is
//! `ListingState` in the schema, in answers and in inputs.

use std::borrow::Cow;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::Field;
use async_graphql::registry::{Deprecation, MetaEnumValue, MetaType, MetaTypeId, Registry};
use async_graphql::{
    ContextSelectionSet, InputType, InputValueError, InputValueResult, Name, OutputType, Positioned, ServerResult, Value,
};
use domain::access::TextEnum;

/// A value of a domain enumeration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word<E: TextEnum>(pub E);

impl<E: TextEnum> From<E> for Word<E> {
    fn from(value: E) -> Self {
        Self(value)
    }
}

/// The plain values of words.
#[must_use]
pub fn values<E: TextEnum>(words: Vec<Word<E>>) -> Vec<E> {
    words.into_iter().map(|word| word.0).collect()
}

/// The schema's name, where the domain's alone would be ambiguous among all nouns of the graph.
fn name<E: TextEnum>() -> &'static str {
    match E::NAME {
        "Outcome" => "CheckOutcome",
        "Level" => "VerificationLevel",
        name => name,
    }
}

fn register<E: TextEnum>(_: &mut Registry) -> MetaType {
    let value = |value: &E| MetaEnumValue {
        name: value.text().to_owned(),
        description: Some(value.description().trim().to_owned()),
        deprecation: Deprecation::NoDeprecated,
        visible: None,
        inaccessible: false,
        tags: Vec::new(),
        directive_invocations: Vec::new(),
    };
    MetaType::Enum {
        name: name::<E>().to_owned(),
        description: Some(E::DESCRIPTION.trim().to_owned()),
        enum_values: E::VALUES.iter().map(|each| (each.text().to_owned(), value(each))).collect::<IndexMap<_, _>>(),
        visible: None,
        inaccessible: false,
        tags: Vec::new(),
        rust_typename: Some(std::any::type_name::<Word<E>>()),
        directive_invocations: Vec::new(),
        requires_scopes: Vec::new(),
    }
}

#[async_graphql::async_trait::async_trait]
impl<E: TextEnum> OutputType for Word<E> {
    fn type_name() -> Cow<'static, str> {
        name::<E>().into()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        registry.create_output_type::<Self, _>(MetaTypeId::Enum, register::<E>)
    }

    async fn resolve(&self, _: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        Ok(Value::Enum(Name::new(self.0.text())))
    }
}

impl<E: TextEnum> InputType for Word<E> {
    type RawValueType = Self;

    fn type_name() -> Cow<'static, str> {
        name::<E>().into()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        registry.create_input_type::<Self, _>(MetaTypeId::Enum, register::<E>)
    }

    fn parse(value: Option<Value>) -> InputValueResult<Self> {
        let text = match value.unwrap_or_default() {
            Value::Enum(name) => name.to_string(),
            Value::String(text) => text,
            other => return Err(InputValueError::expected_type(other)),
        };
        let unknown = |_| InputValueError::custom(format!("not a value of the enumeration {}", name::<E>()));
        text.parse().map(Self).map_err(unknown)
    }

    fn to_value(&self) -> Value {
        Value::Enum(Name::new(self.0.text()))
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::{EmptyMutation, EmptySubscription, Object, Schema};
    use domain::listing::ListingState;

    use super::*;

    struct Query;

    #[Object]
    impl Query {
        async fn same(&self, state: Word<ListingState>) -> Word<ListingState> {
            state
        }
    }

    #[tokio::test]
    async fn a_word_is_an_enum_with_the_domains_descriptions() {
        let schema = Schema::new(Query, EmptyMutation, EmptySubscription);
        let sdl = schema.sdl();
        assert!(sdl.contains("enum ListingState {") && sdl.contains("It ended with at least one sale."), "{sdl}");
        let answer = schema.execute("{ same(state: SOLD) }").await;
        assert_eq!(answer.data.into_json().unwrap(), serde_json::json!({ "same": "SOLD" }));
        assert_eq!(schema.execute("{ same(state: GONE) }").await.errors.len(), 1);
    }
}
