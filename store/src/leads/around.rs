//! What the exchange knows around leads: the same person, the same device, do-not-contact lists, traders' mail domains.

use std::collections::{BTreeSet, HashMap, HashSet};

use domain::contact::KeyKind;
use domain::id::{LeadId, OrganizationId};
use domain::lead::{Channel, LeadState};
use domain::time::{Timestamp, plus_secs};
use domain::verification::{Earlier, Facts};
use sea_orm::entity::prelude::*;
use sea_orm::{ConnectionTrait, ExprTrait, FromQueryResult, JoinType, QuerySelect, Statement};

use crate::db::Backend;
use crate::entity::{lead, lead_key, suppression};
use crate::error::StoreError;
use crate::write::Tx;

const DAY_SECS: i64 = 86_400;
/// Values in one statement, below the limit of both databases.
const CHUNK: usize = 5_000;
/// Up to so many keys are locked one by one; more lock all intake.
const LOCKED_KEYS: usize = 60;
/// The advisory lock of intake on Postgres: shared by small intakes, alone for large ones.
const INTAKE_LOCK: i64 = 0x6c65_6164;

/// What of a lead is looked for elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The lead itself, and when it was brought, if it was.
    pub own: Option<(LeadId, Timestamp)>,
    /// Who brings it.
    pub seller: OrganizationId,
    /// Keyed hashes of the ways to reach the person, the device, the address and the page.
    pub keys: Vec<(KeyKind, [u8; 32])>,
    /// Keyed hashes under which a do-not-contact list may hold the person.
    pub suppression: Vec<(Channel, [u8; 32])>,
    /// The mail domain, where not everybody can have an address.
    pub mail_domain: Option<String>,
    /// When the person left the details.
    pub captured_at: Timestamp,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    lead: Option<LeadId>,
    seller: OrganizationId,
    at: Timestamp,
}

/// What was found around a batch of leads. Leads that are taken are added, so that the next of the batch sees them.
#[derive(Debug, Default)]
pub struct Around {
    people: HashMap<(KeyKind, [u8; 32]), Vec<Seen>>,
    sessions: HashMap<(KeyKind, [u8; 32]), Vec<Seen>>,
    suppressed: HashSet<[u8; 32]>,
    trader_domains: HashSet<String>,
}

#[derive(Debug, FromQueryResult)]
struct KeyRow {
    kind: String,
    hash: Vec<u8>,
    lead_id: Uuid,
    seller_id: Uuid,
    created_at: Timestamp,
}

impl Around {
    /// What concerns one lead, as of `now`.
    #[must_use]
    pub fn facts(&self, probe: &Probe, now: Timestamp, window_secs: i64) -> Facts {
        let busy = |kind: KeyKind| {
            let hash = probe.keys.iter().find(|(of, _)| *of == kind);
            let seen = hash.and_then(|key| self.sessions.get(key)).map_or(&[][..], Vec::as_slice);
            let (from, until) = (plus_secs(probe.captured_at, -DAY_SECS), plus_secs(probe.captured_at, DAY_SECS));
            let others = seen.iter().filter(|seen| !probe.is(seen.lead) && from < seen.at && seen.at < until);
            u64::try_from(others.count()).unwrap_or(u64::MAX)
        };
        let listed = probe.suppression.iter().filter(|(_, hash)| self.suppressed.contains(hash));
        Facts {
            earlier: self.earlier(probe, now, window_secs),
            suppressed: listed.map(|(channel, _)| *channel).collect(),
            device_leads_day: busy(KeyKind::Device),
            ip_leads_day: busy(KeyKind::Ip),
            trader_domain: probe.mail_domain.as_ref().is_some_and(|domain| self.trader_domains.contains(domain)),
        }
    }

    /// Adds a lead that was taken at `now`; as a person only when nothing rejected it.
    pub fn add(&mut self, probe: &Probe, counts_as_person: bool, now: Timestamp) {
        for (kind, hash) in &probe.keys {
            let (map, at) = if kind.is_channel() { (&mut self.people, now) } else { (&mut self.sessions, probe.captured_at) };
            if counts_as_person || !kind.is_channel() {
                map.entry((*kind, *hash)).or_default().push(Seen { lead: None, seller: probe.seller, at });
            }
        }
    }

