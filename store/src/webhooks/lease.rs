//! Taking messages to send: a few of each endpoint, so that one with many waiting holds up nobody, and of each object the
//! oldest alone.

use std::collections::BTreeSet;

use domain::id::{OrganizationId, WebhookDeliveryId, WebhookEndpointId};
use domain::time::{Timestamp, plus_secs};
use domain::webhook::EventType;
use sea_orm::entity::prelude::*;
use sea_orm::{FromQueryResult, QueryResult};
use serde_json::Value;

use super::Target;
use crate::db::{Backend, Store};
use crate::error::{StoreError, WriteError};
use crate::held::{Held, Leases};
use crate::rows::{Column, Get, Given};
use crate::write::Tx;

/// How much may be sent to an endpoint of which is known how it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndpointRoom {
    /// Which.
    pub endpoint: WebhookEndpointId,
    /// How many messages more may be under way.
    pub room: i64,
    /// Whether nothing is under way: only then a paused one is probed.
    pub idle: bool,
}

/// What to take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Messages at most.
    pub limit: u64,
    /// Of an endpoint of which nothing is known at most.
    pub untried: i64,
    /// The other endpoints.
    pub rooms: Vec<EndpointRoom>,
    /// For how long nobody else takes them, in seconds.
    pub secs: i64,
    /// Endpoints behind this one first: whoever takes goes round. SQLite, which has few of them, takes the oldest messages.
    pub behind: Option<WebhookEndpointId>,
}

/// A message that was taken, to be sent by whoever took it.
#[derive(Debug, Clone, PartialEq)]
pub struct Leased {
    /// Its id.
    pub id: WebhookDeliveryId,
    /// Where to.
    pub endpoint: WebhookEndpointId,
    /// Whose endpoint that is.
    pub organization: OrganizationId,
    /// What happened.
    pub event_type: EventType,
    /// To which object.
    pub object: String,
    /// Its place among the messages about the object.
    pub sequence: i64,
    /// What is said of it.
    pub data: Value,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// The number of this attempt.
    pub attempt: i64,
    /// How often it was tried since it last became pending, this time included.
    pub tries: i64,
}

const ROOMS: &[Column<EndpointRoom>] = &[
    ("endpoint_id", Get::Id(|row| row.endpoint.0)),
    ("room", Get::Integer(|row| row.room)),
    ("idle", Get::Flag(|row| row.idle)),
];

/// What may be taken of the messages `d`: due, not taken, and none about the same object before it.
const FREE: &str = "d.state = 'PENDING' AND d.due_at <= {now} AND (d.leased_until IS NULL OR d.leased_until <= {now}) \
    AND d.sequence = (SELECT first.sequence FROM webhook_delivery first WHERE first.state = 'PENDING' \
    AND first.endpoint_id = d.endpoint_id AND first.object = d.object ORDER BY first.sequence LIMIT 1)";

/// Which of the endpoints `e` get messages: a paused one gets a single message when it is to be probed.
const LIVE: &str = "e.disabled_at IS NULL AND (e.probe_at IS NULL OR e.probe_at <= {now})";
const ROOM: &str = "CASE WHEN e.paused_at IS NULL THEN COALESCE(given.room, {untried}) \
    WHEN given.endpoint_id IS NULL THEN 1 WHEN given.idle AND given.room > 0 THEN 1 ELSE 0 END";

/// What is told of a message that was taken.
const TOLD: &str = "webhook_delivery.id, webhook_delivery.endpoint_id, organization_id, event_type, object, sequence, data, \
    occurred_at, attempts, tries";

impl Store {
    /// Takes messages that are due, with where each goes.
    pub async fn webhook_lease(&self, lease: Lease) -> Result<(Vec<Leased>, Vec<Target>), WriteError> {
        self.write("webhook_lease", move |tx| {
            let lease = lease.clone();
            async move {
                // A lease that is lost is only taken anew.
                tx.commit_lazily().await?;
                let taken = take(&tx, &lease).await?;
                let targets = targets(&tx, &taken).await?;
                Ok((taken, targets))
            }
        })
        .await
    }
}

const LEASES: Leases = Leases { name: "webhook_lease_renew", table: "webhook_delivery", number: "attempts", state: "PENDING" };

impl Store {
    /// Keeps messages that are still under way, under the numbers of their attempts, from being taken by others, for `secs` from now.
    /// One that was taken meanwhile is left to whoever has it.
    pub async fn webhook_lease_renew(&self, held: Vec<Held<WebhookDeliveryId>>, secs: i64) -> Result<(), WriteError> {
        self.leases_renew(&LEASES, held, secs).await
    }
}

