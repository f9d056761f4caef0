//! The campaigns of one vertical in one currency: their fields' classes, and which rows block whom.

use std::collections::BTreeSet;

use super::barred::Barred;
use super::block::Block;
use super::class_set::{ClassSet, Verdict};
use super::classes::{Budget, Classes, MISSING};
use super::cluster::Cluster;
use super::fields::Fields;
use super::parts::{Part, each_predicate};
use super::residual::{Known, Residual};
use super::rows::Rows;
use super::texts::Texts;
use crate::campaign::{Facts, Field, Filter, Predicate, Scalar, Test};

#[derive(Debug, Default)]
pub(super) struct Partition {
    /// The numbers of the fields that have rows.
    numbers: Vec<u32>,
    /// Their classes, in the same order.
    classes: Vec<Classes>,
    pub(super) rows: Rows,
    /// Its blocks.
    pub(super) blocks: Vec<u32>,
    /// Which of them a lead can skip.
    pub(super) barred: Barred,
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
}

/// What judging a filter needs of the index.
pub(super) struct Dictionaries<'a> {
    pub(super) fields: &'a mut Fields,
    pub(super) texts: &'a mut Texts,
    pub(super) budget: &'a Budget,
}

impl Partition {
    /// Writes the column of a campaign with `filter`, and answers what its rows cannot decide.
    pub(super) fn judge(&mut self, filter: &Filter, with: &mut Dictionaries<'_>) -> Option<Residual> {
        self.rows.begin_column();
        // A text's class goes by its number, so each has its number before it is judged, and keeps it as long as it matters.
        let mut held = Vec::new();
        each_predicate(filter, &mut |predicate| {
            if let Test::OneOf(values) = &predicate.test {
                let texts = values.iter().filter_map(|value| if let Scalar::Text(text) = value { Some(text) } else { None });
                held.extend(texts.map(|text| with.texts.take(text)));
            }
        });
        let mut decided_of_many = Vec::new();
        let mut rest = Part::of(filter);
        rest.retain(|part| !self.decide(part, with, &mut decided_of_many));
        let residual = (!rest.is_empty()).then(|| {
            for part in &rest {
                each_predicate(part.filter, &mut |predicate| _ = with.fields.number_or_new(&predicate.field));
            }
            Residual::compile(&rest, &|field| with.fields.number(field), with.texts)
        });
        held.into_iter().for_each(|number| with.texts.give_back(number));
        residual
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
            // Whoever excludes a few values takes nearly all: rows of their own would block hardly anybody.
            if !(part.negated && matches!(predicate.test, Test::OneOf(_))) {
                self.name(at, predicate, with);
            }
            if many {
                decided_of_many.push(&predicate.field);
            }
            return self.block(at, |classes| classes.verdict(&predicate.test, with.texts).negated(part.negated));
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
        named.into_iter().for_each(|predicate| self.name(at, predicate, with));
        self.block(at, |classes| part.verdict(field, &|predicate| classes.verdict(&predicate.test, with.texts)))
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

    fn name(&mut self, at: usize, predicate: &Predicate, with: &mut Dictionaries<'_>) {
        if let Some(classes) = self.classes.get_mut(at) {
            classes.name(&predicate.test, with.texts, &mut self.rows, with.budget);
        }
    }

    fn block(&mut self, at: usize, verdict: impl FnOnce(&Classes) -> Verdict) -> bool {
        let Some(classes) = self.classes.get(at) else { return false };
        let verdict = verdict(classes);
        for ordinal in ClassSet::below(classes.len()).minus(verdict.may_hold).ordinals() {
            if let Some(row) = classes.row_at(ordinal) {
                self.rows.block(row);
            }
        }
        verdict.is_exact(classes.len())
    }

    /// The rows that a lead meets, those that block most first; rows that block nobody are left out.
    pub(super) fn resolve(&self, known: &[Known<'_>], texts: &Texts, query: &mut Query) {
        query.singles.clear();
        query.groups.clear();
        for (number, classes) in self.numbers.iter().zip(&self.classes) {
            let known = usize::try_from(*number).ok().and_then(|at| known.get(at));
            let class_of = |known: &Known<'_>, value| classes.class_of(value, |text| known.number_of(text, texts));
            let row = match known.and_then(|known| Some((known, known.fact()?.values()))) {
                None | Some((_, [])) => classes.row(MISSING),
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
        query.singles.sort_unstable_by_key(|row| std::cmp::Reverse(self.rows.blocked(*row)));
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

    /// The blocks that a lead must look into.
    pub(super) fn blocks_left<'a>(&'a self, query: &'a Query) -> impl Iterator<Item = u32> + 'a {
        self.barred.left(&query.singles, &query.groups).filter_map(|at| self.blocks.get(at).copied())
    }

    /// Adds a block that has room.
    pub(super) fn add_block(&mut self, id: u32, cluster: Cluster) {
        self.barred.put_block(self.blocks.len());
        self.blocks.push(id);
        self.set_roomy(cluster, id, true);
    }

    /// Forgets a block that is empty, and answers which block has its place now; with the last one goes also what the
    /// partition learnt of values, which begins anew.
    pub(super) fn drop_block(&mut self, block: &Block, texts: &mut Texts) -> Option<u32> {
        block.row_counts().enumerate().for_each(|(row, count)| self.rows.lose(row, count));
        let last = self.blocks.len().checked_sub(1)?;
        self.barred.move_block(last, block.ordinal);
        self.blocks.swap_remove(block.ordinal);
        if self.blocks.is_empty() {
            self.classes.iter().for_each(|classes| classes.release(texts));
            *self = Self::default();
        }
        self.blocks.get(block.ordinal).copied()
    }

    /// Bytes on the heap, but for its blocks.
    pub(super) fn heap_bytes(&self) -> usize {
        let classes = self.classes.iter().map(Classes::heap_bytes).fold(0, usize::saturating_add);
        let fields = self.classes.capacity().saturating_mul(size_of::<(u32, Classes)>());
        let blocks = self.blocks.capacity().saturating_mul(size_of::<u32>());
        let roomy = self.roomy.len().saturating_mul(size_of::<(Cluster, u32)>());
        [classes, fields, blocks, roomy, self.rows.heap_bytes(), self.barred.heap_bytes()]
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
