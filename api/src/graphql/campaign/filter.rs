//! A campaign's filter, as a client writes it and as it is shown again.

use std::collections::BTreeSet;

use async_graphql::{ID, InputObject, OneofObject, SimpleObject};
use domain::campaign::{
    Ask, AttributeAsk, ConsentKind, DAY_MINUTES, DaySpan, Field, Predicate, Scalar, Span, Test, Weekday, rank,
};
use domain::id::OrganizationId;
use domain::lead::{Audience, ContactKind, Interest, SourceKind, Temperature};
use domain::refusal::Refusal;
use domain::verification::Level;

use crate::graphql::id::parse_id;
use crate::graphql::listing::input::AttributeFilterInput;
use crate::graphql::word::{Word, values};

/// A field that a lead may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, async_graphql::Enum)]
pub enum CampaignFilterField {
    /// The region.
    Region,
    /// The city.
    City,
    /// The postal code.
    PostalCode,
    /// The clock where the person is.
    LocalTime,
    /// When the person left the details: not every seller says it.
    Age,
    /// The score, the temperature and the level: a lead that is only pinged has none yet.
    Score,
}

/// A range of whole numbers, both ends included; one may be absent.
#[derive(Debug, Clone, Copy, InputObject)]
pub struct IntRangeInput {
    /// The least.
    pub min: Option<i32>,
    /// The greatest.
    pub max: Option<i32>,
}

/// A span of some days of the week.
#[derive(Debug, Clone, InputObject)]
pub struct WeekSpanInput {
    /// On these days; on every day when absent.
    pub days: Option<Vec<Word<Weekday>>>,
    /// From this time, as `HH:MM`.
    pub from: String,
    /// Until just before this time, as `HH:MM`; `24:00` is the end of the day.
    pub until: String,
}

/// Which leads: exactly one of these. A part nests at most 8 deep, a filter holds at most 64 conditions.
#[derive(Debug, Clone, OneofObject)]
pub enum CampaignFilterInput {
    /// Every one of these holds.
    All(Vec<CampaignFilterInput>),
    /// At least one of these holds.
    Any(Vec<CampaignFilterInput>),
    /// This does not hold.
    Not(Box<CampaignFilterInput>),
    /// A condition on an attribute. Of `interests`, which has several values, one must fit.
    Attribute(AttributeFilterInput),
    /// The lead stands for one of these.
    Audience(Vec<Word<Audience>>),
    /// There is so much contact data.
    ContactKind(Vec<Word<ContactKind>>),
    /// The person asked for one of these.
    Interest(Vec<Word<Interest>>),
    /// The lead came from one of these.
    Source(Vec<Word<SourceKind>>),
    /// This shows that the person asked.
    Consent(Vec<Word<ConsentKind>>),
    /// In one of these countries: ISO 3166 codes.
    Country(Vec<String>),
    /// In one of these regions; case does not matter.
    Region(Vec<String>),
    /// In one of these cities; case does not matter.
    City(Vec<String>),
    /// The postal code begins with one of these; case, blanks and hyphens do not matter.
    PostalPrefix(Vec<String>),
    /// So near to buying.
    Temperature(Vec<Word<Temperature>>),
    /// With so many points.
    Score(IntRangeInput),
    /// Verified at least so far.
    MinLevel(Word<Level>),
    /// Sold by one of these organizations: wrap it in `not` to shut them out.
    Seller(Vec<ID>),
    /// The expected share of bad trades of the seller is at most this, in basis points.
    MaxSellerBadTradesBp(i32),
    /// So many seconds have passed since the person left the details. Where the seller does not say when that was, it does not
    /// hold.
    AgeSecs(IntRangeInput),
    /// The clock where the person is shows one of these times. Unknown in countries with several clocks where the region does
    /// not tell, and then it does not hold.
    LocalTime(Vec<WeekSpanInput>),
    /// Nothing is known of this.
    Missing(CampaignFilterField),
}

/// A condition on an attribute, as it was written.
#[derive(Debug, Clone, SimpleObject)]
pub struct CampaignAttributeFilter {
    /// The attribute's key.
    pub key: String,
    /// The value is this.
    pub equals: Option<String>,
    /// The value is one of these.
    #[graphql(name = "in")]
    pub one_of: Option<Vec<String>>,
    /// The value is at least this.
    pub min: Option<String>,
    /// The value is at most this.
    pub max: Option<String>,
    /// Whether there must be no value.
    pub missing: Option<bool>,
}

