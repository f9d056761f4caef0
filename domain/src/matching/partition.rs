//! The campaigns of one vertical in one currency that ask for the same country, or for none alone: their fields' classes, and
//! which rows block whom.

use std::collections::BTreeSet;

use super::block::Block;
use super::class_set::{ClassSet, Verdict, has, ones};
use super::classes::{Budget, Classes};
use super::cluster::Cluster;
use super::entry::Side;
use super::fields::NumberField;
use super::overview::{Dearest, Overview};
use super::parts::{Part, each_predicate};
use super::residual::{Known, Residual};
use super::rows::Rows;
use super::texts::{TakeText, Texts};
use crate::campaign::{Facts, Field, Filter, Predicate, Scalar, Test};

/// So many blocks are looked through with rows in any order.
const UNSORTED: usize = 3;

#[derive(Debug, Default)]
pub(super) struct Partition {
    /// The country of every lead that comes here, if there is one.
    home: Option<Box<str>>,
    /// The numbers of the fields that have rows.
    numbers: Vec<u32>,
    /// Where in that list each number stands; [`u8::MAX`] when it does not.
    places: Vec<u8>,
    /// Their classes, in the same order.
    classes: Vec<Classes>,
    pub(super) rows: Rows,
    /// Its blocks.
    pub(super) blocks: Vec<u32>,
    /// Campaigns in them.
    pub(super) campaigns: usize,
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

/// What judging a filter needs of the index, and what it tells besides the column.
pub(super) struct Judging<'a, F, T> {
    pub(super) fields: &'a mut F,
    pub(super) texts: &'a mut T,
    pub(super) budget: &'a Budget,
    /// Ends with the code that checks what the rows cannot decide.
    pub(super) code: &'a mut Vec<u8>,
    /// Ends with the fields that the filter asks about.
    pub(super) asked: &'a mut Vec<Asked>,
}

/// What a campaign asks of one field.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    /// Which of the partition's fields.
    pub(super) field: u8,
    /// How many of 255 classes block it, about.
    pub(super) blocked: u8,
    /// Equal for those that are blocked by the same classes, and near in numbers for those that are blocked by nearly the same.
    pub(super) like: u32,
}

impl Partition {
    /// An empty partition for leads of the country `home`, or for all.
    pub(super) fn new(home: Option<&str>) -> Self {
        Self { home: home.map(Into::into), ..Self::default() }
    }

