//! What the exchange knows around leads: the same person, the same device, do-not-contact lists, traders' mail domains.

use std::collections::{BTreeSet, HashMap, HashSet};

use domain::contact::KeyKind;
use domain::id::{LeadId, OrganizationId};
use domain::lead::{Channel, LeadState};
use domain::time::{Timestamp, plus_secs};
use domain::trade::TradeState;
use domain::verification::{Earlier, Facts};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::IntoCondition;
use sea_orm::{ConnectionTrait, ExprTrait, FromQueryResult, JoinType, QuerySelect, Statement};

use super::origin::Origins;
use crate::db::Backend;
use crate::entity::{lead, lead_key, suppression, trade};
use crate::error::StoreError;
use crate::write::Tx;

/// Values in one statement, below the limit of both databases.
const CHUNK: usize = 5_000;
/// Up to so many keys are locked one by one; more lock all intake.
const LOCKED_KEYS: usize = 60;
/// The advisory lock of intake on Postgres: shared by small intakes, alone for large ones.
const INTAKE_LOCK: i64 = 0x6c65_6164;

/// How far one looks around a lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    /// How long a person stays taken, in seconds.
    pub window_secs: i64,
    /// Up to how many leads of one device are counted.
    pub device_leads: u64,
    /// Up to how many leads of one address are counted.
    pub ip_leads: u64,
}

/// What of a lead is looked for elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The lead itself, if it was brought already.
    pub own: Option<Brought>,
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

/// A lead that was brought before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Brought {
    /// Its id.
    pub id: LeadId,
    /// When it was brought.
    pub at: Timestamp,
    /// Whether it is for sale: it then yields only to those that were there before it.
    pub live: bool,
}

/// Another lead of the same person: for sale, sold, or proved fake.
#[derive(Debug, Clone, Copy)]
struct Seen {
    lead: Option<LeadId>,
    seller: OrganizationId,
    at: Timestamp,
    sold_at: Option<Timestamp>,
}

/// What was found around a batch of leads. Leads that are taken are added, so that the next of the batch sees them.
#[derive(Debug, Default)]
pub struct Around {
    people: HashMap<(KeyKind, [u8; 32]), Vec<Seen>>,
    origins: Origins,
    suppressed: HashSet<[u8; 32]>,
    domain_traders: HashMap<String, u64>,
}

#[derive(Debug, FromQueryResult)]
struct KeyRow {
    kind: String,
    hash: Vec<u8>,
    lead_id: Uuid,
    seller_id: Uuid,
    created_at: Timestamp,
    sold_at: Option<Timestamp>,
}

impl Reach {
    /// Up to how many leads of an origin are counted.
    #[must_use]
    pub const fn most(&self, kind: KeyKind) -> u64 {
        match kind {
            KeyKind::Device => self.device_leads,
            _ => self.ip_leads,
        }
    }
}

impl Around {
    /// What concerns one lead, as of `now`.
    #[must_use]
    pub fn facts(&self, probe: &Probe, now: Timestamp, reach: &Reach) -> Facts {
        let listed = probe.suppression.iter().filter(|(_, hash)| self.suppressed.contains(hash));
        Facts {
            earlier: self.earlier(probe, now, reach.window_secs),
            suppressed: listed.map(|(channel, _)| *channel).collect(),
            device_leads_day: self.origins.busy(probe, KeyKind::Device, reach),
            ip_leads_day: self.origins.busy(probe, KeyKind::Ip, reach),
            domain_traders: probe.mail_domain.as_ref().and_then(|domain| self.domain_traders.get(domain)).copied().unwrap_or(0),
        }
    }

    /// Adds a lead that was taken at `now`; as a person only when nothing rejected it.
    pub fn add(&mut self, probe: &Probe, counts_as_person: bool, now: Timestamp) {
        for key in &probe.keys {
            if key.0.is_origin() {
                self.origins.add(*key, probe.captured_at);
            } else if counts_as_person && key.0.is_channel() {
                let seen = Seen { lead: None, seller: probe.seller, at: now, sold_at: None };
                self.people.entry(*key).or_default().push(seen);
            }
        }
    }

    fn earlier(&self, probe: &Probe, now: Timestamp, window_secs: i64) -> Option<Earlier> {
        let from = plus_secs(probe.brought_at(now), window_secs.saturating_neg());
        let mut first: Option<Seen> = None;
        let mut shared = BTreeSet::new();
        for key in probe.keys.iter().filter(|(kind, _)| kind.is_channel()) {
            let seen = self.people.get(key).map_or(&[][..], Vec::as_slice);
            for other in seen.iter().filter(|other| other.after(from) && probe.yields_to(other)) {
                shared.insert(key.0);
                if first.is_none_or(|first| other.at < first.at) {
                    first = Some(*other);
                }
            }
        }
        first.map(|first| Earlier { own: first.seller == probe.seller, shared, brought_at: first.at })
    }
}

impl Seen {
    /// Whether the person was brought, or sold, after `from`.
    fn after(&self, from: Timestamp) -> bool {
        self.at > from || self.sold_at.is_some_and(|sold_at| sold_at > from)
    }
}

impl Probe {
    fn brought_at(&self, now: Timestamp) -> Timestamp {
        self.own.map_or(now, |own| own.at)
    }

