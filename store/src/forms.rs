//! Hosted forms: a draft that its seller changes, and versions that nobody does.

use domain::form::{Form, FormContent, FormPage};
use domain::id::{FormId, OrganizationId, UserId};
use domain::time::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{LockType, OnConflict};
use sea_orm::{QueryOrder, QuerySelect};

use crate::accounts::organization_is_stopped;
use crate::db::Store;
use crate::entity::{form, form_challenge, form_text, form_version};
use crate::error::{StoreError, WriteError};
use crate::page::{Page, Slice};
use crate::write::Tx;

/// One version of a form in one language, and its words as one text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredText {
    /// The form.
    pub form: FormId,
    /// The version.
    pub version: i64,
    /// The language.
    pub language: String,
    /// What is shown.
    pub page: FormPage,
    /// Its words.
    pub text: String,
    /// The SHA-256 of these words.
    pub sha256: Vec<u8>,
}

/// A form that is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveForm {
    /// The form.
    pub form: Form,
    /// The version that is shown.
    pub version: i64,
    /// What it says.
    pub content: FormContent,
    /// The languages in which it is there, in the form's order.
    pub languages: Vec<String>,
    /// Whether its organization is stopped.
    pub suspended: bool,
}

impl Store {
    /// The forms of `organization`, disabled ones too, oldest first.
    pub async fn forms(&self, organization: OrganizationId, page: &Page<Uuid>) -> Result<Slice<Form>, StoreError> {
        let mut find = form::Entity::find()
            .filter(form::Column::OrganizationId.eq(organization.0))
            .order_by_asc(form::Column::Id)
            .limit(page.limit());
        if let Some(after) = page.after {
            find = find.filter(form::Column::Id.gt(after));
        }
        Slice::cut(find.all(self.read()).await?, page).try_map(of_row)
    }

    /// Those of `ids` that are the organization's, in no order.
    pub async fn forms_many(&self, organization: OrganizationId, ids: &[FormId]) -> Result<Vec<Form>, StoreError> {
        let wanted = form::Column::Id.is_in(ids.iter().map(|id| id.0));
        let rows = form::Entity::find().filter(wanted).filter(form::Column::OrganizationId.eq(organization.0));
        rows.all(self.read()).await?.into_iter().map(of_row).collect()
    }

    /// The form in `version`, or in the one that is shown now; nothing when it was never published or is disabled.
    pub async fn form_live(&self, id: FormId, version: Option<i64>) -> Result<Option<LiveForm>, StoreError> {
        let row = form::Entity::find_by_id(id.0).filter(form::Column::DisabledAt.is_null()).one(self.read()).await?;
        let Some((row, published)) = row.and_then(|row| row.published_version.map(|version| (row, version))) else {
            return Ok(None);
        };
        let version = version.unwrap_or(published);
        let Some(content) = form_version::Entity::find_by_id((id.0, version)).one(self.read()).await? else { return Ok(None) };
        let content: FormContent = serde_json::from_value(content.content).map_err(StoreError::corrupt)?;
        let suspended = organization_is_stopped(self.read(), row.organization_id.into()).await?;
        let languages = content.languages().map(str::to_owned).collect();
        Ok(Some(LiveForm { form: of_row(row)?, version, content, languages, suspended }))
    }

    /// What a version says in a language.
    pub async fn form_text(&self, id: FormId, version: i64, language: &str) -> Result<Option<StoredText>, StoreError> {
        let row = form_text::Entity::find_by_id((id.0, version, language.to_owned())).one(self.read()).await?;
        let of_row = |row: form_text::Model| {
            Ok(StoredText {
                form: row.form_id.into(),
                version: row.version,
                language: row.language,
                page: serde_json::from_value(row.page).map_err(StoreError::corrupt)?,
                text: row.text,
                sha256: row.sha256,
            })
        };
        row.map(of_row).transpose()
    }

    /// Forgets the proofs of work that were spent before `before`; answers how many.
    pub async fn form_challenges_prune(&self, before: Timestamp) -> Result<u64, WriteError> {
        self.write("form_challenges_prune", move |tx| async move {
            let old = form_challenge::Column::SpentAt.lt(before);
            Ok(form_challenge::Entity::delete_many().filter(old).exec(tx.db()).await?.rows_affected)
        })
        .await
    }
}

