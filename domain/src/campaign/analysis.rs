//! What can be said of a filter without any lead: how large it is, and whether it can hold at all.

use std::collections::{BTreeMap, BTreeSet};

use super::filter::{Field, Filter, Predicate, Scalar, Test};

impl Filter {
    /// Levels of nesting: 1 of a lone predicate, and one more for each `All`, `Any` and `Not` around it.
    #[must_use]
    pub fn depth(&self) -> usize {
        let below = match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().map(Self::depth).max().unwrap_or(0),
            Self::Not(part) => part.depth(),
            Self::Is(_) => 0,
        };
        below.saturating_add(1)
    }

    /// Predicates in it.
    #[must_use]
    pub fn leaves(&self) -> usize {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().map(Self::leaves).fold(0, usize::saturating_add),
            Self::Not(part) => part.leaves(),
            Self::Is(_) => 1,
        }
    }

    /// The part to blame when no lead whatsoever can pass, as the numbers of the children on the way to it (the child of a
    /// `Not` is 0): of two parts that contradict each other the later one, of alternatives that all fail their `Any`.
    ///
    /// A filter that some lead passes is never blamed. A conjunction is found out whenever the parts about one field contradict
    /// each other; a contradiction that only shows in the combination of several alternatives may be missed.
    #[must_use]
    pub fn never_holds(&self) -> Option<Vec<usize>> {
        let mut universes: BTreeMap<&Field, Universe<'_>> = BTreeMap::new();
        self.each_predicate(&mut |predicate| universes.entry(&predicate.field).or_default().name(&predicate.test));
        let mut state = State::new();
        narrow(&Clause { filter: self, negated: false, path: Vec::new() }, &universes, &mut state)
    }

    fn each_predicate<'a>(&'a self, visit: &mut impl FnMut(&'a Predicate)) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.each_predicate(visit)),
            Self::Not(part) => part.each_predicate(visit),
            Self::Is(predicate) => visit(predicate),
        }
    }

    /// The field of all its predicates, if it is one.
    fn only_field(&self) -> Option<&Field> {
        let mut fields = BTreeSet::new();
        self.each_predicate(&mut |predicate| _ = fields.insert(&predicate.field));
        if fields.len() == 1 { fields.pop_first() } else { None }
    }
}

/// What is left open of each field.
type State<'a> = BTreeMap<&'a Field, Open<'a>>;

/// The values that one field may still have.
#[derive(Clone)]
struct Open<'a> {
    allowed: Kinds<'a>,
    /// Of a field with several values: sets of which one value each must come.
    wanted: Vec<Kinds<'a>>,
}

/// A part of a filter, and the way to it.
struct Clause<'a> {
    filter: &'a Filter,
    negated: bool,
    path: Vec<usize>,
}

/// A value as far as the filter tells values apart: all values of a kind pass the same predicates, and each kind has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind<'a> {
    Missing,
    /// The numbers from this one to the next bound.
    From(i64),
    /// This text.
    Text(&'a str),
    /// Texts that start with this and with no longer prefix that the filter names, but are no text that it names.
    Prefixed(&'a str),
    /// Any other text.
    OtherText,
}

type Kinds<'a> = BTreeSet<Kind<'a>>;

/// The bounds, texts and prefixes that a filter names of one field.
struct Universe<'a> {
    /// Where intervals of numbers begin.
    bounds: BTreeSet<i64>,
    texts: BTreeSet<&'a str>,
    prefixes: BTreeSet<&'a str>,
}

impl Default for Universe<'_> {
    fn default() -> Self {
        Self { bounds: [i64::MIN].into(), texts: BTreeSet::new(), prefixes: BTreeSet::new() }
    }
}

impl<'a> Universe<'a> {
    fn name(&mut self, test: &'a Test) {
        match test {
            Test::Missing => {}
            Test::OneOf(values) => {
                for value in values {
                    match value {
                        Scalar::Number(number) => self.bounds.extend([*number].into_iter().chain(number.checked_add(1))),
                        Scalar::Text(text) => _ = self.texts.insert(text),
                    }
                }
            }
            Test::StartsWith(prefixes) => self.prefixes.extend(prefixes.iter().map(String::as_str)),
            Test::Within(spans) => {
                self.bounds.extend(spans.iter().filter_map(|span| span.min));
                self.bounds.extend(spans.iter().filter_map(|span| span.max?.checked_add(1)));
            }
        }
    }

    /// Every kind of value, and none.
    fn kinds(&self) -> Kinds<'a> {
        let numbers = self.bounds.iter().copied().map(Kind::From);
        let texts = self.texts.iter().copied().map(Kind::Text);
        let prefixed = self.prefixes.iter().copied().map(Kind::Prefixed);
        let other = (!self.prefixes.contains("")).then_some(Kind::OtherText);
        numbers.chain(texts).chain(prefixed).chain(other).chain([Kind::Missing]).collect()
    }

    /// The kinds of value that pass a test whose values are named here.
    fn passing(&self, test: &'a Test) -> Kinds<'a> {
        match test {
            Test::Missing => [Kind::Missing].into(),
            Test::OneOf(values) => {
                let kind = |value: &'a Scalar| match value {
                    Scalar::Number(number) => Kind::From(*number),
                    Scalar::Text(text) => Kind::Text(text),
                };
                values.iter().map(kind).collect()
            }
            Test::StartsWith(prefixes) => {
                let mut kinds = Kinds::new();
                for prefix in prefixes {
                    kinds.extend(starting_with(&self.texts, prefix).map(Kind::Text));
                    kinds.extend(starting_with(&self.prefixes, prefix).map(Kind::Prefixed));
                }
                kinds
            }
            Test::Within(spans) => {
                let spans = spans.iter().map(|span| (span.min.unwrap_or(i64::MIN), span.max.unwrap_or(i64::MAX)));
                let ranges = spans.filter(|(min, max)| min <= max);
                ranges.flat_map(|(min, max)| self.bounds.range(min..=max)).copied().map(Kind::From).collect()
            }
        }
    }

    /// The kinds of value under which a filter holds that asks about this field only.
    fn holding(&self, filter: &'a Filter, negated: bool) -> Kinds<'a> {
        match (filter, negated) {
            (Filter::Is(predicate), false) => self.passing(&predicate.test),
            (Filter::Is(predicate), true) => without(&self.kinds(), &self.passing(&predicate.test)),
            (Filter::Not(part), _) => self.holding(part, !negated),
            (Filter::All(parts), false) | (Filter::Any(parts), true) => {
                parts.iter().fold(self.kinds(), |so_far, part| both(&so_far, &self.holding(part, negated)))
            }
            (Filter::Any(parts), false) | (Filter::All(parts), true) => {
                parts.iter().flat_map(|part| self.holding(part, negated)).collect()
            }
        }
    }
}

