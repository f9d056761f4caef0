//! Made-up campaigns and leads of a motor insurer's market: skewed values, some fields missing, everyone in one vertical and
//! currency, so that every lead faces every campaign.

use std::collections::BTreeSet;

use domain::campaign::{Facts, Field, Filter, Predicate, Scalar, Span, Test};
use domain::lead::{ContactKind, Interest, SourceKind, Temperature};
use domain::matching::{Entry, StandingOffer};
use domain::money::Currency;
use domain::vertical::VerticalPath;
use rand::RngExt;
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::Error;
use crate::skew::Skew;

/// Where everybody trades.
pub(crate) const VERTICAL: &str = "insurance/auto/third-party";

const COUNTRIES: usize = 40;
const REGIONS: usize = 16;
const MAKES: usize = 40;
const SELLERS: usize = 500;
const LANGUAGES: usize = 12;
const HOBBIES: usize = 30;
const FUELS: [&str; 5] = ["petrol", "diesel", "hybrid", "electric", "gas"];
const CONSENTS: [&str; 3] = ["TEXT", "CERTIFICATE", "NONE"];
const FRESHNESS_SECS: [i64; 6] = [300, 900, 3_600, 21_600, 86_400, 604_800];
const DAY_MINUTES: i64 = 1_440;

/// Which filters there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Conjunctions of tests, one in twelve of them negated.
    Plain,
    /// The same, but one campaign in five has nested alternatives and exceptions.
    Nested,
}

/// Makes campaigns and leads, the same at every run.
pub(crate) struct Workload {
    random: ChaCha12Rng,
    vertical: VerticalPath,
    skews: Skews,
}

/// How unequal values are: many campaigns and leads share few of them.
struct Skews {
    country: Skew,
    region: Skew,
    make: Skew,
    seller: Skew,
    language: Skew,
    hobby: Skew,
    kind: Skew,
    interest: Skew,
    source: Skew,
    temperature: Skew,
    fuel: Skew,
}

/// A test that a campaign may make, with how many of a hundred campaigns make it.
type Ask = (u32, fn(&mut Workload, usize) -> Filter);

/// A little over six tests for each campaign.
const ASKS: [Ask; 19] = [
    (96, Workload::country),
    (56, Workload::region),
    (34, Workload::postal_code),
    (60, Workload::age),
    (42, Workload::score),
    (42, Workload::contact_kind),
    (50, Workload::interest),
    (34, Workload::source),
    (40, Workload::make),
    (24, Workload::fuel),
    (24, Workload::year),
    (24, Workload::freshness),
    (24, Workload::office_hours),
    (20, Workload::temperature),
    (16, Workload::level),
    (10, Workload::consent),
    (16, Workload::language),
    (12, Workload::hobbies),
    (8, Workload::sellers),
];

impl Workload {
    pub(crate) fn new(seed: u64) -> Result<Self, Error> {
        let vertical = VERTICAL.parse().map_err(|_| Error::Workload("the vertical's path"))?;
        let skews = Skews {
            country: Skew::new(COUNTRIES, 0.8),
            region: Skew::new(REGIONS, 0.7),
            make: Skew::new(MAKES, 0.8),
            seller: Skew::new(SELLERS, 0.8),
            language: Skew::new(LANGUAGES, 1.0),
            hobby: Skew::new(HOBBIES, 0.6),
            kind: Skew::new(ContactKind::ALL.len(), 0.5),
            interest: Skew::new(Interest::ALL.len(), 0.6),
            source: Skew::new(SourceKind::ALL.len(), 0.7),
            temperature: Skew::new(Temperature::ALL.len(), 0.3),
            fuel: Skew::new(FUELS.len(), 0.7),
        };
        Ok(Self { random: ChaCha12Rng::seed_from_u64(seed), vertical, skews })
    }

    pub(crate) fn vertical(&self) -> &VerticalPath {
        &self.vertical
    }

    pub(crate) fn campaigns(&mut self, count: usize, kind: Kind) -> Vec<Entry> {
        (0..count).map(|_| self.campaign(kind)).collect()
    }

