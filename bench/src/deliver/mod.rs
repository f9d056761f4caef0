//! Webhooks: signed deliveries a second, from events in the outbox to answered requests, to a thousand endpoints; and again with a
//! hundred that never answer.

mod receiver;

use std::sync::Arc;
use std::time::{Duration, Instant};

use api::app::App;
use api::app::webhooks::{EndpointCreate, Sender, webhook_endpoint_create, webhooks_begin, webhooks_follow};
use bench_matching::quantile;
use domain::access::{Principal, Role};
use domain::account::{Organization, OrganizationStatus};
use domain::id::{CampaignId, OrganizationId, TypedId, UserId};
use serde_json::json;
use store::WriteError;
use store::outbox::Event;
use tokio_util::sync::CancellationToken;

use crate::Failure;
use crate::figures::{ROUNDS, Report};
use crate::stage::{Stage, caller};
use receiver::Receiver;

/// Nobody is paused: what hangs hangs all the time.
const SETTINGS: &str = "[webhooks]\ninsecure = true\nfailures_max = 1000\nin_flight_max = 512\n";
/// Events written in one transaction.
const EMITTED: usize = 500;
/// How long a load is kept up to see how long each delivery takes.
const PACED: Duration = Duration::from_secs(10);
/// How long the last deliveries of a measurement are waited for.
const PATIENCE: Duration = Duration::from_secs(600);

/// Organizations with an endpoint each.
struct Crowd {
    well: Vec<OrganizationId>,
    hanging: Vec<OrganizationId>,
}

pub(crate) async fn measure(
    stage: &Stage,
    endpoints: usize,
    hanging: usize,
    deliveries: usize,
    json: bool,
) -> Result<(), Failure> {
    let app = stage.process(SETTINGS).await?;
    webhooks_begin(&app).await?;
    let receiver = Receiver::start().await?;
    let crowd = Crowd {
        well: crowd(&app, &receiver.well(), endpoints).await?,
        hanging: crowd(&app, &receiver.hanging(), hanging).await?,
    };
    let (mut plain, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        plain.push(round(&app, &receiver, &crowd.all_well(), deliveries).await?);
        beside.push(round(&app, &receiver, &crowd.some_hang(), deliveries).await?);
    }
    let (alone, beside) = (quantile(&plain, 0.5), quantile(&beside, 0.5));
    let pace = (alone / 2.0).max(1.0);
    let quiet = paced(&app, &receiver, &crowd.all_well(), pace).await?;
    let loaded = paced(&app, &receiver, &crowd.some_hang(), pace).await?;
    let mut report = Report::new("deliver", Vec::new());
    report.figure(format!("deliveries, {endpoints} endpoints"), alone, "1/s");
    let share = 1.0 - ratio(hanging, endpoints);
    let control = format!("the same share of {alone:.0}/s");
    let name = format!("deliveries to the others while {hanging} hang");
    report.against(name, beside, "1/s", &control, beside / (alone * share).max(1.0));
    for (name, latencies) in [("", &quiet), (" to the others while some hang", &loaded)] {
        for (part, share) in [("p50", 0.5), ("p99", 0.99)] {
            report.figure(format!("event to request{name} at {pace:.0}/s, {part}"), quantile(latencies, share), "ms");
        }
    }
    report.finish(json)
}

impl Crowd {
    fn all_well(&self) -> Vec<(OrganizationId, bool)> {
        self.well.iter().map(|id| (*id, true)).collect()
    }

    /// As many, some of which hang.
    fn some_hang(&self) -> Vec<(OrganizationId, bool)> {
        let left = self.well.len().saturating_sub(self.hanging.len());
        let well = self.well.iter().take(left).map(|id| (*id, true));
        well.chain(self.hanging.iter().map(|id| (*id, false))).collect()
    }
}

/// Organizations that have every event sent to `url`, each to a path of its own.
async fn crowd(app: &App, url: &str, count: usize) -> Result<Vec<OrganizationId>, Failure> {
    let mut made = Vec::with_capacity(count);
    for number in 0..count {
        let organization = Organization {
            id: app.store.id(),
            name: format!("Company {number}"),
            country: "PT".to_owned(),
            time_zone: "Europe/Lisbon".to_owned(),
            locale: "en".to_owned(),
            status: OrganizationStatus::Active,
            created_at: app.now(),
        };
        let id = organization.id;
        let done: Result<(), WriteError> = app
            .store
            .write("company", |tx| {
                let organization = organization.clone();
                async move { tx.organization_insert(&organization, None).await }
            })
            .await;
        done?;
        let user: UserId = app.store.id();
        let owner = caller(Principal::Member { user, organization: id, role: Role::Owner });
        let input = EndpointCreate {
            name: "bench".to_owned(),
            url: format!("{url}/{number}"),
            event_types: vec!["*".to_owned()],
            include_contact: false,
        };
        webhook_endpoint_create(app, &owner, input).await?;
        made.push(id);
    }
    Ok(made)
}