    fn earlier(&self, probe: &Probe, now: Timestamp, window_secs: i64) -> Option<Earlier> {
        let brought_at = probe.own.map_or(now, |(_, at)| at);
        let from = plus_secs(brought_at, window_secs.saturating_neg());
        let mut first: Option<Seen> = None;
        let mut shared = BTreeSet::new();
        for (kind, hash) in probe.keys.iter().filter(|(kind, _)| kind.is_channel()) {
            let seen = self.people.get(&(*kind, *hash)).map_or(&[][..], Vec::as_slice);
            for other in seen.iter().filter(|other| probe.comes_after(other) && other.at > from) {
                shared.insert(*kind);
                if first.is_none_or(|first| other.at < first.at) {
                    first = Some(*other);
                }
            }
        }
        first.map(|first| Earlier { own: first.seller == probe.seller, shared, brought_at: first.at })
    }
}

impl Probe {
    fn is(&self, lead: Option<LeadId>) -> bool {
        matches!((self.own, lead), (Some((own, _)), Some(lead)) if own == lead)
    }

    /// Whether `other` was brought before this lead; of the same instant the smaller id was first.
    fn comes_after(&self, other: &Seen) -> bool {
        match (self.own, other.lead) {
            (Some((own, at)), Some(lead)) => (other.at, lead) < (at, own),
            (Some((_, at)), None) => other.at < at,
            (None, _) => true,
        }
    }
}

impl Tx {
    /// Makes intakes of the same person wait for each other, so that the seller who was first is first.
    pub async fn leads_lock(&self, probes: &[Probe]) -> Result<(), StoreError> {
        if self.backend() != Backend::Postgres {
            return Ok(());
        }
        let channels = probes.iter().flat_map(|probe| &probe.keys).filter(|(kind, _)| kind.is_channel());
        let keys: BTreeSet<i64> = channels.map(|(_, hash)| lock_of(hash)).collect();
        if keys.len() > LOCKED_KEYS {
            return self.advisory("SELECT pg_advisory_xact_lock($1)", INTAKE_LOCK).await;
        }
        self.advisory("SELECT pg_advisory_xact_lock_shared($1)", INTAKE_LOCK).await?;
        for key in keys {
            self.advisory("SELECT pg_advisory_xact_lock($1)", key).await?;
        }
        Ok(())
    }

    async fn advisory(&self, sql: &str, key: i64) -> Result<(), StoreError> {
        let statement = Statement::from_sql_and_values(self.db().get_database_backend(), sql, [key.into()]);
        self.db().execute_raw(statement).await?;
        Ok(())
    }

    /// What the exchange knows around `probes`.
    pub async fn leads_around(&self, probes: &[Probe], window_secs: i64) -> Result<Around, StoreError> {
        let mut around = Around::default();
        let now = self.now().await?;
        let brought = probes.iter().map(|probe| probe.own.map_or(now, |(_, at)| at)).min().unwrap_or(now);
        let captured = probes.iter().map(|probe| probe.captured_at).min().unwrap_or(now);
        let keys = probes.iter().flat_map(|probe| &probe.keys);
        let (people, sessions): (Vec<_>, Vec<_>) = keys.partition(|(kind, _)| kind.is_channel());
        let live = [LeadState::Unqualified, LeadState::Verified].map(LeadState::as_str);
        let from = plus_secs(brought, window_secs.saturating_neg());
        let by_person = lead_key::Column::CreatedAt.gt(from).and(lead::Column::State.is_in(live));
        around.people = self.keys_seen(&hashes(&people), &kinds(true), by_person).await?;
        let sessions: Vec<_> = sessions.into_iter().filter(|(kind, _)| *kind != KeyKind::Page).collect();
        let by_day = lead_key::Column::CreatedAt.gt(plus_secs(captured, -DAY_SECS));
        around.sessions = self.keys_seen(&hashes(&sessions), &kinds(false), by_day).await?;
        let listed: HashSet<[u8; 32]> = probes.iter().flat_map(|probe| &probe.suppression).map(|(_, hash)| *hash).collect();
        around.suppressed = self.suppressed(listed).await?;
        let domains: BTreeSet<&str> = probes.iter().filter_map(|probe| probe.mail_domain.as_deref()).collect();
        around.trader_domains = self.trader_domains(&domains).await?;
        Ok(around)
    }

