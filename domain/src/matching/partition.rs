//! The campaigns of one vertical in one currency that ask for the same country, or for none alone: their fields' classes, and
//! which rows block whom.

use std::collections::BTreeSet;

use super::block::Block;
use super::class_set::{ClassSet, Verdict, ones};
use super::classes::{Budget, Classes};
use super::cluster::Cluster;
use super::fields::Fields;
use super::overview::Overview;
use super::parts::{Part, each_predicate};
use super::residual::{Known, Residual};
use super::rows::Rows;
use super::texts::Texts;
use crate::campaign::{Facts, Field, Filter, Predicate, Scalar, Test};

/// So many blocks are looked through with rows in any order.
const UNSORTED: usize = 3;

#[derive(Debug, Default)]
pub(super) struct Partition {
    /// The country of every lead that comes here, if there is one.
    home: Option<Box<str>>,
    /// The numbers of the fields that have rows.
    numbers: Vec<u32>,
    /// Their classes, in the same order.
    classes: Vec<Classes>,
    pub(super) rows: Rows,
    /// Its blocks.
    pub(super) blocks: Vec<u32>,
    /// What is known of them without looking into them.
    pub(super) overview: Overview,
    /// Those with a free place, by what their campaigns are like.
    roomy: BTreeSet<(Cluster, u32)>,
}

/// The rows that a lead meets in a partition.
#[derive(Debug, Default)]
pub(super) struct Query {
    /// Each of them blocks.
    pub(super) singles: Vec<u16>,
    /// Of a field with several values: only all rows of a group together block.
    pub(super) groups: Vec<Vec<u16>>,
    /// The blocks that are left, as bits.
    left: Vec<u64>,
}

/// What judging a filter needs of the index.
pub(super) struct Dictionaries<'a> {
    pub(super) fields: &'a mut Fields,
    pub(super) texts: &'a mut Texts,
    pub(super) budget: &'a Budget,
}

impl Partition {
    /// An empty partition for leads of the country `home`, or for all.
    pub(super) fn new(home: Option<&str>) -> Self {
        Self { home: home.map(Into::into), ..Self::default() }
    }

    /// Writes the column of a campaign with `filter`, and the code that checks what its rows cannot decide to the end of `code`.
    pub(super) fn judge(&mut self, filter: &Filter, with: &mut Dictionaries<'_>, code: &mut Vec<u8>) {
        self.rows.begin_column();
        let mut decided_of_many = Vec::new();
        let mut rest = Part::of(filter);
        rest.retain(|part| !self.is_given(part) && !self.decide(part, with, &mut decided_of_many));
        if !rest.is_empty() {
            for part in &rest {
                each_predicate(part.filter, &mut |predicate| _ = with.fields.number_or_new(&predicate.field));
            }
            Residual::compile(&rest, &|field| with.fields.number(field), with.texts, code);
        }
    }

    /// Whether every lead that comes here passes.
    fn is_given(&self, part: &Part<'_>) -> bool {
        let (Some(home), Some(Predicate { field: Field::Country, test: Test::OneOf(countries) })) =
            (&self.home, part.predicate())
        else {
            return false;
        };
        !part.negated && countries.iter().any(|country| matches!(country, Scalar::Text(country) if **country == **home))
    }

