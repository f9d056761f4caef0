//! Objects whose fields are all at hand, written as JSON at once. The executor makes a future, a context and a map entry for each
//! field of each row; here the selection is read once, and the rows are written by what it came to.
//!
//! What is written is what the executor would answer, in the order of the selection: aliases, fragments, `__typename` and fields
//! selected twice included. A test compares the two.

use async_graphql::connection::PageInfo;
use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{Field, FragmentDefinition, Selection as Selected, SelectionSet};
use async_graphql::registry::Registry;
use async_graphql::{ContextSelectionSet, ID, Name, OutputType, Positioned, ServerError, ServerResult, Value};
use async_graphql_value::RAW_VALUE_TOKEN;
use chrono::{DateTime, Utc};
use domain::access::TextEnum;
use serde::Serialize;
use std::borrow::Cow;
use std::collections::HashMap;

use super::scalar::{CurrencyCode, Decimal};
use super::word::Word;

/// Writes one value, as far as it was selected.
pub type Writer<T> = Box<dyn Fn(&T, &mut Vec<u8>) + Send + Sync>;

/// What can be written without waiting for anything.
pub trait Written: Sized {
    /// What writes the fields of `selection`; of what has no fields, the whole.
    fn writer(selection: &Selection<'_>) -> Writer<Self>;
}

/// What is selected of an object: a field that stands twice in a selection has two sets.
pub struct Selection<'q> {
    sets: Vec<&'q SelectionSet>,
    fragments: &'q HashMap<Name, Positioned<FragmentDefinition>>,
}

/// A field to be answered once.
struct Wanted<'q> {
    field: &'q Field,
    below: Vec<&'q SelectionSet>,
}

/// A value that is written at once where it stands at the root of a query, as a page of a list does.
#[derive(Debug)]
pub struct AtOnce<T>(pub T);

/// Declares how an object is written: all its fields, by their names in Rust.
macro_rules! written {
    ($object:ty: $($field:ident),+ $(,)?) => {
        impl $crate::graphql::written::Written for $object {
            fn writer(selection: &$crate::graphql::written::Selection<'_>) -> $crate::graphql::written::Writer<Self> {
                $crate::graphql::written::object(selection, |name, below| {
                    $(if $crate::graphql::written::is_named(name, stringify!($field)) {
                        return Some($crate::graphql::written::field(|object: &Self| &object.$field, below));
                    })+
                    None
                })
            }
        }
    };
}
pub(crate) use written;

written!(PageInfo: has_previous_page, has_next_page, start_cursor, end_cursor);

