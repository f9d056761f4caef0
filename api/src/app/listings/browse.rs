//! Browsing the market.

use domain::access::Permission;
use domain::id::ListingId;
use domain::refusal::{Code, Refusal};
use domain::vertical::{Attribute, AttributeKind, AttributeValue, CORE_KEYS};
use store::listings::{AttributeFilter, AttributeTest, ListingFilter, ListingKey, ListingParts, ListingSort, ListingView};
use store::page::{Page, Slice};

use crate::app::{App, AppError, Caller};

/// Conditions on attributes in one filter.
const MAX_ATTRIBUTES: usize = 20;
/// Values in one list of a filter.
const MAX_VALUES: usize = 100;

/// What a buyer asks of one attribute, in texts that are yet to be fitted to the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeAsk {
    /// The attribute's key.
    pub key: String,
    /// Its value is this.
    pub equals: Option<String>,
    /// Its value is one of these.
    pub one_of: Option<Vec<String>>,
    /// Its value is at least this.
    pub min: Option<String>,
    /// Its value is at most this.
    pub max: Option<String>,
    /// It has no value, or has one.
    pub missing: Option<bool>,
}

/// Which listings, in which order.
#[derive(Debug, Clone)]
pub struct ListingsInput {
    /// All but the attributes.
    pub filter: ListingFilter,
    /// Conditions on attributes; all must hold.
    pub attributes: Vec<AttributeAsk>,
    /// The order.
    pub sort: ListingSort,
    /// The page.
    pub page: Page<ListingKey>,
    /// What of each listing is looked at.
    pub parts: ListingParts,
}

/// A page of the listings that the caller may see.
pub async fn listings(app: &App, caller: &Caller, input: ListingsInput) -> Result<Slice<(ListingKey, ListingView)>, AppError> {
    let viewer = caller.principal.require(Permission::MarketRead)?;
    let filter = listing_filter(app, input.filter, &input.attributes).await?;
    Ok(app.store.listings_page(viewer, &filter, input.sort, &input.page, input.parts, app.now()).await?)
}

/// The listing, if the caller may see it and `filter` (made by [`listing_filter`]) finds it: for a subscriber to new ones.
pub async fn listing_found(
    app: &App,
    caller: &Caller,
    filter: &ListingFilter,
    id: ListingId,
) -> Result<Option<ListingView>, AppError> {
    let viewer = caller.principal.require(Permission::MarketRead)?;
    let filter = ListingFilter { ids: vec![id], ..filter.clone() };
    let page = Page { first: 1, after: None };
    let slice = app.store.listings_page(viewer, &filter, ListingSort::Newest, &page, ListingParts::ALL, app.now()).await?;
    Ok(slice.rows.into_iter().next().map(|(_, view)| view))
}

/// The filter with its conditions on attributes fitted to the schemas of the verticals it is about.
pub async fn listing_filter(app: &App, mut filter: ListingFilter, asks: &[AttributeAsk]) -> Result<ListingFilter, AppError> {
    bounded(&filter)?;
    if asks.is_empty() {
        return Ok(filter);
    }
    if asks.len() > MAX_ATTRIBUTES {
        return Err(Refusal::new(Code::TooLarge, format!("at most {MAX_ATTRIBUTES} conditions"))
            .at("attributes")
            .at("filter")
            .into());
    }
    let known = app.store.attributes_filterable(filter.vertical_path.as_deref()).await?;
    for (index, ask) in asks.iter().enumerate() {
        let fitted = fit(ask, &known).map_err(|refusal| refusal.at(index).at("attributes").at("filter"))?;
        filter.attributes.push(fitted);
    }
    Ok(filter)
}

/// The listing, if the caller may see it.
pub async fn listing(app: &App, caller: &Caller, id: ListingId) -> Result<Option<ListingView>, AppError> {
    let viewer = caller.principal.require(Permission::MarketRead)?;
    Ok(app.store.listing_visible(viewer, id).await?)
}

/// The listing, in whatever state, for a caller who followed it while it was to be seen: how it ended is no secret, who took part
/// is.
pub async fn listing_followed(app: &App, caller: &Caller, id: ListingId) -> Result<Option<ListingView>, AppError> {
    let viewer = caller.principal.require(Permission::MarketRead)?;
    Ok(app.store.listing_followed(viewer, id).await?)
}

