//! How many leads came from the same device or address around the same time.

use std::collections::{BTreeSet, HashMap};

use domain::contact::KeyKind;
use domain::time::{Timestamp, plus_secs};
use sea_orm::{ConnectionTrait, Statement, Value};

use super::{Probe, Reach};
use crate::db::Backend;
use crate::error::StoreError;
use crate::write::Tx;

const DAY_SECS: i64 = 86_400;
/// Values that each asked count takes in a statement.
const VALUES: usize = 5;
/// Counts in one statement: with their values below SQLite's 32,766.
const CHUNK: usize = 2_000;

type Key = (KeyKind, [u8; 32]);

/// Leads by origin: those that are stored, counted up to where the count matters, and those of the running batch.
#[derive(Debug, Default)]
pub(super) struct Origins {
    stored: HashMap<(Key, Timestamp), u64>,
    batch: HashMap<Key, BTreeSet<(Timestamp, usize)>>,
}

impl Origins {
    /// Other leads of the probe's device or address within a day of it, at most as many as `reach` counts.
    pub(super) fn busy(&self, probe: &Probe, kind: KeyKind, reach: &Reach) -> u64 {
        let Some(key) = probe.keys.iter().find(|(of, _)| *of == kind) else { return 0 };
        let most = reach.most(kind);
        let stored = self.stored.get(&(*key, probe.captured_at)).copied().unwrap_or(0);
        let (from, until) = around(probe.captured_at);
        let near = self.batch.get(key).into_iter().flat_map(|seen| seen.range((from, usize::MAX)..(until, 0)));
        let new = near.take(usize::try_from(most).unwrap_or(usize::MAX)).count();
        stored.saturating_add(u64::try_from(new).unwrap_or(u64::MAX)).min(most)
    }

    /// Adds a lead of the running batch.
    pub(super) fn add(&mut self, key: Key, captured_at: Timestamp) {
        let seen = self.batch.entry(key).or_default();
        let number = seen.len();
        seen.insert((captured_at, number));
    }
}

impl Tx {
    /// Counts the stored leads around `probes` by origin.
    pub(super) async fn origins(&self, probes: &[Probe], reach: &Reach) -> Result<Origins, StoreError> {
        let mut asked: HashMap<(Key, Timestamp), Vec<Value>> = HashMap::new();
        for probe in probes {
            let own = probe.own.as_ref().map(|own| own.id.0);
            for key in probe.keys.iter().filter(|(kind, _)| kind.is_origin()) {
                let (from, until) = around(probe.captured_at);
                let (kind, hash) = (key.0.as_str().into(), key.1.to_vec().into());
                asked.entry((*key, probe.captured_at)).or_insert_with(|| vec![kind, hash, from.into(), until.into(), own.into()]);
            }
        }
        let asked: Vec<_> = asked.into_iter().collect();
        let mut stored = HashMap::new();
        for chunk in asked.chunks(CHUNK) {
            let counts = self.count(chunk.iter().map(|(_, values)| values.as_slice()), reach).await?;
            stored.extend(chunk.iter().zip(counts).map(|((asked, _), count)| (*asked, count)));
        }
        Ok(Origins { stored, batch: HashMap::new() })
    }

    /// The counts in the order in which they are asked for; none looks at more rows than it counts.
    async fn count<'a>(&self, asked: impl Iterator<Item = &'a [Value]>, reach: &Reach) -> Result<Vec<u64>, StoreError> {
        let mut values: Vec<Value> = Vec::new();
        let mut tuples = Vec::new();
        let casts = match self.backend() {
            Backend::Postgres => ["::text", "::bytea", "::timestamptz", "::timestamptz", "::uuid"],
            Backend::Sqlite => [""; VALUES],
        };
        for (number, each) in asked.enumerate() {
            let first = values.len();
            let slots: Vec<String> = casts
                .iter()
                .enumerate()
                .map(|(at, cast)| format!("${}{cast}", first.saturating_add(at).saturating_add(1)))
                .collect();
            tuples.push(format!("({number}, {})", slots.join(", ")));
            values.extend(each.iter().cloned());
        }
        let sql = format!(
            "WITH asked (number, kind, hash, after, before, own) AS (VALUES {}) \
             SELECT asked.number, (SELECT COUNT(*) FROM (SELECT 1 FROM lead_key AS k WHERE k.hash = asked.hash \
             AND k.kind = asked.kind AND k.created_at > asked.after AND k.created_at < asked.before \
             AND (asked.own IS NULL OR k.lead_id <> asked.own) LIMIT {most}) AS near) FROM asked ORDER BY asked.number",
            tuples.join(", "),
            most = reach.device_leads.max(reach.ip_leads),
        );
        let db = self.db();
        let rows = db.query_all_raw(Statement::from_sql_and_values(db.get_database_backend(), sql, values)).await?;
        rows.into_iter().map(|row| u64::try_from(row.try_get_by_index::<i64>(1)?).map_err(StoreError::corrupt)).collect()
    }
}

/// The open interval of a day to both sides.
fn around(at: Timestamp) -> (Timestamp, Timestamp) {
    (plus_secs(at, -DAY_SECS), plus_secs(at, DAY_SECS))
}