/// What writes an object whose fields `field` knows.
pub fn object<T, F>(selection: &Selection<'_>, field: F) -> Writer<T>
where
    T: OutputType + 'static,
    F: Fn(&str, &Selection<'_>) -> Option<Writer<T>>,
{
    let mut fields: Vec<(Vec<u8>, Writer<T>)> = Vec::new();
    for Wanted { field: wanted, below } in selection.fields() {
        let name = wanted.name.node.as_str();
        let below = Selection { sets: below, fragments: selection.fragments };
        let writer: Writer<T> = match field(name, &below) {
            Some(writer) => writer,
            None if name == "__typename" => Box::new(|_, out| json(&T::type_name(), out)),
            // Validation has refused every other name.
            None => Box::new(|_, out| out.extend_from_slice(b"null")),
        };
        let mut key = vec![if fields.is_empty() { b'{' } else { b',' }];
        json(wanted.response_key().node.as_str(), &mut key);
        key.push(b':');
        fields.push((key, writer));
    }
    Box::new(move |object, out| {
        for (key, write) in &fields {
            out.extend_from_slice(key);
            write(object, out);
        }
        out.push(b'}');
    })
}

/// What writes one field of an object.
pub fn field<T: 'static, F: Written + 'static>(get: fn(&T) -> &F, below: &Selection<'_>) -> Writer<T> {
    let write = F::writer(below);
    Box::new(move |object, out| write(get(object), out))
}

/// Whether `name`, as the schema has it, is the field `rust`.
#[must_use]
pub fn is_named(name: &str, rust: &str) -> bool {
    let mut rest = name.bytes();
    let mut raised = false;
    for letter in rust.bytes() {
        if letter == b'_' {
            raised = true;
            continue;
        }
        let expected = if raised { letter.to_ascii_uppercase() } else { letter };
        raised = false;
        if rest.next() != Some(expected) {
            return false;
        }
    }
    rest.next().is_none()
}

/// The JSON text behind `value`, if it is one that was written at once.
#[must_use]
pub fn written_text(value: &Value) -> Option<&str> {
    match value {
        Value::Object(fields) if fields.len() == 1 => match fields.get(RAW_VALUE_TOKEN) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

impl<'q> Selection<'q> {
    /// Each field once, in the order of the first mention. Every fragment applies: validation has refused those that cannot, and
    /// an object is of no more than one type.
    fn fields(&self) -> Vec<Wanted<'q>> {
        let mut wanted = Vec::new();
        for set in &self.sets {
            self.collect(set, &mut wanted);
        }
        wanted
    }

    fn collect(&self, set: &'q SelectionSet, wanted: &mut Vec<Wanted<'q>>) {
        for selected in &set.items {
            match &selected.node {
                Selected::Field(field) => {
                    let (field, key) = (&field.node, &field.node.response_key().node);
                    match wanted.iter_mut().find(|known| known.field.response_key().node == *key) {
                        Some(known) => known.below.push(&field.selection_set.node),
                        None => wanted.push(Wanted { field, below: vec![&field.selection_set.node] }),
                    }
                }
                Selected::InlineFragment(fragment) => self.collect(&fragment.node.selection_set.node, wanted),
                Selected::FragmentSpread(spread) => {
                    if let Some(fragment) = self.fragments.get(&spread.node.fragment_name.node) {
                        self.collect(&fragment.node.selection_set.node, wanted);
                    }
                }
            }
        }
    }
}

impl<T: Written> AtOnce<T> {
    fn text(&self, ctx: &ContextSelectionSet<'_>) -> Result<String, std::string::FromUtf8Error> {
        let write = T::writer(&Selection { sets: vec![&ctx.item.node], fragments: &ctx.query_env.fragments });
        let mut out = Vec::new();
        write(&self.0, &mut out);
        String::from_utf8(out)
    }
}

#[async_graphql::async_trait::async_trait]
impl<T: OutputType + Written> OutputType for AtOnce<T> {
    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        T::create_type_info(registry)
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        if !is_alone(ctx, &field.node) {
            return self.0.resolve(ctx, field).await;
        }
        let text = self.text(ctx).map_err(|error| ServerError::new(error.to_string(), Some(field.pos)))?;
        Ok(Value::Object(IndexMap::from([(Name::new(RAW_VALUE_TOKEN), Value::String(text))])))
    }
}

/// Whether nothing else is to be merged with what this field answers: it stands at the root, and its key stands there once.
fn is_alone(ctx: &ContextSelectionSet<'_>, field: &Field) -> bool {
    let at_root = ctx.path_node.as_ref().is_some_and(|node| node.parent.is_none());
    let root = &ctx.query_env.operation.node.selection_set.node;
    let key = &field.response_key().node;
    let all = Selection { sets: vec![root], fragments: &ctx.query_env.fragments };
    at_root && all.fields().iter().filter(|wanted| wanted.field.response_key().node == *key).all(|wanted| wanted.below.len() == 1)
}

fn json<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    // Texts and numbers always serialise, and a vector takes them all.
    serde_json::to_writer(out, value).unwrap_or_default();
}

impl Written for String {
    fn writer(_: &Selection<'_>) -> Writer<Self> {
        Box::new(json)
    }
}

impl Written for bool {
    fn writer(_: &Selection<'_>) -> Writer<Self> {
        Box::new(json)
    }
}

impl Written for i32 {
    fn writer(_: &Selection<'_>) -> Writer<Self> {
        Box::new(json)
    }
}

impl Written for ID {
    fn writer(_: &Selection<'_>) -> Writer<Self> {
        Box::new(|id, out| json(id.as_str(), out))
    }
}

impl Written for DateTime<Utc> {
    fn writer(_: &Selection<'_>) -> Writer<Self> {
        Box::new(|instant, out| json(&instant.to_rfc3339(), out))
    }
}

impl Written for Decimal {
    fn writer(_: &Selection<'_>) -> Writer<Self> {
        Box::new(|decimal, out| json(&decimal.0, out))
    }
}

impl Written for CurrencyCode {
    fn writer(_: &Selection<'_>) -> Writer<Self> {
        Box::new(|code, out| json(&code.0, out))
    }
}

impl<E: TextEnum> Written for Word<E> {
    fn writer(_: &Selection<'_>) -> Writer<Self> {
        Box::new(|word, out| json(word.0.text(), out))
    }
}

impl<T: Written + 'static> Written for Option<T> {
    fn writer(selection: &Selection<'_>) -> Writer<Self> {
        let write = T::writer(selection);
        Box::new(move |value, out| match value {
            Some(value) => write(value, out),
            None => out.extend_from_slice(b"null"),
        })
    }
}