impl<'a> Clause<'a> {
    fn child(&self, at: usize, filter: &'a Filter, negated: bool) -> Self {
        Self { filter, negated, path: self.path.iter().copied().chain([at]).collect() }
    }

    /// The clauses whose conjunction it is: itself when it is no conjunction.
    fn conjuncts(self) -> Vec<Self> {
        match (self.filter, self.negated) {
            (Filter::All(parts), false) | (Filter::Any(parts), true) => {
                let children = parts.iter().enumerate().map(|(at, part)| self.child(at, part, self.negated));
                children.flat_map(Self::conjuncts).collect()
            }
            (Filter::Not(part), _) => self.child(0, part, !self.negated).conjuncts(),
            (Filter::All(_) | Filter::Any(_) | Filter::Is(_), _) => vec![self],
        }
    }

    /// What must hold of one field for the clause to hold, when it concerns one field only and that says all.
    fn narrow_field(&self, universes: &BTreeMap<&'a Field, Universe<'a>>, state: &mut State<'a>) -> Outcome {
        let Some(field) = self.filter.only_field() else { return Outcome::Open };
        let Some(universe) = universes.get(field) else { return Outcome::Open };
        let open = state.entry(field).or_insert_with(|| Open { allowed: universe.kinds(), wanted: Vec::new() });
        match self.filter {
            Filter::Is(predicate) if field.is_many_valued() => {
                let passing = universe.passing(&predicate.test);
                if self.negated {
                    open.allowed = without(&open.allowed, &passing);
                } else if predicate.test == Test::Missing {
                    open.allowed = both(&open.allowed, &passing);
                } else {
                    open.allowed.remove(&Kind::Missing);
                    open.wanted.push(passing);
                }
            }
            _ if field.is_many_valued() => return Outcome::Open,
            _ => open.allowed = both(&open.allowed, &universe.holding(self.filter, self.negated)),
        }
        let possible = !open.allowed.is_empty() && open.wanted.iter().all(|wanted| !wanted.is_disjoint(&open.allowed));
        if possible { Outcome::Narrowed } else { Outcome::Never }
    }

    fn alternatives(&self) -> impl Iterator<Item = Self> {
        let parts = match self.filter {
            Filter::All(parts) | Filter::Any(parts) => parts.as_slice(),
            Filter::Not(_) | Filter::Is(_) => &[],
        };
        parts.iter().enumerate().map(|(at, part)| self.child(at, part, self.negated))
    }
}

/// What a clause did to the state.
enum Outcome {
    /// It says what it says of its field.
    Narrowed,
    /// It leaves its field no value.
    Never,
    /// Its alternatives have to be tried.
    Open,
}

/// Takes from `state` what `clause` rules out; answers whom to blame when nothing is left.
///
/// Plain clauses go first, so that alternatives are tried against all that is known besides.
fn narrow<'a>(clause: &Clause<'a>, universes: &BTreeMap<&'a Field, Universe<'a>>, state: &mut State<'a>) -> Option<Vec<usize>> {
    let whole = Clause { filter: clause.filter, negated: clause.negated, path: clause.path.clone() };
    let mut choices = Vec::new();
    for conjunct in whole.conjuncts() {
        match conjunct.narrow_field(universes, state) {
            Outcome::Narrowed => {}
            Outcome::Never => return Some(conjunct.path),
            Outcome::Open => choices.push(conjunct),
        }
    }
    for choice in choices {
        let mut possible = choice.alternatives().filter_map(|alternative| {
            let mut then = state.clone();
            narrow(&alternative, universes, &mut then).is_none().then_some(then)
        });
        let first = possible.next();
        let several = possible.next().is_some();
        drop(possible);
        match first {
            None => return Some(choice.path),
            Some(only) if !several => *state = only,
            Some(_) => {}
        }
    }
    None
}

fn starting_with<'a, 's>(names: &'s BTreeSet<&'a str>, prefix: &'a str) -> impl Iterator<Item = &'a str> + use<'a, 's> {
    names.range::<&str, _>(prefix..).copied().take_while(move |name| name.starts_with(prefix))
}

fn both<'a>(a: &Kinds<'a>, b: &Kinds<'a>) -> Kinds<'a> {
    a.intersection(b).copied().collect()
}

fn without<'a>(a: &Kinds<'a>, b: &Kinds<'a>) -> Kinds<'a> {
    a.difference(b).copied().collect()
}

#[cfg(test)]
#[path = "analysis_tests.rs"]
mod tests;
