//! Rows that somebody is at for long, and whose leases are renewed many at a time.

use domain::id::TypedId;
use domain::time::plus_secs;

use crate::db::{STATEMENT_ROWS, Store};
use crate::error::WriteError;
use crate::rows::{Column, Get, Given};

/// A row that is still under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held<I> {
    /// Which.
    pub id: I,
    /// The number under which it was taken: whoever takes it next has another.
    pub number: i64,
}

/// Where leases lie.
pub(crate) struct Leases {
    /// What renewing them is called in metrics.
    pub(crate) name: &'static str,
    pub(crate) table: &'static str,
    /// The column with the number under which a row was taken.
    pub(crate) number: &'static str,
    /// The state of rows that are still to be worked on.
    pub(crate) state: &'static str,
}

impl Store {
    /// Keeps what is still under way from being taken by others, for `secs` from now. What was taken meanwhile is left to whoever has it.
    pub(crate) async fn leases_renew<I>(&self, leases: &Leases, held: Vec<Held<I>>, secs: i64) -> Result<(), WriteError>
    where
        I: TypedId + Send + Sync,
    {
        let columns: &[Column<Held<I>>] = &[("id", Get::Id(|held| held.id.uuid())), ("number", Get::Integer(|held| held.number))];
        let Leases { name, table, number, state } = leases;
        let held = &held;
        self.write(name, move |tx| async move {
            for some in held.chunks(STATEMENT_ROWS) {
                let mut given = Given::new(tx.backend(), columns, some);
                let until = given.bind(plus_secs(tx.now().await?, secs));
                let sql = format!(
                    "UPDATE {table} SET leased_until = {until} FROM {given} \
                     WHERE {table}.id = given.id AND {table}.{number} = given.number AND {table}.state = '{state}'"
                );
                given.execute(&tx, sql).await?;
            }
            Ok(())
        })
        .await
    }
}
