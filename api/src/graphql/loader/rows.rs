//! What belongs to the objects of a list: read for all of them together. Each reader leaves out what its caller may not see.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_graphql::dataloader::Loader;
use domain::certificate::Certificate;
use domain::id::{ClientEntryId, ClientId, DeliveryAttemptId, DeliveryId, DestinationId, DisputeId, ImportId, LeadId, TradeId};
use store::deliveries::Delivery;
use store::destination_tokens::DestinationToken;
use store::imports::ImportRefusal;
use store::leads::CheckRecord;
use store::page::{Page, Slice};

use super::{LoadError, Loaded, Reader, keyed};
use crate::app::certificates::certificates_many;
use crate::app::client::{ClientEntryView, client_entries_many};
use crate::app::deliveries::{AttemptView, deliveries_of_trades, delivery_attempts_many};
use crate::app::destinations::tokens::destination_tokens_many;
use crate::app::dispute::{EntryView, FileView, dispute_entries_many, dispute_evidence_many};
use crate::app::imports::import_refusals_many;
use crate::app::leads::lead_checks_many;

/// The history of a dispute.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EntriesOf(pub DisputeId);

/// The files of a dispute.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FilesOf(pub DisputeId);

/// The latest outcomes of a lead's checks, so many.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ChecksOf(pub LeadId, pub u64);

/// The certificate of consent of a lead.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CertificateOf(pub LeadId);

/// A page of a client's history.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HistoryOf(pub ClientId, pub Page<ClientEntryId>);

/// Where the lead of a trade is brought.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DeliveriesOf(pub TradeId);

/// A page of the attempts of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AttemptsOf(pub DeliveryId, pub Page<DeliveryAttemptId>);

/// The access token of a destination.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TokenOf(pub DestinationId);

/// A page of the refused rows of an import.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RefusalsOf(pub ImportId, pub Page<(i64, i64)>);

#[async_graphql::async_trait::async_trait]
impl Loader<EntriesOf> for Reader {
    type Value = Vec<EntryView>;
    type Error = LoadError;

    async fn load(&self, keys: &[EntriesOf]) -> Loaded<EntriesOf, Vec<EntryView>> {
        let ids: Vec<DisputeId> = keys.iter().map(|key| key.0).collect();
        let found = dispute_entries_many(&self.app, &self.caller, &ids).await.map_err(|error| LoadError(Arc::new(error)))?;
        Ok(found.into_iter().map(|(id, entries)| (EntriesOf(id), entries)).collect())
    }
}

#[async_graphql::async_trait::async_trait]
impl Loader<FilesOf> for Reader {
    type Value = Vec<FileView>;
    type Error = LoadError;

    async fn load(&self, keys: &[FilesOf]) -> Loaded<FilesOf, Vec<FileView>> {
        let ids: Vec<DisputeId> = keys.iter().map(|key| key.0).collect();
        let found = dispute_evidence_many(&self.app, &self.caller, &ids).await.map_err(|error| LoadError(Arc::new(error)))?;
        Ok(found.into_iter().map(|(id, files)| (FilesOf(id), files)).collect())
    }
}

#[async_graphql::async_trait::async_trait]
impl Loader<ChecksOf> for Reader {
    type Value = Vec<CheckRecord>;
    type Error = LoadError;

    async fn load(&self, keys: &[ChecksOf]) -> Loaded<ChecksOf, Vec<CheckRecord>> {
        let mut all = HashMap::new();
        for (last, ids) in grouped(keys.iter().map(|ChecksOf(id, last)| (*last, *id))) {
            let found =
                lead_checks_many(&self.app, &self.caller, &ids, last).await.map_err(|error| LoadError(Arc::new(error)))?;
            all.extend(found.into_iter().map(|(id, checks)| (ChecksOf(id, last), checks)));
        }
        Ok(all)
    }
}

#[async_graphql::async_trait::async_trait]
impl Loader<CertificateOf> for Reader {
    type Value = Certificate;
    type Error = LoadError;