    /// Writes the column of a campaign with `filter`.
    pub(super) fn judge(&mut self, filter: &Filter, with: &mut Judging<'_, impl NumberField, impl TakeText>) {
        self.rows.begin_column();
        let mut decided_of_many = Vec::new();
        let mut rest = Part::of(filter);
        rest.retain(|part| !self.is_given(part) && !self.decide(part, with, &mut decided_of_many));
        if !rest.is_empty() {
            for part in &rest {
                each_predicate(part.filter, &mut |predicate| _ = with.fields.number_or_new(&predicate.field));
            }
            Residual::compile(&rest, &|field| with.fields.number(field), with.texts, with.code);
        }
        self.overview.grow(self.rows.parents());
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
    fn decide<'a, T: TakeText>(
        &mut self,
        part: &Part<'a>,
        with: &mut Judging<'_, impl NumberField, T>,
        decided_of_many: &mut Vec<&'a Field>,
    ) -> bool {
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
            let verdict = |classes: &Classes, texts: &T| classes.verdict(&predicate.test, texts).negated(part.negated);
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

    fn decide_field<T: TakeText>(&mut self, part: &Part<'_>, field: &Field, with: &mut Judging<'_, impl NumberField, T>) -> bool {
        let can_tell = |verdict: Verdict| part.verdict(field, &|_| verdict).may_hold != ClassSet::ALL;
        if field.is_many_valued() || !(can_tell(Verdict::FAILS) || can_tell(Verdict::HOLDS)) {
            return false;
        }
        let Some(at) = self.classes_for(field, with) else { return false };
        let mut named = Vec::new();
        each_predicate(part.filter, &mut |predicate| named.extend((predicate.field == *field).then_some(predicate)));
        let verdict =
            |classes: &Classes, texts: &T| part.verdict(field, &|predicate: &Predicate| classes.verdict(&predicate.test, texts));
        self.block(at, &named, with, verdict)
    }

    /// The classes of a field; `None` when there is no row left for it.
    fn classes_for<T>(&mut self, field: &Field, with: &mut Judging<'_, impl NumberField, T>) -> Option<usize> {
        let number = with.fields.number_or_new(field);
        let place = usize::try_from(number).ok()?;
        if let Some(at) = self.places.get(place).copied().filter(|at| *at != u8::MAX) {
            return Some(usize::from(at));
        }
        let at = u8::try_from(self.classes.len()).ok().filter(|at| *at != u8::MAX)?;
        self.classes.push(Classes::new(&mut self.rows, with.budget)?);
        self.numbers.push(number);
        if self.places.len() <= place {
            self.places.resize(place.saturating_add(1), u8::MAX);
        }
        *self.places.get_mut(place)? = at;
        Some(usize::from(at))
    }

    /// Blocks the campaign at hand in the classes under which it cannot hold, by `verdict`; the predicates in `named` split
    /// classes that cannot tell. Whether each class tells.
    fn block<T: TakeText>(
        &mut self,
        at: usize,
        named: &[&Predicate],
        with: &mut Judging<'_, impl NumberField, T>,
        verdict: impl Fn(&Classes, &T) -> Verdict,
    ) -> bool {
        let Some(classes) = self.classes.get_mut(at) else { return false };
        let mut judged = verdict(classes, with.texts);
        if !judged.is_exact(classes.len()) {
            let split = |split, one: &&Predicate| classes.name(&one.test, with.texts, &mut self.rows, with.budget) || split;
            if named.iter().fold(false, split) {
                judged = verdict(classes, with.texts);
            }
        }
        let allowed = ClassSet::below(classes.len()).intersection(judged.may_hold);
        self.rows.block_all_but(classes.mask(), allowed.ordinals().filter_map(|ordinal| classes.row_at(ordinal)));
        let share = classes.len().saturating_sub(allowed.len()).saturating_mul(255).checked_div(classes.len());
        with.asked.push(Asked {
            field: u8::try_from(at).unwrap_or(u8::MAX),
            blocked: share.and_then(|share| u8::try_from(share).ok()).unwrap_or(0),
            like: allowed.like(),
        });
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
                query.singles.extend(classes.row(classes.missing()).filter(|row| self.rows.blocks_any(*row)));
                continue;
            }
            let row = match known.and_then(|known| Some((known, known.fact()?.values()))) {
                None | Some((_, [])) => classes.row(classes.missing()),
                Some((known, [value])) => classes.row(class_of(known, value)),
                Some((known, values)) => {
                    let rows: Vec<u16> = values.iter().filter_map(|value| classes.row(class_of(known, value))).collect();
                    if rows.iter().all(|row| self.rows.blocks_any(*row)) {
                        query.groups.push(rows);
                    }
                    continue;
                }
            };
            query.singles.extend(row.filter(|row| self.rows.blocks_any(*row)));
        }
        // Few blocks are looked through in less time than rows are sorted in.
        if self.blocks.len() > UNSORTED {
            query.singles.sort_unstable_by_key(|row| std::cmp::Reverse(self.rows.blocked(*row)));
        }
        self.overview.left(&query.singles, &query.groups, &mut query.left);
    }

    /// The block for a campaign: one of its like, or one that has none, or else the nearest, unless the partition can afford
    /// another block with room.
    pub(super) fn roomy_block(&self, cluster: Cluster) -> Option<u32> {
        let mut below = self.roomy.range(..=(cluster, u32::MAX));
        let mut above = self.roomy.range((cluster, 0)..(Cluster::NONE, 0));
        let nearest = [above.next(), below.next_back()].into_iter().flatten().min_by_key(|(other, _)| other.distance(cluster));
        if let Some((_, block)) = nearest.filter(|(nearest, _)| nearest.is_near(cluster)) {
            return Some(*block);
        }
        let empty = self.roomy.last().filter(|(cluster, _)| *cluster == Cluster::NONE);
        empty.or_else(|| nearest.filter(|_| !self.affords_room())).map(|(_, block)| *block)
    }

    /// Whether another block may have room: one in eight, so that order costs little memory.
    pub(super) fn affords_room(&self) -> bool {
        self.roomy.len() < self.blocks.len() / 8
    }

    /// The blocks that a lead must look into, by their places.
    pub(super) fn blocks_left<'a>(&'a self, query: &'a Query) -> impl Iterator<Item = (usize, u32)> + use<'a> {
        ones(&query.left).filter_map(|at| Some((at, self.blocks.get(at).copied()?)))
    }

    /// The dearest block on one side that a lead must look into, by `worth`, after the `seen` dearest: how many were seen then, the
    /// block, and what it can be worth.
    pub(super) fn dearest_left(
        &self,
        query: &Query,
        side: Side,
        seen: usize,
        worth: impl Fn(Dearest) -> Option<i64>,
    ) -> Option<(usize, u32, i64)> {
        let order = self.overview.order(side).get(seen..)?.iter().zip(seen.saturating_add(1)..);
        let mut left = order.filter_map(|(&at, seen)| Some((usize::try_from(at).ok().filter(|at| has(&query.left, *at))?, seen)));
        left.find_map(|(at, seen)| Some((seen, *self.blocks.get(at)?, worth(side.of(self.overview.dearest(at)))?)))
    }

    /// Forgets a block that is empty, and answers which block has its place now.
    pub(super) fn drop_block(&mut self, block: &Block) -> Option<u32> {
        block.row_counts().enumerate().for_each(|(row, count)| self.rows.lose(row, count));
        self.overview.drop_block(block.ordinal);
        self.blocks.swap_remove(block.ordinal);
        self.blocks.get(block.ordinal).copied()
    }

    /// Forgets all blocks, which it answers, and with them what it learnt of values: it begins anew.
    pub(super) fn clear(&mut self, texts: &mut Texts) -> Vec<u32> {
        self.classes.iter().for_each(|classes| classes.release(texts));
        let home = self.home.take();
        std::mem::replace(self, Self { home, ..Self::default() }).blocks
    }

    /// Bytes on the heap, but for its blocks.
    pub(super) fn heap_bytes(&self) -> usize {
        let classes = self.classes.iter().map(Classes::heap_bytes).fold(0, usize::saturating_add);
        let fields = self.classes.capacity().saturating_mul(size_of::<(u32, Classes)>());
        let blocks = self.blocks.capacity().saturating_mul(size_of::<u32>());
        let roomy = self.roomy.len().saturating_mul(size_of::<(Cluster, u32)>());
        [classes, fields, self.places.capacity(), blocks, roomy, self.rows.heap_bytes(), self.overview.heap_bytes()]
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