impl<T: Written + 'static> Written for Vec<T> {
    fn writer(selection: &Selection<'_>) -> Writer<Self> {
        let write = T::writer(selection);
        Box::new(move |values, out| {
            let mut before = b'[';
            for value in values {
                out.push(before);
                write(value, out);
                before = b',';
            }
            if before == b'[' {
                out.push(before);
            }
            out.push(b']');
        })
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::{EmptyMutation, EmptySubscription, Interface, Object, Request, Schema, SimpleObject};
    use chrono::TimeZone;
    use domain::listing::ListingState;

    use super::*;
    use crate::graphql::connection::{NodeConnection, NodeEdge};

    #[derive(Clone, SimpleObject)]
    struct Inner {
        first_word: Word<ListingState>,
        note: Option<String>,
    }
    written!(Inner: first_word, note);

    #[derive(Clone, SimpleObject)]
    struct Outer {
        id: ID,
        count: i32,
        is_new: bool,
        at: DateTime<Utc>,
        one: Option<Inner>,
        none: Option<Inner>,
        many: Vec<Inner>,
        no_one: Vec<Inner>,
        amount: Decimal,
        code: CurrencyCode,
    }
    written!(Outer: id, count, is_new, at, one, none, many, no_one, amount, code);

    #[derive(Interface)]
    #[graphql(field(name = "id", ty = "&ID"))]
    enum Thing {
        Outer(Outer),
    }

    fn page() -> NodeConnection<Outer> {
        let inner = |note: Option<&str>| Inner { first_word: ListingState::Open.into(), note: note.map(str::to_owned) };
        let outer = |number: i32| Outer {
            id: ID(format!("o\"{number}\u{e9}\n")),
            count: number,
            is_new: number % 2 == 0,
            at: Utc.timestamp_opt(1_800_000_000, 5_000).unwrap(),
            one: Some(inner(Some("a \\ b\u{1f600}"))),
            none: None,
            many: vec![inner(None), inner(Some(""))],
            no_one: Vec::new(),
            amount: Decimal("12.50".into()),
            code: CurrencyCode("EUR".into()),
        };
        let edges = [-1, 2].map(|number| NodeEdge { node: outer(number), cursor: format!("c{number}") });
        let page_info =
            PageInfo { has_previous_page: false, has_next_page: true, start_cursor: None, end_cursor: Some("c".into()) };
        NodeConnection { page_info, edges: edges.into() }
    }

    struct Query;

    #[Object]
    impl Query {
        async fn at_once(&self) -> AtOnce<NodeConnection<Outer>> {
            AtOnce(page())
        }

        async fn by_fields(&self) -> NodeConnection<Outer> {
            page()
        }

        async fn thing(&self) -> Option<Thing> {
            None
        }
    }

    fn schema() -> Schema<Query, EmptyMutation, EmptySubscription> {
        Schema::new(Query, EmptyMutation, EmptySubscription)
    }

    async fn answered(document: &str, root: &str, variables: serde_json::Value) -> String {
        let request = Request::new(document.replace("ROOT", root)).variables(async_graphql::Variables::from_json(variables));
        let answer = schema().execute(request).await;
        assert!(answer.errors.is_empty(), "{:?}", answer.errors);
        serde_json::to_string(&answer.data).unwrap()
    }

    const ALL: &str = "id count isNew at one { firstWord note } none { note } many { firstWord note } noOne { note } amount code";

    #[tokio::test]
    async fn what_is_written_is_what_the_executor_answers() {
        let of_node = |selection: &str| format!("{{ r: ROOT {{ edges {{ node {{ {selection} }} }} }} }}");
        let documents = [
            of_node(ALL),
            of_node("code amount many { note } id"),
            of_node("a: id b: id one { x: note note }"),
            of_node("__typename one { __typename t: __typename }"),
            of_node("one { note } id one { firstWord } ... { id count }"),
            of_node("...on Outer { id many { note } } ...on Thing { id } many { firstWord }"),
            "{ r: ROOT { ...P ...Q } } fragment P on OuterConnection { edges { cursor node { id } } } \
             fragment Q on OuterConnection { __typename edges { node { one { note } } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }"
                .to_owned(),
            "query ($yes: Boolean!) { r: ROOT { edges @include(if: $yes) { cursor @skip(if: $yes) node { id @include(if: $yes) count } } } }"
                .to_owned(),
            "{ r: ROOT { edges { cursor } } r: ROOT { edges { node { id } } pageInfo { hasNextPage } } }".to_owned(),
            "{ ...R ...S } fragment R on Query { r: ROOT { edges { cursor } } } fragment S on Query { r: ROOT { edges { node { id } } } }"
                .to_owned(),
        ];
        for document in documents {
            let variables = serde_json::json!({ "yes": true });
            let written = answered(&document, "atOnce", variables.clone()).await;
            assert_eq!(written, answered(&document, "byFields", variables).await, "{document}");
        }
    }

    #[tokio::test]
    async fn a_page_that_is_written_at_once_looks_the_same_in_the_schema() {
        let sdl = schema().sdl();
        assert!(sdl.contains("atOnce: OuterConnection!") && sdl.contains("byFields: OuterConnection!"), "{sdl}");
        let answer = schema().execute("{ atOnce { edges { cursor } } }").await;
        let Value::Object(data) = &answer.data else { panic!("{answer:?}") };
        assert_eq!(written_text(&data["atOnce"]), Some(r#"{"edges":[{"cursor":"c-1"},{"cursor":"c2"}]}"#));
    }

    #[test]
    fn names_are_those_of_the_schema() {
        assert!(is_named("maxSales", "max_sales") && is_named("id", "id") && is_named("relistedFromId", "relisted_from_id"));
        assert!(!is_named("maxsales", "max_sales") && !is_named("max", "max_sales") && !is_named("ids", "id"));
    }
}