    fn campaign(&mut self, kind: Kind) -> Entry {
        let home = self.skews.country.draw(&mut self.random);
        let mut parts = Vec::new();
        for (share, ask) in ASKS {
            if self.percent(share) {
                let part = ask(self, home);
                parts.push(part);
            }
        }
        if kind == Kind::Nested && self.percent(20) {
            self.nest(&mut parts, home);
        }
        let offer = self.offer();
        Entry { vertical: self.vertical.clone(), currency: Currency::EUR, filter: Filter::All(parts), offer }
    }

    /// Turns the last tests into alternatives, or makes an exception of several tests together.
    fn nest(&mut self, parts: &mut Vec<Filter>, home: usize) {
        let kept = parts.len().div_ceil(2);
        let mut ways = vec![Filter::All(parts.split_off(kept))];
        for _ in 0..self.random.random_range(1..3_u32) {
            let (one, other) = (self.any_test(home), self.any_test(home));
            ways.push(if self.percent(50) {
                Filter::All(vec![one, Filter::Not(Box::new(other))])
            } else {
                Filter::All(vec![one, other])
            });
        }
        let any = Filter::Any(ways);
        parts.push(any);
        if self.percent(40) {
            let except = Filter::All(vec![self.any_test(home), self.any_test(home)]);
            parts.push(Filter::Not(Box::new(except)));
        }
    }

    fn any_test(&mut self, home: usize) -> Filter {
        let at = self.random.random_range(1..ASKS.len());
        ASKS.get(at).map_or_else(Filter::everything, |(_, ask)| ask(self, home))
    }

    /// A few euros to some tens, few of them dear; half of the buyers also want a lead alone.
    fn offer(&mut self) -> StandingOffer {
        let dear: f64 = self.random.random_range(0.0..1.0_f64).powi(3);
        let shared = 200_i64.saturating_add(whole(dear * 7_800.0));
        let exclusive =
            self.percent(50).then(|| shared.saturating_add(shared.saturating_mul(self.random.random_range(3..20)) / 10));
        let weight_bp = if self.percent(70) { 10_000 } else { self.random.random_range(8_000..10_000) };
        StandingOffer { shared_minor: Some(shared), exclusive_minor: exclusive, weight_bp }
    }

    fn country(&mut self, home: usize) -> Filter {
        let mut countries = BTreeSet::from([text("C", home)]);
        while self.percent(20) {
            countries.insert(text("C", self.skews.country.draw(&mut self.random)));
        }
        one_of(Field::Country, countries)
    }

    fn region(&mut self, home: usize) -> Filter {
        let count = self.random.random_range(1..4_u32);
        let regions = (0..count).map(|_| region(home, self.skews.region.draw(&mut self.random))).collect();
        let wanted = one_of(Field::Region, regions);
        if self.percent(15) { Filter::Not(Box::new(wanted)) } else { wanted }
    }

    fn postal_code(&mut self, _: usize) -> Filter {
        let count = self.random.random_range(1..6_u32);
        let prefix = |random: &mut ChaCha12Rng| match random.random_range(0..10_u32) {
            0 => format!("{}", random.random_range(0..10_u32)),
            1..8 => format!("{:02}", random.random_range(0..100_u32)),
            _ => format!("{:03}", random.random_range(0..1_000_u32)),
        };
        let prefixes = (0..count).map(|_| prefix(&mut self.random)).collect();
        Filter::Is(Predicate { field: Field::PostalCode, test: Test::StartsWith(prefixes) })
    }

    fn age(&mut self, _: usize) -> Filter {
        let min = self.random.random_range(0..7_i64).saturating_mul(5).saturating_add(18);
        let max = self.percent(85).then(|| min.saturating_add(self.random.random_range(1..6_i64).saturating_mul(5)));
        within(attribute("age"), Some(min), max)
    }

    fn score(&mut self, _: usize) -> Filter {
        let min = self.random.random_range(6..19_i64).saturating_mul(5);
        within(Field::Score, Some(min), None)
    }

    fn contact_kind(&mut self, _: usize) -> Filter {
        let kinds = self.some(2, |skews| &skews.kind, |at| word(ContactKind::ALL.get(at).map(|kind| kind.as_str())));
        one_of(Field::ContactKind, kinds)
    }

    fn interest(&mut self, _: usize) -> Filter {
        let interests = self.some(2, |skews| &skews.interest, |at| word(Interest::ALL.get(at).map(|each| each.as_str())));
        one_of(Field::Interest, interests)
    }