impl Tx {
    /// How many forms of `organization` are not disabled.
    pub async fn forms_count(&self, organization: OrganizationId) -> Result<u64, StoreError> {
        let live = form::Entity::find()
            .filter(form::Column::OrganizationId.eq(organization.0))
            .filter(form::Column::DisabledAt.is_null());
        Ok(live.count(self.db()).await?)
    }

    /// Adds a form made by `maker`.
    pub async fn form_insert(&self, new: &Form, maker: UserId) -> Result<(), WriteError> {
        let row = form::ActiveModel {
            id: Set(new.id.0),
            organization_id: Set(new.organization.0),
            name: Set(new.name.clone()),
            vertical: Set(new.vertical.clone()),
            draft: Set(json(&new.draft)?),
            published_version: Set(new.published_version),
            created_by: Set(maker.0),
            created_at: Set(new.created_at),
            updated_at: Set(new.updated_at),
            disabled_at: Set(new.disabled_at),
        };
        form::Entity::insert(row).exec_without_returning(self.db()).await?;
        Ok(())
    }

    /// The form `id` of `organization`, locked.
    pub async fn form_lock(&self, organization: OrganizationId, id: FormId) -> Result<Option<Form>, StoreError> {
        let mine = form::Column::OrganizationId.eq(organization.0);
        let find = form::Entity::find_by_id(id.0).filter(mine).lock(LockType::NoKeyUpdate);
        find.one(self.db()).await?.map(of_row).transpose()
    }

    /// Writes what may change of a form.
    pub async fn form_save(&self, form: &Form) -> Result<(), WriteError> {
        form::Entity::update_many()
            .col_expr(form::Column::Name, Expr::value(form.name.clone()))
            .col_expr(form::Column::Draft, Expr::value(json(&form.draft)?))
            .col_expr(form::Column::PublishedVersion, Expr::value(form.published_version))
            .col_expr(form::Column::UpdatedAt, Expr::value(form.updated_at))
            .col_expr(form::Column::DisabledAt, Expr::value(form.disabled_at))
            .filter(form::Column::Id.eq(form.id.0))
            .exec(self.db())
            .await?;
        Ok(())
    }

    /// Keeps a version with what it says in each language.
    pub async fn form_version_insert(
        &self,
        form: &Form,
        version: i64,
        texts: &[StoredText],
        publisher: UserId,
    ) -> Result<(), WriteError> {
        let row = form_version::ActiveModel {
            form_id: Set(form.id.0),
            version: Set(version),
            content: Set(json(&form.draft)?),
            published_by: Set(publisher.0),
            published_at: Set(self.now().await?),
        };
        form_version::Entity::insert(row).exec_without_returning(self.db()).await?;
        let rows = texts.iter().map(|text| {
            Ok::<_, StoreError>(form_text::ActiveModel {
                form_id: Set(form.id.0),
                version: Set(version),
                language: Set(text.language.clone()),
                page: Set(json(&text.page)?),
                text: Set(text.text.clone()),
                sha256: Set(text.sha256.clone()),
            })
        });
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        form_text::Entity::insert_many(rows).exec_without_returning(self.db()).await?;
        Ok(())
    }

    /// Spends a proof of work; `false` when it was spent before.
    pub async fn form_challenge_spend(&self, hash: &[u8]) -> Result<bool, WriteError> {
        let row = form_challenge::ActiveModel { hash: Set(hash.to_vec()), spent_at: Set(self.now().await?) };
        let nothing = OnConflict::column(form_challenge::Column::Hash).do_nothing().to_owned();
        let inserted = form_challenge::Entity::insert(row).on_conflict(nothing).exec_without_returning(self.db()).await?;
        Ok(inserted == 1)
    }
}

fn of_row(row: form::Model) -> Result<Form, StoreError> {
    Ok(Form {
        id: row.id.into(),
        organization: row.organization_id.into(),
        name: row.name,
        vertical: row.vertical,
        draft: serde_json::from_value(row.draft).map_err(StoreError::corrupt)?,
        published_version: row.published_version,
        created_at: row.created_at,
        updated_at: row.updated_at,
        disabled_at: row.disabled_at,
    })
}

fn json(value: &impl serde::Serialize) -> Result<Json, StoreError> {
    serde_json::to_value(value).map_err(StoreError::corrupt)
}
