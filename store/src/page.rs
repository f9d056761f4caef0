//! Pages of rows: a keyset behind a cursor, one row more than asked for to know whether there are others.

use sea_orm::sea_query::{Alias, Asterisk, Query, SelectStatement};
use sea_orm::{Condition, DbBackend, EntityTrait, ExprTrait, IdenStatic, QueryFilter, QuerySelect, QueryTrait, Statement};

/// Which part of a list is asked for. `first` is already within its bounds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Page<K> {
    /// Rows at most.
    pub first: u64,
    /// The key of the row before the first one.
    pub after: Option<K>,
}

impl<K> Page<K> {
    /// How many rows to ask the database for.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.first.saturating_add(1)
    }
}

/// Rows of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Whether rows follow.
    pub has_next: bool,
}

impl<T> Default for Slice<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), has_next: false }
    }
}

impl<T> Slice<T> {
    /// Cuts the row that was read to know whether others follow.
    #[must_use]
    pub fn cut<K>(mut rows: Vec<T>, page: &Page<K>) -> Self {
        let first = usize::try_from(page.first).unwrap_or(usize::MAX);
        let has_next = rows.len() > first;
        rows.truncate(first);
        Self { rows, has_next }
    }

    /// The same page of other things.
    pub fn try_map<U, E>(self, each: impl FnMut(T) -> Result<U, E>) -> Result<Slice<U>, E> {
        let rows = self.rows.into_iter().map(each).collect::<Result<_, _>>()?;
        Ok(Slice { rows, has_next: self.has_next })
    }
}

/// The first `limit` rows of each `owner` in `order`, of those rows that `of` finds: a page of each of many lists in one statement.
pub(crate) fn first_of_each<E: EntityTrait>(owner: E::Column, order: &str, of: Condition, limit: u64) -> SelectStatement {
    const PLACE: &str = "place";
    let place = format!("ROW_NUMBER() OVER (PARTITION BY {} ORDER BY {order})", owner.as_str());
    let ranked = E::find().filter(of).expr_as(sea_orm::sea_query::Expr::cust(place), PLACE).into_query();
    let mut first = Query::select();
    first.column(Asterisk).from_subquery(ranked, "ranked");
    first.and_where(sea_orm::sea_query::Expr::col(Alias::new(PLACE)).lte(limit));
    first.order_by(Alias::new(PLACE), sea_orm::Order::Asc);
    first
}

/// The statement, whose bound LIMIT SQLite does not look at while it prepares it: one that it looked at it prepares anew for each
/// execution, which takes as long as finding the rows of a page of the market.
pub(crate) fn limit_unseen(statement: Statement) -> Statement {
    match statement.db_backend {
        DbBackend::Sqlite => Statement { sql: statement.sql.replace(" LIMIT ?", " LIMIT ? + 0"), ..statement },
        _ => statement,
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::{DbBackend, EntityTrait, QuerySelect, QueryTrait};

    use super::limit_unseen;
    use crate::entity::listing;

    #[test]
    fn a_limit_is_hidden_from_sqlite_alone() {
        let page = listing::Entity::find().select_only().column(listing::Column::Id).limit(21);
        let text = |backend| limit_unseen(page.build(backend)).sql;
        assert!(text(DbBackend::Sqlite).ends_with(" LIMIT ? + 0"), "{}", text(DbBackend::Sqlite));
        assert_eq!(text(DbBackend::Postgres), page.build(DbBackend::Postgres).sql);
    }
}
