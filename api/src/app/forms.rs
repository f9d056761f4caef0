//! Hosted forms, as their sellers design them.

use domain::access::Permission;
use domain::account::name_of;
use domain::form::{Form, FormContent, check, page, shown_text};
use domain::id::FormId;
use domain::refusal::{Code, Refusal};
use sha2::{Digest, Sha256};
use store::forms::StoredText;
use store::page::{Page, Slice};
use store::verticals::StoredVertical;
use uuid::Uuid;

use super::email_verification::require_verified_email;
use super::invitation::limit_check;
use super::member::require_member;
use super::verticals::vertical_at;
use super::{App, AppError, Caller};

/// A form being made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormCreate {
    /// What it is for.
    pub name: String,
    /// The path of its vertical.
    pub vertical: String,
    /// What it says and asks.
    pub content: FormContent,
}

/// A form being changed; what is absent stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormUpdate {
    /// Which.
    pub form: FormId,
    /// What it is for.
    pub name: Option<String>,
    /// What its next version says and asks.
    pub content: Option<FormContent>,
}

/// The forms of the caller's organization, disabled ones too, oldest first.
pub async fn forms(app: &App, caller: &Caller, page: &Page<Uuid>) -> Result<Slice<Form>, AppError> {
    let organization = caller.principal.require(Permission::MembersRead)?;
    Ok(app.store.forms(organization, page).await?)
}

/// Those of `ids` that are forms of the caller's organization, in no order.
pub async fn forms_many(app: &App, caller: &Caller, ids: &[FormId]) -> Result<Vec<Form>, AppError> {
    let organization = caller.principal.require(Permission::MembersRead)?;
    Ok(app.store.forms_many(organization, ids).await?)
}

/// Makes a form for the caller's organization. Nobody sees it before it is published.
pub async fn form_create(app: &App, caller: &Caller, input: FormCreate) -> Result<Form, AppError> {
    let (maker, organization, _) = require_member(caller, Permission::KeysWrite)?;
    require_verified_email(app, caller).await?;
    let mut refused = Vec::new();
    let name = name_of(&input.name).map_err(|refusal| refused.push(refusal.at("name"))).unwrap_or_default();
    match vertical_at(app, &input.vertical).await? {
        Ok(vertical) => refused.extend(wrong(&input.content, &vertical)),
        Err(refusal) => refused.push(refusal),
    }
    if !refused.is_empty() {
        return Err(refused.into());
    }
    let now = app.now();
    let form = Form {
        id: app.store.id(),
        organization,
        name,
        vertical: input.vertical,
        draft: input.content,
        published_version: None,
        created_at: now,
        updated_at: now,
        disabled_at: None,
    };
    let (new, most) = (&form, app.config.forms.per_organization_max);
    app.store
        .write("form_create", |tx| async move {
            tx.organization_lock(organization).await?;
            limit_check(tx.forms_count(organization).await?, most, "forms")?;
            tx.form_insert(new, maker).await?;
            Ok::<_, AppError>(())
        })
        .await?;
    Ok(form)
}

/// Gives a form another name, or its next version other content. What is published stays as it is.
pub async fn form_update(app: &App, caller: &Caller, input: FormUpdate) -> Result<Form, AppError> {
    let (_, organization, _) = require_member(caller, Permission::KeysWrite)?;
    let before = own(app, caller, input.form).await?;
    let mut refused = Vec::new();
    let name = input.name.as_deref().and_then(|name| name_of(name).map_err(|refusal| refused.push(refusal.at("name"))).ok());
    if let Some(content) = &input.content {
        refused.extend(wrong(content, &vertical_at(app, &before.vertical).await??));
    }
    if !refused.is_empty() {
        return Err(refused.into());
    }
    let (name, content) = (&name, &input.content);
    app.store
        .write("form_update", |tx| async move {
            let mut form = tx.form_lock(organization, input.form).await?.ok_or_else(unknown)?;
            require_live(&form)?;
            form.name = name.clone().unwrap_or(form.name);
            form.draft = content.clone().unwrap_or(form.draft);
            form.updated_at = tx.now().await?;
            tx.form_save(&form).await?;
            Ok::<_, AppError>(form)
        })
        .await
}

/// Makes the draft the next version, which is shown from now on and never changes.
pub async fn form_publish(app: &App, caller: &Caller, id: FormId) -> Result<Form, AppError> {
    let (publisher, organization, _) = require_member(caller, Permission::KeysWrite)?;
    require_verified_email(app, caller).await?;
    let vertical = &vertical_at(app, &own(app, caller, id).await?.vertical).await??;
    app.store
        .write("form_publish", |tx| async move {
            let mut form = tx.form_lock(organization, id).await?.ok_or_else(unknown)?;
            require_live(&form)?;
            // The vertical may have changed since the draft was written.
            let refused = wrong(&form.draft, vertical);
            if !refused.is_empty() {
                return Err(refused.into());
            }
            let version = form.published_version.unwrap_or(0).saturating_add(1);
            let texts: Vec<StoredText> = texts_of(&form, version, vertical);
            tx.form_version_insert(&form, version, &texts, publisher).await?;
            form.published_version = Some(version);
            form.updated_at = tx.now().await?;
            tx.form_save(&form).await?;
            Ok::<_, AppError>(form)
        })
        .await
}

/// Lets a form take nothing more, for good. Its certificates stay. Disabling it again changes nothing.
pub async fn form_disable(app: &App, caller: &Caller, id: FormId) -> Result<Form, AppError> {
    let (_, organization, _) = require_member(caller, Permission::KeysWrite)?;
    app.store
        .write("form_disable", |tx| async move {
            let mut form = tx.form_lock(organization, id).await?.ok_or_else(unknown)?;
            let now = tx.now().await?;
            form.disabled_at = form.disabled_at.or(Some(now));
            form.updated_at = now;
            tx.form_save(&form).await?;
            Ok::<_, AppError>(form)
        })
        .await
}

/// Every page of a version, with the hash of its words.
fn texts_of(form: &Form, version: i64, vertical: &StoredVertical) -> Vec<StoredText> {
    let of = |texts| {
        let page = page(&form.draft, texts, &vertical.definition);
        let text = shown_text(&page);
        let sha256 = Sha256::digest(text.as_bytes()).to_vec();
        StoredText { form: form.id, version, language: page.language.clone(), page, text, sha256 }
    };
    form.draft.texts.iter().map(of).collect()
}

fn wrong(content: &FormContent, vertical: &StoredVertical) -> Vec<Refusal> {
    let found = check(content, &vertical.definition).err().unwrap_or_default();
    let place = |refusal: Refusal| {
        if refusal.path.first().is_some_and(|first| first == "vertical") { refusal } else { refusal.at("content") }
    };
    found.into_iter().map(place).collect()
}

async fn own(app: &App, caller: &Caller, id: FormId) -> Result<Form, AppError> {
    let organization = caller.principal.require(Permission::KeysWrite)?;
    Ok(app.store.forms_many(organization, &[id]).await?.pop().ok_or_else(unknown)?)
}

fn unknown() -> Refusal {
    Refusal::not_found("formId", "form")
}

fn require_live(form: &Form) -> Result<(), Refusal> {
    match form.disabled_at {
        Some(_) => Err(Refusal::new(Code::WrongState, "the form is disabled").at("formId")),
        None => Ok(()),
    }
}