    async fn keys_seen(
        &self,
        hashes: &[Vec<u8>],
        kinds: &[&str],
        condition: Expr,
    ) -> Result<HashMap<(KeyKind, [u8; 32]), Vec<Seen>>, StoreError> {
        let mut found: HashMap<_, Vec<Seen>> = HashMap::new();
        for chunk in hashes.chunks(CHUNK) {
            let to_lead = lead_key::Entity::belongs_to(lead::Entity).from(lead_key::Column::LeadId).to(lead::Column::Id);
            let rows = lead_key::Entity::find()
                .join(JoinType::InnerJoin, to_lead.into())
                .filter(lead_key::Column::Hash.is_in(chunk.iter().cloned()))
                .filter(lead_key::Column::Kind.is_in(kinds.iter().copied()))
                .filter(condition.clone())
                .into_model::<KeyRow>()
                .all(self.db())
                .await?;
            for row in rows {
                let kind: KeyKind = row.kind.parse().map_err(StoreError::corrupt)?;
                let hash = <[u8; 32]>::try_from(row.hash).map_err(|_| StoreError::corrupt("a key that is no hash"))?;
                let seen = Seen { lead: Some(row.lead_id.into()), seller: row.seller_id.into(), at: row.created_at };
                found.entry((kind, hash)).or_default().push(seen);
            }
        }
        Ok(found)
    }

    async fn suppressed(&self, hashes: HashSet<[u8; 32]>) -> Result<HashSet<[u8; 32]>, StoreError> {
        let hashes: Vec<Vec<u8>> = hashes.into_iter().map(|hash| hash.to_vec()).collect();
        let mut found = HashSet::new();
        for chunk in hashes.chunks(CHUNK) {
            let rows: Vec<Vec<u8>> = suppression::Entity::find()
                .select_only()
                .column(suppression::Column::Hash)
                .filter(suppression::Column::Hash.is_in(chunk.iter().cloned()))
                .into_tuple()
                .all(self.db())
                .await?;
            found.extend(rows.into_iter().filter_map(|hash| <[u8; 32]>::try_from(hash).ok()));
        }
        Ok(found)
    }

    /// Which of `domains` belong to people who trade here.
    async fn trader_domains(&self, domains: &BTreeSet<&str>) -> Result<HashSet<String>, StoreError> {
        if domains.is_empty() {
            return Ok(HashSet::new());
        }
        let part = match self.backend() {
            Backend::Postgres => "split_part(u.email, '@', 2)",
            Backend::Sqlite => "substr(u.email, instr(u.email, '@') + 1)",
        };
        let sql = format!("SELECT DISTINCT {part} FROM account_user u JOIN membership m ON m.user_id = u.id");
        let statement = Statement::from_string(self.db().get_database_backend(), sql);
        let rows = self.db().query_all_raw(statement).await?;
        let all = rows.into_iter().map(|row| row.try_get_by_index::<String>(0)).collect::<Result<Vec<_>, _>>()?;
        Ok(all.into_iter().filter(|domain| domains.contains(domain.as_str())).collect())
    }
}

fn hashes(keys: &[&(KeyKind, [u8; 32])]) -> Vec<Vec<u8>> {
    let distinct: HashSet<[u8; 32]> = keys.iter().map(|(_, hash)| *hash).collect();
    distinct.into_iter().map(|hash| hash.to_vec()).collect()
}

fn kinds(channels: bool) -> Vec<&'static str> {
    KeyKind::ALL.iter().filter(|kind| kind.is_channel() == channels).map(|kind| kind.as_str()).collect()
}

fn lock_of(hash: &[u8; 32]) -> i64 {
    hash.first_chunk::<8>().map_or(0, |head| i64::from_be_bytes(*head))
}