    fn source(&mut self, _: usize) -> Filter {
        let sources = self.some(3, |skews| &skews.source, |at| word(SourceKind::ALL.get(at).map(|each| each.as_str())));
        let wanted = one_of(Field::Source, sources);
        if self.percent(30) { Filter::Not(Box::new(wanted)) } else { wanted }
    }

    fn make(&mut self, _: usize) -> Filter {
        let makes = self.some(3, |skews| &skews.make, |at| text("make ", at));
        one_of(attribute("make"), makes)
    }

    fn fuel(&mut self, _: usize) -> Filter {
        let fuels = self.some(2, |skews| &skews.fuel, |at| word(FUELS.get(at).copied()));
        one_of(attribute("fuel"), fuels)
    }

    fn year(&mut self, _: usize) -> Filter {
        let min = self.random.random_range(2_005..2_025);
        let max = self.percent(30).then(|| self.random.random_range(min..2_027));
        within(attribute("year"), Some(min), max)
    }

    fn freshness(&mut self, _: usize) -> Filter {
        let at = self.random.random_range(0..FRESHNESS_SECS.len());
        within(Field::AgeSecs, None, FRESHNESS_SECS.get(at).copied())
    }

    fn office_hours(&mut self, _: usize) -> Filter {
        let (opens, closes) = (self.random.random_range(7..11_i64), self.random.random_range(16..21_i64));
        let days = if self.percent(25) { 6 } else { 5 };
        let day = |day: i64| {
            let midnight = day.saturating_mul(DAY_MINUTES);
            let at = |hour: i64| Some(midnight.saturating_add(hour.saturating_mul(60)));
            Span { min: at(opens), max: at(closes).map(|end| end.saturating_sub(1)) }
        };
        Filter::Is(Predicate { field: Field::LocalMinute, test: Test::Within((0..days).map(day).collect()) })
    }

    fn temperature(&mut self, _: usize) -> Filter {
        let wanted = self.some(2, |skews| &skews.temperature, |at| word(Temperature::ALL.get(at).map(|each| each.as_str())));
        one_of(Field::Temperature, wanted)
    }

    fn level(&mut self, _: usize) -> Filter {
        let min = self.random.random_range(1..4);
        within(Field::Level, Some(min), None)
    }

    fn consent(&mut self, _: usize) -> Filter {
        let kinds = if self.percent(50) { vec!["CERTIFICATE"] } else { vec!["CERTIFICATE", "TEXT"] };
        one_of(Field::Consent, kinds.into_iter().map(|kind| Scalar::Text(kind.to_owned())).collect())
    }

    fn language(&mut self, _: usize) -> Filter {
        let languages = self.some(2, |skews| &skews.language, |at| text("l", at));
        one_of(attribute("language"), languages)
    }

    fn hobbies(&mut self, _: usize) -> Filter {
        let hobbies = self.some(5, |skews| &skews.hobby, |at| text("hobby ", at));
        one_of(attribute("interests"), hobbies)
    }

    fn sellers(&mut self, _: usize) -> Filter {
        let sellers = self.some(6, |skews| &skews.seller, |at| text("seller-", at));
        Filter::Not(Box::new(one_of(Field::Seller, sellers)))
    }

    /// One to `most` values, fewer when the same is drawn twice.
    fn some(&mut self, most: u32, skew: fn(&Skews) -> &Skew, name: impl Fn(usize) -> Scalar) -> BTreeSet<Scalar> {
        let count = self.random.random_range(1..=most);
        (0..count).map(|_| name(skew(&self.skews).draw(&mut self.random))).collect()
    }

    fn percent(&mut self, share: u32) -> bool {
        self.random.random_range(0..100_u32) < share
    }

    /// Leads of the same market.
    pub(crate) fn leads(&mut self, count: usize) -> Vec<Facts> {
        (0..count).map(|_| self.lead()).collect()
    }