/// A range of whole numbers, both ends included.
#[derive(Debug, Clone, Copy, SimpleObject)]
pub struct IntRange {
    /// The least, if there is one.
    pub min: Option<i32>,
    /// The greatest, if there is one.
    pub max: Option<i32>,
}

/// A span of one day of the week.
#[derive(Debug, Clone, SimpleObject)]
pub struct WeekSpan {
    /// The day.
    pub day: Word<Weekday>,
    /// From this time, as `HH:MM`.
    #[graphql(name = "from")]
    pub begins: String,
    /// Until just before this time, as `HH:MM`; `24:00` is the end of the day.
    pub until: String,
}

/// Which leads: one field is set, the one of the input under which it was written.
#[derive(Debug, Clone, Default, SimpleObject)]
pub struct CampaignFilter {
    /// Every one of these holds.
    pub all: Option<Vec<CampaignFilter>>,
    /// At least one of these holds.
    pub any: Option<Vec<CampaignFilter>>,
    /// This does not hold.
    pub not: Option<Box<CampaignFilter>>,
    /// A condition on an attribute.
    pub attribute: Option<CampaignAttributeFilter>,
    /// The lead stands for one of these.
    pub audience: Option<Vec<Word<Audience>>>,
    /// There is so much contact data.
    pub contact_kind: Option<Vec<Word<ContactKind>>>,
    /// The person asked for one of these.
    pub interest: Option<Vec<Word<Interest>>>,
    /// The lead came from one of these.
    pub source: Option<Vec<Word<SourceKind>>>,
    /// This shows that the person asked.
    pub consent: Option<Vec<Word<ConsentKind>>>,
    /// In one of these countries.
    pub country: Option<Vec<String>>,
    /// In one of these regions.
    pub region: Option<Vec<String>>,
    /// In one of these cities.
    pub city: Option<Vec<String>>,
    /// The postal code begins with one of these.
    pub postal_prefix: Option<Vec<String>>,
    /// So near to buying.
    pub temperature: Option<Vec<Word<Temperature>>>,
    /// With so many points.
    pub score: Option<IntRange>,
    /// Verified at least so far.
    pub min_level: Option<Word<Level>>,
    /// Sold by one of these organizations.
    pub seller: Option<Vec<ID>>,
    /// The expected share of bad trades of the seller is at most this, in basis points.
    pub max_seller_bad_trades_bp: Option<i32>,
    /// So many seconds have passed since the person left the details.
    pub age_secs: Option<IntRange>,
    /// The clock where the person is shows one of these times.
    pub local_time: Option<Vec<WeekSpan>>,
    /// Nothing is known of this.
    pub missing: Option<CampaignFilterField>,
}

impl CampaignFilterInput {
    /// What is asked for, or every refusal with its place.
    pub(super) fn parse(self) -> Result<Ask, Vec<Refusal>> {
        let is = |field, test| Ok(Ask::Is(Predicate { field, test }));
        let texts = |texts: Vec<String>| Test::OneOf(texts.into_iter().map(Scalar::Text).collect());
        match self {
            Self::All(parts) => each("all", parts).map(Ask::All),
            Self::Any(parts) => each("any", parts).map(Ask::Any),
            Self::Not(part) => match part.parse() {
                Ok(part) => Ok(Ask::Not(Box::new(part))),
                Err(found) => Err(found.into_iter().map(|refusal| refusal.at("not")).collect()),
            },
            Self::Attribute(AttributeFilterInput { key, equals, one_of, min, max, missing }) => {
                Ok(Ask::Attribute(AttributeAsk { key, equals, one_of, min, max, missing }))
            }
            Self::Audience(words) => is(Field::Audience, listed(words)),
            Self::ContactKind(words) => is(Field::ContactKind, listed(words)),
            Self::Interest(words) => is(Field::Interest, listed(words)),
            Self::Source(words) => is(Field::Source, listed(words)),
            Self::Consent(words) => is(Field::Consent, listed(words)),
            Self::Country(codes) => is(Field::Country, texts(codes)),
            Self::Region(names) => is(Field::Region, texts(names)),
            Self::City(names) => is(Field::City, texts(names)),
            Self::PostalPrefix(prefixes) => is(Field::PostalCode, Test::StartsWith(prefixes.into_iter().collect())),
            Self::Temperature(words) => is(Field::Temperature, listed(words)),
            Self::Score(range) => is(Field::Score, range.test()),
            Self::MinLevel(Word(level)) => is(Field::Level, Test::Within(vec![Span { min: Some(rank(level)), max: None }])),
            Self::Seller(ids) => {
                let ids = ids.iter().map(|id| parse_id::<OrganizationId>(id, "seller").map(|id| Scalar::Text(id.to_string())));
                is(Field::Seller, Test::OneOf(ids.collect::<Result<_, _>>()?))
            }
            Self::MaxSellerBadTradesBp(most) => {
                is(Field::SellerBadTrades, Test::Within(vec![Span { min: None, max: Some(most.into()) }]))
            }
            Self::AgeSecs(range) => is(Field::AgeSecs, range.test()),
            Self::LocalTime(spans) => {
                let spans = week_spans(&spans).map_err(|refusal| refusal.at("localTime"))?;
                let span = |span: DaySpan| {
                    let (first, last) = span.minutes_of_week();
                    Span { min: Some(first), max: Some(last) }
                };
                is(Field::LocalMinute, Test::Within(spans.into_iter().map(span).collect()))
            }
            Self::Missing(field) => is(field.into(), Test::Missing),
        }
    }
}

