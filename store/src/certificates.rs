//! Certificates of consent and the keys that sign them. Both stay: a certificate is checked years later.

use domain::certificate::Certificate;
use domain::id::{CertificateId, LeadId};
use domain::time::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::QueryOrder;
use sea_orm::entity::prelude::*;

use crate::accounts::StoredSigningKey;
use crate::db::Store;
use crate::entity::{certificate_key, consent_certificate};
use crate::error::{StoreError, WriteError};
use crate::write::Tx;

impl Store {
    /// The certificate `id`.
    pub async fn certificate(&self, id: CertificateId) -> Result<Option<Certificate>, StoreError> {
        Ok(consent_certificate::Entity::find_by_id(id.0).one(self.read()).await?.map(of_row))
    }

    /// The certificates of those of `leads` that have one, in no order.
    pub async fn certificates_of(&self, leads: &[LeadId]) -> Result<Vec<Certificate>, StoreError> {
        let of = consent_certificate::Column::LeadId.is_in(leads.iter().map(|lead| lead.0));
        Ok(consent_certificate::Entity::find().filter(of).all(self.read()).await?.into_iter().map(of_row).collect())
    }

    /// How many certificates were issued for `origin` after `since`.
    pub async fn certificates_from(&self, origin: &[u8], since: Timestamp) -> Result<u64, StoreError> {
        let of = consent_certificate::Entity::find()
            .filter(consent_certificate::Column::Origin.eq(origin.to_vec()))
            .filter(consent_certificate::Column::IssuedAt.gt(since));
        Ok(of.count(self.read()).await?)
    }

    /// Every key that ever signed, newest first.
    pub async fn certificate_keys(&self) -> Result<Vec<StoredSigningKey>, StoreError> {
        let rows = certificate_key::Entity::find()
            .order_by_desc(certificate_key::Column::CreatedAt)
            .order_by_desc(certificate_key::Column::Kid)
            .all(self.read())
            .await?;
        let of_row = |row: certificate_key::Model| StoredSigningKey {
            kid: row.kid,
            public_key: row.public_key,
            sealed_private_key: row.sealed_private_key,
            retired_at: row.retired_at,
        };
        Ok(rows.into_iter().map(of_row).collect())
    }
}

impl Tx {
    /// Keeps a certificate; `origin` is the keyed hash of the address and browser.
    pub async fn certificate_insert(&self, new: &Certificate, origin: &[u8]) -> Result<(), WriteError> {
        let row = consent_certificate::ActiveModel {
            id: Set(new.id.0),
            lead_id: Set(new.lead.0),
            form_id: Set(new.form.0),
            form_version: Set(new.form_version),
            language: Set(new.language.clone()),
            key_id: Set(new.key_id.clone()),
            payload: Set(new.payload.clone()),
            signature: Set(new.signature.clone()),
            origin: Set(origin.to_vec()),
            issued_at: Set(new.issued_at),
        };
        consent_certificate::Entity::insert(row).exec_without_returning(self.db()).await?;
        Ok(())
    }

    /// Adds a key, which signs from now on.
    pub async fn certificate_key_insert(&self, new: &StoredSigningKey) -> Result<(), WriteError> {
        let row = certificate_key::ActiveModel {
            kid: Set(new.kid.clone()),
            public_key: Set(new.public_key.clone()),
            sealed_private_key: Set(new.sealed_private_key.clone()),
            created_at: Set(self.now().await?),
            retired_at: Set(None),
        };
        certificate_key::Entity::insert(row).exec_without_returning(self.db()).await?;
        Ok(())
    }

    /// Retires every key that signs.
    pub async fn certificate_keys_retire(&self) -> Result<(), WriteError> {
        certificate_key::Entity::update_many()
            .col_expr(certificate_key::Column::RetiredAt, Expr::value(self.now().await?))
            .filter(certificate_key::Column::RetiredAt.is_null())
            .exec(self.db())
            .await?;
        Ok(())
    }
}

fn of_row(row: consent_certificate::Model) -> Certificate {
    Certificate {
        id: row.id.into(),
        lead: row.lead_id.into(),
        form: row.form_id.into(),
        form_version: row.form_version,
        language: row.language,
        key_id: row.key_id,
        payload: row.payload,
        signature: row.signature,
        issued_at: row.issued_at,
    }
}
