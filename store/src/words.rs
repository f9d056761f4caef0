//! Conditions on words of the schema: states, and paths of verticals.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Alias, Expr, Func, SimpleExpr};
use sea_orm::{Condition, ExprTrait};

use crate::entity::vertical;

/// `column` is `word`, which is written into the statement: a bound word hides from a prepared statement which partial index
/// it may use, so that SQLite would prepare it anew for each execution, and Postgres plan it anew.
pub(crate) fn is(column: impl ColumnTrait, word: &'static str) -> SimpleExpr {
    Expr::col(column.as_column_ref()).eq(SimpleExpr::Constant(word.into()))
}

/// The vertical at `path` and those below it. Not said with LIKE, whose bound pattern SQLite prepares anew for each execution.
pub(crate) fn subtree(path: &str) -> Condition {
    let within = format!("{path}/");
    let column = || Expr::col((vertical::Entity, vertical::Column::Path));
    let start = Func::cust(Alias::new("SUBSTR")).arg(column()).arg(SimpleExpr::Constant(1.into()));
    let start = start.arg(Func::char_length(Expr::value(within.clone())));
    Condition::any().add(column().eq(path)).add(SimpleExpr::from(start).eq(within))
}

#[cfg(test)]
mod tests {
    use sea_orm::{DbBackend, EntityTrait, QueryFilter, QuerySelect, QueryTrait};

    use super::{is, subtree};
    use crate::entity::{listing, vertical};

    #[test]
    fn a_word_is_part_of_the_statement_and_no_parameter() {
        let open = listing::Entity::find().select_only().column(listing::Column::Id).filter(is(listing::Column::State, "OPEN"));
        for backend in [DbBackend::Sqlite, DbBackend::Postgres] {
            let statement = open.build(backend);
            assert!(statement.sql.ends_with(r#"WHERE "listing"."state" = 'OPEN'"#), "{}", statement.sql);
            assert!(statement.values.is_none_or(|values| values.0.is_empty()), "a bound word hides the partial index");
        }
    }

    #[test]
    fn no_pattern_is_bound_for_what_lies_below_a_vertical() {
        let below = vertical::Entity::find().select_only().column(vertical::Column::Id).filter(subtree("travel/tour"));
        for backend in [DbBackend::Sqlite, DbBackend::Postgres] {
            let sql = below.build(backend).sql;
            assert!(!sql.contains("LIKE") && sql.contains("SUBSTR("), "{sql}");
        }
    }
}