impl IntRangeInput {
    fn test(self) -> Test {
        Test::Within(vec![Span { min: self.min.map(i64::from), max: self.max.map(i64::from) }])
    }
}

impl From<CampaignFilterField> for Field {
    fn from(field: CampaignFilterField) -> Self {
        match field {
            CampaignFilterField::Region => Self::Region,
            CampaignFilterField::City => Self::City,
            CampaignFilterField::PostalCode => Self::PostalCode,
            CampaignFilterField::LocalTime => Self::LocalMinute,
            CampaignFilterField::Age => Self::AgeSecs,
            CampaignFilterField::Score => Self::Score,
        }
    }
}

impl From<&Ask> for CampaignFilter {
    fn from(ask: &Ask) -> Self {
        let shown = |parts: &[Ask]| Some(parts.iter().map(Self::from).collect());
        match ask {
            Ask::All(parts) => Self { all: shown(parts), ..Self::default() },
            Ask::Any(parts) => Self { any: shown(parts), ..Self::default() },
            Ask::Not(part) => Self { not: Some(Box::new(Self::from(part.as_ref()))), ..Self::default() },
            Ask::Attribute(ask) => {
                let AttributeAsk { key, equals, one_of, min, max, missing } = ask.clone();
                let attribute = CampaignAttributeFilter { key, equals, one_of, min, max, missing };
                Self { attribute: Some(attribute), ..Self::default() }
            }
            Ask::Is(predicate) => Self::of(predicate),
        }
    }
}

impl CampaignFilter {
    fn of(predicate: &Predicate) -> Self {
        let none = Self::default();
        match (&predicate.field, &predicate.test) {
            (field, Test::Missing) => Self { missing: missing(field), ..none },
            (Field::Audience, test) => Self { audience: Some(words(test)), ..none },
            (Field::ContactKind, test) => Self { contact_kind: Some(words(test)), ..none },
            (Field::Interest, test) => Self { interest: Some(words(test)), ..none },
            (Field::Source, test) => Self { source: Some(words(test)), ..none },
            (Field::Consent, test) => Self { consent: Some(words(test)), ..none },
            (Field::Temperature, test) => Self { temperature: Some(words(test)), ..none },
            (Field::Country, test) => Self { country: Some(plain(test)), ..none },
            (Field::Region, test) => Self { region: Some(plain(test)), ..none },
            (Field::City, test) => Self { city: Some(plain(test)), ..none },
            (Field::PostalCode, test) => Self { postal_prefix: Some(plain(test)), ..none },
            (Field::Seller, test) => Self { seller: Some(plain(test).into_iter().map(ID).collect()), ..none },
            (Field::Score, test) => Self { score: range(test), ..none },
            (Field::AgeSecs, test) => Self { age_secs: range(test), ..none },
            (Field::Level, test) => {
                let least = range(test).and_then(|range| range.min);
                Self {
                    min_level: Level::ALL.iter().find(|level| Some(rank(**level)) == least.map(i64::from)).map(|l| Word(*l)),
                    ..none
                }
            }
            (Field::SellerBadTrades, test) => Self { max_seller_bad_trades_bp: range(test).and_then(|range| range.max), ..none },
            (Field::LocalMinute, Test::Within(spans)) => {
                Self { local_time: Some(spans.iter().filter_map(week_span).collect()), ..none }
            }
            (Field::LocalMinute | Field::Attribute(_), _) => none,
        }
    }
}