    async fn load(&self, keys: &[CertificateOf]) -> Loaded<CertificateOf, Certificate> {
        let ids: Vec<LeadId> = keys.iter().map(|key| key.0).collect();
        let found = certificates_many(&self.app, &self.caller, &ids).await.map_err(|error| LoadError(Arc::new(error)))?;
        Ok(found.into_iter().map(|(id, certificate)| (CertificateOf(id), certificate)).collect())
    }
}

#[async_graphql::async_trait::async_trait]
impl Loader<HistoryOf> for Reader {
    type Value = Slice<ClientEntryView>;
    type Error = LoadError;

    async fn load(&self, keys: &[HistoryOf]) -> Loaded<HistoryOf, Slice<ClientEntryView>> {
        let mut all = HashMap::new();
        for (page, ids) in grouped(keys.iter().map(|HistoryOf(id, page)| (page.clone(), *id))) {
            let found = client_entries_many(&self.app, &self.caller, &ids, &page).await;
            let found = found.map_err(|error| LoadError(Arc::new(error)))?;
            all.extend(found.into_iter().map(|(id, slice)| (HistoryOf(id, page.clone()), slice)));
        }
        Ok(all)
    }
}

#[async_graphql::async_trait::async_trait]
impl Loader<DeliveriesOf> for Reader {
    type Value = Vec<Delivery>;
    type Error = LoadError;

    async fn load(&self, keys: &[DeliveriesOf]) -> Loaded<DeliveriesOf, Vec<Delivery>> {
        let ids: Vec<TradeId> = keys.iter().map(|key| key.0).collect();
        let found = deliveries_of_trades(&self.app, &self.caller, &ids).await.map_err(|error| LoadError(Arc::new(error)))?;
        Ok(found.into_iter().map(|(id, deliveries)| (DeliveriesOf(id), deliveries)).collect())
    }
}

#[async_graphql::async_trait::async_trait]
impl Loader<AttemptsOf> for Reader {
    type Value = Slice<AttemptView>;
    type Error = LoadError;

    async fn load(&self, keys: &[AttemptsOf]) -> Loaded<AttemptsOf, Slice<AttemptView>> {
        let mut all = HashMap::new();
        for (page, ids) in grouped(keys.iter().map(|AttemptsOf(id, page)| (page.clone(), *id))) {
            let found = delivery_attempts_many(&self.app, &self.caller, &ids, &page).await;
            let found = found.map_err(|error| LoadError(Arc::new(error)))?;
            all.extend(found.into_iter().map(|(id, slice)| (AttemptsOf(id, page.clone()), slice)));
        }
        Ok(all)
    }
}

#[async_graphql::async_trait::async_trait]
impl Loader<TokenOf> for Reader {
    type Value = DestinationToken;
    type Error = LoadError;

    async fn load(&self, keys: &[TokenOf]) -> Loaded<TokenOf, DestinationToken> {
        let ids: Vec<DestinationId> = keys.iter().map(|key| key.0).collect();
        let found = destination_tokens_many(&self.app, &self.caller, &ids).await;
        keyed(found.map(|found| found.into_values().collect()), |token| TokenOf(token.destination), |token| token)
    }
}

#[async_graphql::async_trait::async_trait]
impl Loader<RefusalsOf> for Reader {
    type Value = Slice<ImportRefusal>;
    type Error = LoadError;

    async fn load(&self, keys: &[RefusalsOf]) -> Loaded<RefusalsOf, Slice<ImportRefusal>> {
        let mut all = HashMap::new();
        for (page, ids) in grouped(keys.iter().map(|RefusalsOf(id, page)| (page.clone(), *id))) {
            let found = import_refusals_many(&self.app, &self.caller, &ids, &page).await;
            let found = found.map_err(|error| LoadError(Arc::new(error)))?;
            all.extend(found.into_iter().map(|(id, slice)| (RefusalsOf(id, page.clone()), slice)));
        }
        Ok(all)
    }
}

/// The ids of those that ask for the same page, which one statement can read.
fn grouped<P: Ord, I>(keys: impl Iterator<Item = (P, I)>) -> BTreeMap<P, Vec<I>> {
    keys.fold(BTreeMap::new(), |mut groups, (page, id)| {
        groups.entry(page).or_insert_with(Vec::new).push(id);
        groups
    })
}