/// Writes one event for each of `audience`; the outbox is what is measured from.
async fn emit(app: &App, audience: &[OrganizationId]) -> Result<(), Failure> {
    for some in audience.chunks(EMITTED) {
        let some: Arc<[OrganizationId]> = some.into();
        let done: Result<(), WriteError> = app
            .store
            .write("events", |tx| {
                let some = Arc::clone(&some);
                async move {
                    let event = |organization: &OrganizationId| Event {
                        topic: "campaign.changed",
                        subject_id: tx.id::<CampaignId>().uuid(),
                        audience: vec![*organization],
                        payload: json!({ "change": "UPDATED", "state": "ACTIVE" }),
                    };
                    Ok(tx.emit_all(some.iter().map(event).collect()).await?)
                }
            })
            .await;
        done?;
    }
    Ok(())
}

/// What sends, as in a process of its own.
struct Running {
    stop: CancellationToken,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Running {
    fn start(app: &Arc<App>) -> Self {
        let stop = CancellationToken::new();
        let follower = tokio::spawn(webhooks_follow(Arc::clone(app), stop.clone()));
        let sender = tokio::spawn(Sender::new(Arc::clone(app)).run(stop.clone()));
        Self { stop, tasks: vec![follower, sender] }
    }

    /// Stops, waiting for what is under way, but not for what hangs.
    async fn end(self) {
        self.stop.cancel();
        for mut task in self.tasks {
            if tokio::time::timeout(Duration::from_secs(2), &mut task).await.is_err() {
                task.abort();
            }
        }
    }
}

/// Deliveries a second to those of `crowd` that answer: events that wait in the outbox are made messages of, sent and answered.
async fn round(app: &Arc<App>, receiver: &Receiver, crowd: &[(OrganizationId, bool)], deliveries: usize) -> Result<f64, Failure> {
    let told: Vec<(OrganizationId, bool)> = crowd.iter().copied().cycle().take(deliveries).collect();
    emit(app, &told.iter().map(|(id, _)| *id).collect::<Vec<_>>()).await?;
    let expected = told.iter().filter(|(_, well)| *well).count();
    receiver.taken();
    let running = Running::start(app);
    let started = Instant::now();
    let took = awaited(receiver, expected, started).await;
    running.end().await;
    Ok(ratio(expected, 1) / took?.as_secs_f64())
}

/// How long deliveries take, from the event to the request, in milliseconds, while `pace` events a second happen.
async fn paced(app: &Arc<App>, receiver: &Receiver, crowd: &[(OrganizationId, bool)], pace: f64) -> Result<Vec<f64>, Failure> {
    receiver.taken();
    let running = Running::start(app);
    let (started, mut sent, mut expected) = (Instant::now(), 0_usize, 0_usize);
    let mut round_robin = crowd.iter().copied().cycle();
    while started.elapsed() < PACED {
        // A float is exact far beyond what is counted here.
        let due = Duration::from_secs_f64(ratio(sent, 1) / pace);
        let behind = started.elapsed().saturating_sub(due);
        let count = (behind.as_secs_f64() * pace).clamp(1.0, 500.0);
        let some: Vec<(OrganizationId, bool)> = std::iter::from_fn(|| round_robin.next()).take(whole(count)).collect();
        emit(app, &some.iter().map(|(id, _)| *id).collect::<Vec<_>>()).await?;
        sent = sent.saturating_add(some.len());
        expected = expected.saturating_add(some.iter().filter(|(_, well)| *well).count());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let came = awaited(receiver, expected, started).await;
    running.end().await;
    came?;
    Ok(receiver.taken())
}

async fn awaited(receiver: &Receiver, expected: usize, started: Instant) -> Result<Duration, Failure> {
    while receiver.count() < expected {
        if started.elapsed() > PATIENCE {
            return Err(format!("{} of {expected} deliveries came", receiver.count()).into());
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(started.elapsed())
}

fn ratio(part: usize, of: usize) -> f64 {
    let float = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    float(part) / float(of.max(1))
}

fn whole(count: f64) -> usize {
    format!("{count:.0}").parse().unwrap_or(1)
}