/// The spans of the week that a client names.
pub(super) fn week_spans(spans: &[WeekSpanInput]) -> Result<Vec<DaySpan>, Refusal> {
    let mut found = Vec::new();
    for (index, span) in spans.iter().enumerate() {
        let minute = |text: &str, field: &str| {
            minute_of_day(text).ok_or_else(|| Refusal::invalid(field, "a time such as 09:30").at(index))
        };
        let (from_minute, until_minute) = (minute(&span.from, "from")?, minute(&span.until, "until")?);
        let days = span.days.clone().map_or_else(|| Weekday::ALL.to_vec(), values);
        for day in days {
            let span = DaySpan { day, from_minute, until_minute };
            span.check().map_err(|refusal| refusal.at(index))?;
            found.push(span);
        }
    }
    Ok(found)
}

impl From<&DaySpan> for WeekSpan {
    fn from(span: &DaySpan) -> Self {
        Self { day: span.day.into(), begins: clock(span.from_minute), until: clock(span.until_minute) }
    }
}

fn clock(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

fn minute_of_day(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let digits = |text: &str| (text.len() == 2).then(|| text.parse::<u16>().ok()).flatten();
    let (hours, minutes) = (digits(hours)?, digits(minutes)?);
    let minute = hours.checked_mul(60)?.checked_add(minutes)?;
    (minutes < 60 && minute <= DAY_MINUTES).then_some(minute)
}

fn week_span(span: &Span) -> Option<WeekSpan> {
    let (first, last) = (u16::try_from(span.min?).ok()?, u16::try_from(span.max?).ok()?);
    let day = *Weekday::ALL.get(usize::from(first.checked_div(DAY_MINUTES)?))?;
    let from_minute = first.checked_rem(DAY_MINUTES)?;
    let until_minute = last.checked_rem(DAY_MINUTES)?.checked_add(1)?;
    Some(WeekSpan::from(&DaySpan { day, from_minute, until_minute }))
}

fn each(name: &str, parts: Vec<CampaignFilterInput>) -> Result<Vec<Ask>, Vec<Refusal>> {
    let mut asks = Vec::with_capacity(parts.len());
    let mut refusals = Vec::new();
    for (index, part) in parts.into_iter().enumerate() {
        match part.parse() {
            Ok(ask) => asks.push(ask),
            Err(found) => refusals.extend(found.into_iter().map(|refusal| refusal.at(index).at(name))),
        }
    }
    if refusals.is_empty() { Ok(asks) } else { Err(refusals) }
}

fn listed<E: domain::access::TextEnum>(words: Vec<Word<E>>) -> Test {
    Test::OneOf(values(words).into_iter().map(|value| Scalar::Text(value.text().to_owned())).collect())
}

fn words<E: domain::access::TextEnum>(test: &Test) -> Vec<Word<E>> {
    plain(test).iter().filter_map(|text| text.parse().ok().map(Word)).collect()
}

fn plain(test: &Test) -> Vec<String> {
    let text = |value: &Scalar| match value {
        Scalar::Text(text) => Some(text.clone()),
        Scalar::Number(_) => None,
    };
    match test {
        Test::OneOf(values) => values.iter().filter_map(text).collect(),
        Test::StartsWith(prefixes) => prefixes.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect(),
        Test::Within(_) | Test::Missing => Vec::new(),
    }
}

fn range(test: &Test) -> Option<IntRange> {
    let Test::Within(spans) = test else { return None };
    let end = |end: Option<i64>| end.and_then(|end| i32::try_from(end).ok());
    spans.first().map(|span| IntRange { min: end(span.min), max: end(span.max) })
}

fn missing(field: &Field) -> Option<CampaignFilterField> {
    match field {
        Field::Region => Some(CampaignFilterField::Region),
        Field::City => Some(CampaignFilterField::City),
        Field::PostalCode => Some(CampaignFilterField::PostalCode),
        Field::LocalMinute => Some(CampaignFilterField::LocalTime),
        Field::AgeSecs => Some(CampaignFilterField::Age),
        Field::Score => Some(CampaignFilterField::Score),
        _ => None,
    }
}