    /// Whether `other` stands in this lead's way. A lead that is for sale yields to those that were brought before it (of
    /// the same instant the smaller id was first); one that is not, or not any more, to whoever is there.
    fn yields_to(&self, other: &Seen) -> bool {
        match (self.own, other.lead) {
            (Some(own), Some(lead)) if own.id == lead => false,
            (Some(own), Some(lead)) if own.live => (other.at, lead) < (own.at, own.id),
            (Some(own), None) if own.live => other.at < own.at,
            _ => true,
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
    pub async fn leads_around(&self, probes: &[Probe], reach: &Reach) -> Result<Around, StoreError> {
        let now = self.now().await?;
        let brought = probes.iter().map(|probe| probe.brought_at(now)).min().unwrap_or(now);
        let listed: HashSet<[u8; 32]> = probes.iter().flat_map(|probe| &probe.suppression).map(|(_, hash)| *hash).collect();
        let domains: BTreeSet<&str> = probes.iter().filter_map(|probe| probe.mail_domain.as_deref()).collect();
        Ok(Around {
            people: self.people_seen(probes, plus_secs(brought, reach.window_secs.saturating_neg())).await?,
            origins: self.origins(probes, reach).await?,
            suppressed: self.suppressed(listed).await?,
            domain_traders: self.domain_traders(&domains).await?,
        })
    }

    /// The leads of the persons behind `probes` that are for sale or proved fake and were brought after `from`, or were sold
    /// after it, whatever became of them since.
    async fn people_seen(
        &self,
        probes: &[Probe],
        from: Timestamp,
    ) -> Result<HashMap<(KeyKind, [u8; 32]), Vec<Seen>>, StoreError> {
        let counts = LeadState::ALL.iter().filter(|state| state.is_live() || **state == LeadState::Quarantined);
        let counts = counts.map(|state| state.as_str());
        let taken = lead_key::Column::CreatedAt.gt(from).and(lead::Column::State.is_in(counts));
        let kinds: Vec<_> = KeyKind::ALL.iter().filter(|kind| kind.is_channel()).map(|kind| kind.as_str()).collect();
        let mut found: HashMap<_, Vec<Seen>> = HashMap::new();
        for chunk in hashes(probes).chunks(CHUNK) {
            let to_lead = lead_key::Entity::belongs_to(lead::Entity).from(lead_key::Column::LeadId).to(lead::Column::Id);
            let to_trade = lead_key::Entity::belongs_to(trade::Entity)
                .from(lead_key::Column::LeadId)
                .to(trade::Column::LeadId)
                .on_condition(|_, _| trade::Column::State.ne(TradeState::Refunded.as_str()).into_condition());
            let rows = lead_key::Entity::find()
                .select_only()
                .columns([lead_key::Column::Kind, lead_key::Column::Hash, lead_key::Column::LeadId])
                .columns([lead_key::Column::SellerId, lead_key::Column::CreatedAt])
                .column(trade::Column::SoldAt)
                .join(JoinType::InnerJoin, to_lead.into())
                .join(JoinType::LeftJoin, to_trade.into())
                .filter(lead_key::Column::Hash.is_in(chunk.iter().cloned()))
                .filter(lead_key::Column::Kind.is_in(kinds.iter().copied()))
                .filter(taken.clone().or(trade::Column::SoldAt.gt(from)))
                .into_model::<KeyRow>()
                .all(self.db())
                .await?;
            for row in rows {
                let kind: KeyKind = row.kind.parse().map_err(StoreError::corrupt)?;
                let hash = <[u8; 32]>::try_from(row.hash).map_err(|_| StoreError::corrupt("a key that is no hash"))?;
                let (lead, seller) = (Some(row.lead_id.into()), row.seller_id.into());
                found.entry((kind, hash)).or_default().push(Seen { lead, seller, at: row.created_at, sold_at: row.sold_at });
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

    /// How many organizations have people who write from each of `domains`.
    async fn domain_traders(&self, domains: &BTreeSet<&str>) -> Result<HashMap<String, u64>, StoreError> {
        let domains: Vec<&str> = domains.iter().copied().collect();
        let mut found = HashMap::new();
        for chunk in domains.chunks(CHUNK) {
            let slots: Vec<String> = (1..=chunk.len()).map(|slot| format!("${slot}")).collect();
            let sql = format!(
                "SELECT u.email_domain, COUNT(DISTINCT m.organization_id) FROM account_user u \
                 JOIN membership m ON m.user_id = u.id WHERE u.email_domain IN ({}) GROUP BY u.email_domain",
                slots.join(", ")
            );
            let values = chunk.iter().map(|domain| (*domain).into());
            let statement = Statement::from_sql_and_values(self.db().get_database_backend(), sql, values);
            for row in self.db().query_all_raw(statement).await? {
                let count = u64::try_from(row.try_get_by_index::<i64>(1)?).map_err(StoreError::corrupt)?;
                found.insert(row.try_get_by_index::<String>(0)?, count);
            }
        }
        Ok(found)
    }
}

/// The hashes of every way to reach the persons behind `probes`.
fn hashes(probes: &[Probe]) -> Vec<Vec<u8>> {
    let keys = probes.iter().flat_map(|probe| &probe.keys).filter(|(kind, _)| kind.is_channel());
    let distinct: HashSet<[u8; 32]> = keys.map(|(_, hash)| *hash).collect();
    distinct.into_iter().map(|hash| hash.to_vec()).collect()
}

fn lock_of(hash: &[u8; 32]) -> i64 {
    hash.first_chunk::<8>().map_or(0, |head| i64::from_be_bytes(*head))
}