/// Those of `ids` that the caller may see, in no order.
pub async fn listings_many(app: &App, caller: &Caller, ids: &[ListingId]) -> Result<Vec<ListingView>, AppError> {
    let viewer = caller.principal.require(Permission::MarketRead)?;
    Ok(app.store.listings_visible(viewer, ids).await?)
}

fn bounded(filter: &ListingFilter) -> Result<(), Refusal> {
    let lists = [
        ("countries", filter.countries.len()),
        ("regions", filter.regions.len()),
        ("cities", filter.cities.len()),
        ("states", filter.states.len()),
        ("sources", filter.sources.len()),
        ("contactKinds", filter.contact_kinds.len()),
        ("interests", filter.interests.len()),
        ("temperatures", filter.temperatures.len()),
        ("levels", filter.levels.len()),
        ("formats", filter.formats.len()),
        ("audiences", filter.audiences.len()),
    ];
    match lists.into_iter().find(|(_, count)| *count > MAX_VALUES) {
        Some((field, _)) => Err(Refusal::new(Code::TooLarge, format!("at most {MAX_VALUES} values")).at(field).at("filter")),
        None => Ok(()),
    }
}

fn fit(ask: &AttributeAsk, known: &[Attribute]) -> Result<AttributeFilter, Refusal> {
    let schemas: Vec<&Attribute> = known.iter().filter(|attribute| attribute.key == ask.key).collect();
    if schemas.is_empty() && !CORE_KEYS.contains(&ask.key.as_str()) {
        return Err(Refusal::invalid("key", "no filterable attribute of this vertical"));
    }
    let one = |field: &str, text: &String| fit_value(text, &schemas).map_err(|refusal| refusal.at(field));
    let range = ask.min.is_some() || ask.max.is_some();
    let test = match (&ask.equals, &ask.one_of, range, ask.missing) {
        (Some(text), None, false, None) => AttributeTest::In(vec![one("equals", text)?]),
        (None, Some(texts), false, None) => {
            if texts.is_empty() || texts.len() > MAX_VALUES {
                return Err(Refusal::invalid("in", format!("1 to {MAX_VALUES} values")));
            }
            AttributeTest::In(texts.iter().map(|text| one("in", text)).collect::<Result<_, _>>()?)
        }
        (None, None, true, None) => {
            if !schemas.iter().any(|schema| matches!(schema.kind, AttributeKind::Int | AttributeKind::Date)) {
                return Err(Refusal::invalid("key", "only numbers and dates have ranges"));
            }
            let bound = |text: &Option<String>, field| text.as_ref().map(|text| bound(field, text, &schemas)).transpose();
            AttributeTest::Range { min: bound(&ask.min, "min")?, max: bound(&ask.max, "max")? }
        }
        (None, None, false, Some(missing)) => AttributeTest::Missing(missing),
        _ => return Err(Refusal::invalid("key", "set exactly one of: equals, in, min and max, missing")),
    };
    Ok(AttributeFilter { key: ask.key.clone(), test })
}

/// The value as the first schema wants it that takes it; a core attribute is a text.
fn fit_value(text: &str, schemas: &[&Attribute]) -> Result<AttributeValue, Refusal> {
    let given = AttributeValue::text(text);
    let mut refused = None;
    for schema in schemas {
        match schema.fit(&given) {
            Ok(value) => return Ok(value),
            Err(refusal) => refused = Some(refusal),
        }
    }
    match refused {
        None => Ok(given),
        Some(refusal) => Err(Refusal::new(refusal.code, refusal.message)),
    }
}

/// A bound may lie outside of what the schema allows a value to be.
fn bound(field: &str, text: &str, schemas: &[&Attribute]) -> Result<AttributeValue, Refusal> {
    let read = |schema: &&Attribute| match schema.kind {
        AttributeKind::Int => text.trim().parse().ok().map(AttributeValue::Int),
        AttributeKind::Date => text.trim().parse().ok().map(AttributeValue::Date),
        AttributeKind::Enum | AttributeKind::Bool | AttributeKind::Text => None,
    };
    schemas.iter().find_map(read).ok_or_else(|| Refusal::invalid(field, "not a number or an ISO 8601 day, as the attribute is"))
}