    /// Blocks the campaign at hand in every class under which `part` cannot hold; whether nothing is left to check.
    ///
    /// A lead with several values passes a row when one of its values does, so the rows of such a field can stand for one
    /// predicate only: the first that is not negated.
    fn decide<'a>(&mut self, part: &Part<'a>, with: &mut Dictionaries<'_>, decided_of_many: &mut Vec<&'a Field>) -> bool {
        if let Some(predicate) = part.predicate() {
            let many = predicate.field.is_many_valued();
            if many && (part.negated || decided_of_many.contains(&&predicate.field)) {
                return false;
            }
            let Some(at) = self.classes_for(&predicate.field, with) else { return false };
            if many {
                decided_of_many.push(&predicate.field);
            }
            // Whoever excludes a few values takes nearly all: rows of their own would block hardly anybody.
            let named = !(part.negated && matches!(predicate.test, Test::OneOf(_)));
            let verdict = |classes: &Classes, texts: &Texts| classes.verdict(&predicate.test, texts).negated(part.negated);
            return self.block(at, named.then_some(predicate).as_slice(), with, verdict);
        }
        let mut fields: Vec<&Field> = Vec::new();
        each_predicate(part.filter, &mut |predicate| {
            if !fields.contains(&&predicate.field) {
                fields.push(&predicate.field);
            }
        });
        if fields.is_empty() {
            return part.filter.holds(&Facts::default()) != part.negated;
        }
        let mut decided = fields.len() == 1;
        for field in fields {
            decided &= self.decide_field(part, field, with);
        }
        decided
    }

    fn decide_field(&mut self, part: &Part<'_>, field: &Field, with: &mut Dictionaries<'_>) -> bool {
        let can_tell = |verdict: Verdict| part.verdict(field, &|_| verdict).may_hold != ClassSet::ALL;
        if field.is_many_valued() || !(can_tell(Verdict::FAILS) || can_tell(Verdict::HOLDS)) {
            return false;
        }
        let Some(at) = self.classes_for(field, with) else { return false };
        let mut named = Vec::new();
        each_predicate(part.filter, &mut |predicate| named.extend((predicate.field == *field).then_some(predicate)));
        let verdict = |classes: &Classes, texts: &Texts| {
            part.verdict(field, &|predicate: &Predicate| classes.verdict(&predicate.test, texts))
        };
        self.block(at, &named, with, verdict)
    }

    /// The classes of a field; `None` when there is no row left for it.
    fn classes_for(&mut self, field: &Field, with: &mut Dictionaries<'_>) -> Option<usize> {
        let number = with.fields.number_or_new(field);
        if let Some(at) = self.numbers.iter().position(|known| *known == number) {
            return Some(at);
        }
        self.classes.push(Classes::new(&mut self.rows, with.budget)?);
        self.numbers.push(number);
        self.numbers.len().checked_sub(1)
    }

    /// Blocks the campaign at hand in the classes under which it cannot hold, by `verdict`; the predicates in `named` split
    /// classes that cannot tell. Whether each class tells.
    fn block(
        &mut self,
        at: usize,
        named: &[&Predicate],
        with: &mut Dictionaries<'_>,
        verdict: impl Fn(&Classes, &Texts) -> Verdict,
    ) -> bool {
        let Some(classes) = self.classes.get_mut(at) else { return false };
        let mut judged = verdict(classes, with.texts);
        if !judged.is_exact(classes.len()) {
            let split = |split, one: &&Predicate| classes.name(&one.test, with.texts, &mut self.rows, with.budget) || split;
            if named.iter().fold(false, split) {
                judged = verdict(classes, with.texts);
            }
        }
        for ordinal in ClassSet::below(classes.len()).minus(judged.may_hold).ordinals() {
            if let Some(row) = classes.row_at(ordinal) {
                self.rows.block(row);
            }
        }
        judged.is_exact(classes.len())
    }

    /// The rows that a lead meets, those that block most first, and the blocks that they leave; rows that block nobody are left
    /// out.
    pub(super) fn resolve(&self, known: &[Known<'_>], texts: &Texts, query: &mut Query) {
        query.singles.clear();
        query.groups.clear();
        for (number, classes) in self.numbers.iter().zip(&self.classes) {
            let known = usize::try_from(*number).ok().and_then(|at| known.get(at));
            let class_of = |known: &Known<'_>, value| classes.class_of(value, |text| known.number_of(text, texts));
            if classes.len() == 1 {
                query.singles.extend(classes.row(classes.missing()).filter(|row| self.rows.blocked(*row) > 0));
                continue;
            }
            let row = match known.and_then(|known| Some((known, known.fact()?.values()))) {
                None | Some((_, [])) => classes.row(classes.missing()),
                Some((known, [value])) => classes.row(class_of(known, value)),
                Some((known, values)) => {
                    let rows: Vec<u16> = values.iter().filter_map(|value| classes.row(class_of(known, value))).collect();
                    if rows.iter().all(|row| self.rows.blocked(*row) > 0) {
                        query.groups.push(rows);
                    }
                    continue;
                }
            };
            query.singles.extend(row.filter(|row| self.rows.blocked(*row) > 0));
        }
        // Few blocks are looked through in less time than rows are sorted in.
        if self.blocks.len() > UNSORTED {
            query.singles.sort_unstable_by_key(|row| std::cmp::Reverse(self.rows.blocked(*row)));
        }
        self.overview.left(&query.singles, &query.groups, &mut query.left);
    }

    /// The block for a campaign: one of its like, or else the nearest, unless the partition can afford another block with
    /// room. One in eight may have room, so that order costs little memory.
    pub(super) fn roomy_block(&self, cluster: Cluster) -> Option<u32> {
        let below = self.roomy.range(..=(cluster, u32::MAX)).next_back();
        let above = self.roomy.range((cluster, 0)..).next();
        let (nearest, block) = [above, below].into_iter().flatten().min_by_key(|(other, _)| other.distance(cluster))?;
        let affords_another = self.roomy.len() < self.blocks.len() / 8;
        if !nearest.is_near(cluster) && affords_another { None } else { Some(*block) }
    }

    /// The blocks that a lead must look into, by their places.
    pub(super) fn blocks_left<'a>(&'a self, query: &'a Query) -> impl Iterator<Item = (usize, u32)> + use<'a> {
        ones(&query.left).filter_map(|at| Some((at, self.blocks.get(at).copied()?)))
    }

    /// Adds a block that has room.
    pub(super) fn add_block(&mut self, id: u32, cluster: Cluster) {
        self.overview.add_block();
        self.blocks.push(id);
        self.set_roomy(cluster, id, true);
    }

    /// Forgets a block that is empty, and answers which block has its place now; with the last one goes also what the
    /// partition learnt of values, which begins anew.
    pub(super) fn drop_block(&mut self, block: &Block, texts: &mut Texts) -> Option<u32> {
        block.row_counts().enumerate().for_each(|(row, count)| self.rows.lose(row, count));
        self.overview.drop_block(block.ordinal);
        self.blocks.swap_remove(block.ordinal);
        if self.blocks.is_empty() {
            self.classes.iter().for_each(|classes| classes.release(texts));
            *self = Self { home: self.home.take(), ..Self::default() };
        }
        self.blocks.get(block.ordinal).copied()
    }

    /// Bytes on the heap, but for its blocks.
    pub(super) fn heap_bytes(&self) -> usize {
        let classes = self.classes.iter().map(Classes::heap_bytes).fold(0, usize::saturating_add);
        let fields = self.classes.capacity().saturating_mul(size_of::<(u32, Classes)>());
        let blocks = self.blocks.capacity().saturating_mul(size_of::<u32>());
        let roomy = self.roomy.len().saturating_mul(size_of::<(Cluster, u32)>());
        [classes, fields, blocks, roomy, self.rows.heap_bytes(), self.overview.heap_bytes()]
            .into_iter()
            .fold(0, usize::saturating_add)
    }

    /// Notes whether a block has room.
    pub(super) fn set_roomy(&mut self, cluster: Cluster, block: u32, roomy: bool) {
        if roomy {
            self.roomy.insert((cluster, block));
        } else {
            self.roomy.remove(&(cluster, block));
        }
    }
}