    fn lead(&mut self) -> Facts {
        let mut facts = Facts::default();
        let home = self.skews.country.draw(&mut self.random);
        facts.set(Field::Country, text("C", home));
        let Self { random, skews, .. } = self;
        let mut maybe = |percent: u32, field: Field, value: Scalar, random: &mut ChaCha12Rng| {
            if random.random_range(0..100_u32) < percent {
                facts.set(field, value);
            }
        };
        maybe(90, Field::Region, region(home, skews.region.draw(random)), random);
        let code = random.random_range(0..100_000_u32);
        maybe(95, Field::PostalCode, Scalar::Text(format!("{code:05}")), random);
        let age = 18_i64.saturating_add(whole((random.random_range(0.0..1.0_f64) + random.random_range(0.0..1.0_f64)) * 32.0));
        maybe(85, attribute("age"), Scalar::Number(age), random);
        let score = whole((random.random_range(0.0..1.0_f64) + random.random_range(0.0..1.0_f64)) * 50.0);
        maybe(100, Field::Score, Scalar::Number(score), random);
        let kind = word(ContactKind::ALL.get(skews.kind.draw(random)).map(|kind| kind.as_str()));
        maybe(100, Field::ContactKind, kind, random);
        let interest = word(Interest::ALL.get(skews.interest.draw(random)).map(|each| each.as_str()));
        maybe(100, Field::Interest, interest, random);
        let source = word(SourceKind::ALL.get(skews.source.draw(random)).map(|each| each.as_str()));
        maybe(100, Field::Source, source, random);
        maybe(95, attribute("make"), text("make ", skews.make.draw(random)), random);
        maybe(80, attribute("fuel"), word(FUELS.get(skews.fuel.draw(random)).copied()), random);
        let year = 2_026_i64.saturating_sub(whole(random.random_range(0.0..1.0_f64).powi(2) * 25.0));
        maybe(95, attribute("year"), Scalar::Number(year), random);
        let age_secs = whole(random.random_range(0.0..14.0_f64).exp());
        maybe(95, Field::AgeSecs, Scalar::Number(age_secs), random);
        let minute = random.random_range(0..DAY_MINUTES.saturating_mul(7));
        maybe(95, Field::LocalMinute, Scalar::Number(minute), random);
        let temperature = word(Temperature::ALL.get(skews.temperature.draw(random)).map(|each| each.as_str()));
        maybe(100, Field::Temperature, temperature, random);
        maybe(100, Field::Level, Scalar::Number(random.random_range(0..5)), random);
        let consent = word(CONSENTS.get(random.random_range(0..CONSENTS.len())).copied());
        maybe(100, Field::Consent, consent, random);
        maybe(75, attribute("language"), text("l", skews.language.draw(random)), random);
        maybe(100, Field::Seller, text("seller-", skews.seller.draw(random)), random);
        let hobbies = random.random_range(0..4_usize);
        let hobbies: BTreeSet<usize> = (0..hobbies).map(|_| skews.hobby.draw(random)).collect();
        facts.set_many(attribute("interests"), hobbies.into_iter().map(|at| text("hobby ", at)).collect());
        facts
    }
}

/// How many tests a filter makes.
pub(crate) fn leaves(filter: &Filter) -> usize {
    match filter {
        Filter::All(parts) | Filter::Any(parts) => parts.iter().map(leaves).fold(0, usize::saturating_add),
        Filter::Not(part) => leaves(part),
        Filter::Is(_) => 1,
    }
}

fn attribute(key: &str) -> Field {
    Field::Attribute(key.to_owned())
}

fn text(prefix: &str, at: usize) -> Scalar {
    Scalar::Text(format!("{prefix}{at:02}"))
}

fn region(country: usize, at: usize) -> Scalar {
    Scalar::Text(format!("region {country}-{at}"))
}

fn word(word: Option<&str>) -> Scalar {
    Scalar::Text(word.unwrap_or_default().to_owned())
}

fn one_of(field: Field, values: BTreeSet<Scalar>) -> Filter {
    Filter::Is(Predicate { field, test: Test::OneOf(values) })
}

fn within(field: Field, min: Option<i64>, max: Option<i64>) -> Filter {
    Filter::Is(Predicate { field, test: Test::Within(vec![Span { min, max }]) })
}

/// The whole part of a number that is not negative and below 2^53.
fn whole(number: f64) -> i64 {
    std::time::Duration::try_from_secs_f64(number).ok().and_then(|secs| i64::try_from(secs.as_secs()).ok()).unwrap_or(0)
}