async fn take(tx: &Tx, lease: &Lease) -> Result<Vec<Leased>, WriteError> {
    let now = tx.now().await?;
    let mut given = Given::new(tx.backend(), ROOMS, &lease.rooms);
    let at = given.bind(now);
    let until = given.bind(plus_secs(now, lease.secs));
    let limit = given.bind(lease.limit);
    let untried = given.bind(lease.untried);
    let said = |text: &str| text.replace("{now}", &at).replace("{untried}", &untried);
    let (free, live, room) = (said(FREE), said(LIVE), said(ROOM));
    let sql = match tx.backend() {
        Backend::Postgres => {
            let behind = given.bind(lease.behind.map_or(Uuid::nil(), Uuid::from));
            // The walk over the endpoints that have messages waiting goes no further than the limit asks for. Arrays and inner limits
            // keep the planner from reading the whole table, whatever it believes of its size; what is pending has not ended, and said
            // like this it does not read all that is pending either.
            format!(
                "WITH RECURSIVE waiting (endpoint_id) AS (\
                 SELECT (SELECT w.endpoint_id FROM webhook_delivery w WHERE w.state = 'PENDING' AND w.endpoint_id > {behind} \
                 ORDER BY w.endpoint_id LIMIT 1) \
                 UNION ALL SELECT (SELECT w.endpoint_id FROM webhook_delivery w WHERE w.state = 'PENDING' \
                 AND w.endpoint_id > waiting.endpoint_id ORDER BY w.endpoint_id LIMIT 1) \
                 FROM waiting WHERE waiting.endpoint_id IS NOT NULL), \
                 due AS MATERIALIZED (SELECT d.id FROM waiting CROSS JOIN LATERAL (\
                 SELECT e.id, e.paused_at FROM webhook_endpoint e WHERE e.id = waiting.endpoint_id AND {live} LIMIT 1) e \
                 LEFT JOIN {given} ON given.endpoint_id = e.id \
                 CROSS JOIN LATERAL (SELECT d.id FROM webhook_delivery d WHERE d.endpoint_id = e.id AND {free} \
                 ORDER BY d.due_at, d.sequence LIMIT {room}) d LIMIT {limit}), \
                 taken AS MATERIALIZED (SELECT d.id FROM webhook_delivery d WHERE d.id = ANY (ARRAY (SELECT id FROM due)) \
                 AND d.ended_at IS NULL AND (d.leased_until IS NULL OR d.leased_until <= {at}) FOR NO KEY UPDATE SKIP LOCKED) \
                 UPDATE webhook_delivery SET leased_until = {until}, attempts = attempts + 1, tries = tries + 1 \
                 WHERE webhook_delivery.id = ANY (ARRAY (SELECT id FROM taken)) RETURNING {TOLD}"
            )
        }
        Backend::Sqlite => {
            format!(
                "UPDATE webhook_delivery SET leased_until = {until}, attempts = attempts + 1, tries = tries + 1 \
                 WHERE id IN (SELECT id FROM (SELECT d.id, d.due_at, {room} AS room, \
                 ROW_NUMBER() OVER (PARTITION BY d.endpoint_id ORDER BY d.due_at, d.sequence) AS place \
                 FROM webhook_delivery d JOIN webhook_endpoint e ON e.id = d.endpoint_id AND {live} \
                 LEFT JOIN {given} ON given.endpoint_id = e.id WHERE {free}) WHERE place <= room ORDER BY due_at LIMIT {limit}) \
                 RETURNING {TOLD}"
            )
        }
    };
    let rows = given.query(tx, sql).await?;
    let mut taken = rows.iter().map(of_row).collect::<Result<Vec<_>, _>>()?;
    taken.sort_by_key(|leased| (leased.endpoint, leased.sequence));
    Ok(taken)
}

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    endpoint_id: Uuid,
    organization_id: Uuid,
    event_type: String,
    object: String,
    sequence: i64,
    data: Value,
    occurred_at: Timestamp,
    attempts: i64,
    tries: i64,
}

fn of_row(row: &QueryResult) -> Result<Leased, StoreError> {
    let row = Row::from_query_result(row, "")?;
    Ok(Leased {
        id: row.id.into(),
        endpoint: row.endpoint_id.into(),
        organization: row.organization_id.into(),
        event_type: row.event_type.parse().map_err(StoreError::corrupt)?,
        object: row.object,
        sequence: row.sequence,
        data: row.data,
        occurred_at: row.occurred_at,
        attempt: row.attempts,
        tries: row.tries,
    })
}

const ENDPOINT: &[Column<WebhookEndpointId>] = &[("id", Get::Id(|id| id.0))];

async fn targets(tx: &Tx, taken: &[Leased]) -> Result<Vec<Target>, StoreError> {
    let ids: BTreeSet<WebhookEndpointId> = taken.iter().map(|leased| leased.endpoint).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let given = Given::new(tx.backend(), ENDPOINT, &ids.into_iter().collect::<Vec<_>>());
    let sql =
        format!("SELECT id, url, include_contact, version FROM webhook_endpoint WHERE id IN (SELECT given.id FROM {given})");
    let target = |row: &QueryResult| {
        Ok(Target {
            endpoint: row.try_get::<Uuid>("", "id")?.into(),
            url: row.try_get("", "url")?,
            include_contact: row.try_get("", "include_contact")?,
            version: row.try_get("", "version")?,
        })
    };
    given.query(tx, sql).await?.iter().map(target).collect()
}
