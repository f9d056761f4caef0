//! CSV files of bought leads. A file is the list of what lies in it: its rows are made of what is sealed, whenever somebody who may see contact
//! details opens it, so that nothing personal lies in a file, and a refund takes its row out of it.

use domain::access::Permission;
use domain::id::{DeliveryFileId, DeliveryId};
use gateways::crm::{Lead, Row, Stage, Step, csv_file};
use store::contacts::{RevealOf, contact_reveal};
use store::deliveries::{Claimed, Delivery, DeliveryFile, Progress};
use store::entity::lead_contact;
use store::leads::{LeadScope, StoredLead};
use store::trades::Trade;

use super::lead::lead_of;
use super::run::begin;
use super::send::Target;
use crate::app::message::{MESSAGE_SEND, Message, message_seal};
use crate::app::{App, AppError, Caller};
use crate::ports::Mail;

/// Destinations whose files are written in one pass.
const DESTINATIONS: u64 = 50;
/// Leads that are opened in one transaction.
const ROWS: u64 = 50;

/// A file as it is opened.
#[derive(Debug, Clone)]
pub struct FileOpened {
    /// Its name.
    pub name: String,
    /// Its content.
    pub content: String,
}

/// Writes the files that are due: the leads that wait for each are listed in it, and those are told who want to be. Answers how many leads that
/// were. Run by the worker.
pub async fn delivery_files_write(app: &App) -> Result<u64, AppError> {
    let settings = &app.config.delivery;
    let mut total = 0_u64;
    for id in app.store.delivery_files_due(app.now(), DESTINATIONS).await? {
        loop {
            let claimed = app.store.delivery_file_claim(id, settings.file_rows_max, settings.lease_secs()).await?;
            if claimed.is_empty() {
                break;
            }
            total = total.saturating_add(u64::try_from(claimed.len()).unwrap_or(0));
            file_write(app, claimed).await?;
        }
    }
    Ok(total)
}

async fn file_write(app: &App, claimed: Vec<Claimed>) -> Result<(), AppError> {
    let Some(destination) = claimed.first().map(|claimed| claimed.destination.clone()) else { return Ok(()) };
    let target = Target::open(app, &destination)?;
    let mut fit = Vec::new();
    for Claimed { delivery, .. } in claimed {
        let lead = match begin(app, &delivery).await {
            Ok(Some(lead)) => Ok(lead),
            Ok(None) => continue,
            Err(error) => {
                tracing::error!(%error, delivery = %delivery.id, "a lead could not be put into a file");
                Err("something failed on our side".to_owned())
            }
        };
        // A row that cannot be made is told now, not when somebody opens the file.
        let key = delivery.id.to_string();
        let row = lead.and_then(|lead| target.render(&lead, &key, &Stage::First).map_err(|error| error.to_string()));
        match row {
            Ok(_) => fit.push(delivery),
            Err(reason) => {
                let progress = Progress::Failed(reason);
                let (delivery, progress) = (&delivery, &progress);
                app.store.write("delivery_failed", |tx| async move { tx.delivery_move(delivery, progress).await }).await?;
            }
        }
    }
    if fit.is_empty() {
        return Ok(());
    }
    let id: DeliveryFileId = app.store.id();
    let mails = mails(app, &destination, id, fit.len())?;
    let (fit, mails) = (&fit, &mails);
    app.store
        .write("delivery_file_write", |tx| async move {
            let created_at = tx.now().await?;
            let file = DeliveryFile { id, organization: destination.organization, destination: destination.id, created_at };
            tx.delivery_file_insert(&file).await?;
            for delivery in fit {
                tx.delivery_delivered(delivery, None, Some(id)).await?;
            }
            for mail in mails {
                tx.enqueue(MESSAGE_SEND, mail.clone(), created_at).await?;
            }
            Ok::<_, AppError>(())
        })
        .await
}

fn mails(
    app: &App,
    destination: &store::destinations::Destination,
    id: DeliveryFileId,
    leads: usize,
) -> Result<Vec<serde_json::Value>, AppError> {
    let notify = destination.plan.iter().flat_map(|plan| &plan.notify);
    let mail = |to: &String| {
        let text = format!(
            "A file of your destination \"{}\" is ready, with {leads} bought leads:\n\n    {}\n\nIt is opened with the access token or the key of \
             somebody who may see contact details.\n",
            destination.name,
            file_url(app, id)
        );
        message_seal(app, &Message::Mail(Mail { to: to.clone(), subject: "A file of leads is ready".to_owned(), text }))
    };
    notify.map(mail).collect()
}

/// Where a file is opened.
#[must_use]
pub fn file_url(app: &App, id: DeliveryFileId) -> String {
    format!("{}/delivery-files/{id}", app.config.server.public_url)
}

/// Opens a file of the caller's organization, a recorded look at each lead in it; `None` when there is none. Leads that were refunded, and those
/// whose person is forgotten, are in it no more.
pub async fn delivery_file_open(app: &App, caller: &Caller, id: DeliveryFileId) -> Result<Option<FileOpened>, AppError> {
    let organization = caller.principal.require(Permission::ContactsReveal)?;
    let Some(file) = app.store.delivery_file(organization, id).await? else { return Ok(None) };
    let destination = app.store.destinations_many(organization, &[file.destination]).await?.pop();
    let destination = destination.ok_or_else(|| AppError::internal("a file without its destination"))?;
    let target = Target::open(app, &destination)?;
    let owner = app.store.organizations(&[organization]).await?.pop();
    let locale = owner.as_ref().map_or("en", |owner| owner.locale.as_str());
    let (mut rows, mut after) = (Vec::new(), None);
    loop {
        let looked = looked(app, caller, id, after).await?;
        let Some((last, _)) = looked.last() else { break };
        after = Some(last.id);
        for (delivery, found) in looked.iter().filter_map(|(delivery, found)| Some((delivery, found.as_deref()?))) {
            let lead = lead_of(app, locale, found).await?;
            rows.extend(row(&target, &lead, delivery));
        }
    }
    let name = format!("leads-{}.csv", file.created_at.format("%Y-%m-%dT%H%MZ"));
    Ok(Some(FileOpened { name, content: csv_file::file(&rows) }))
}

type Found = Box<(Trade, StoredLead, lead_contact::Model)>;

/// The next deliveries in a file behind `after`, each with what the caller may see of it.
async fn looked(
    app: &App,
    caller: &Caller,
    file: DeliveryFileId,
    after: Option<DeliveryId>,
) -> Result<Vec<(Delivery, Option<Found>)>, AppError> {
    let principal = &caller.principal;
    app.store
        .write("delivery_file_open", |tx| async move {
            let mut looked = Vec::new();
            for delivery in tx.delivery_file_rows(file, after, ROWS).await? {
                let revealed = contact_reveal(&tx, RevealOf::Trade(delivery.trade), delivery.organization, principal).await;
                let found = match revealed {
                    Ok(revealed) => {
                        let lead = tx.lead_locked(LeadScope::Exchange, revealed.lead).await?;
                        revealed.trade.zip(lead).map(|(trade, lead)| Box::new((trade, lead, revealed.sealed)))
                    }
                    // Refunded or forgotten.
                    Err(store::WriteError::Refused(_)) => None,
                    Err(error) => return Err(error.into()),
                };
                looked.push((delivery, found));
            }
            Ok::<_, AppError>(looked)
        })
        .await
}

fn row(target: &Target, lead: &Lead, delivery: &Delivery) -> Option<Row> {
    match target.render(lead, &delivery.id.to_string(), &Stage::First) {
        Ok(Step::Row(row)) => Some(row),
        _ => None,
    }
}
