//! Files that clients put: asked for by a mutation, put over HTTP, once, and never changed. Name and content are sealed under
//! a data key of the file's own; a file of leads is removed some time after its last import.

use bytes::{Bytes, BytesMut};
use domain::access::{Permission, Principal, StaffRole};
use domain::id::{OrganizationId, UploadId, UserId};
use domain::refusal::{Code, Refusal};
use domain::time::plus_secs;
use domain::upload::{UploadPurpose, UploadState, file_name, utf16_by_zeros};
use futures::{Stream, StreamExt, stream};
use object_store::path::Path;
use object_store::{ObjectStoreExt, WriteMultipart};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use store::WriteError;
use store::data_keys::KeyPurpose;
use store::uploads::{Upload, UploadContent};
use uuid::Uuid;

use super::data_keys::{data_key, data_keys};
use super::{App, AppError, Caller};
use crate::crypto::{Binding, FileOpener, FileSealer, Token, token_hash, tokens_match};

/// The beginning of the tokens that put a file.
pub const UPLOAD_TOKEN_PREFIX: &str = "clput";

/// Bytes of a file from which its type is recognised.
const SNIFFED_BYTES: usize = 8 * 1024;

/// Parts of one file on their way to the storage at a time.
const PARTS_IN_FLIGHT: usize = 2;

/// Uploads that never came, forgotten at a time.
const SWEPT: u64 = 100;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadCreate {
    /// What the file is for.
    pub purpose: UploadPurpose,
    /// Its name.
    pub file_name: String,
}

/// A file with its name opened.
#[derive(Debug, Clone)]
pub struct UploadView {
    /// The upload.
    pub upload: Upload,
    /// Its name at the client; `None` once the file was removed.
    pub file_name: Option<String>,
}

/// The storage did not give back what was put there. It is nobody's fault who asks.
#[derive(Debug, thiserror::Error)]
#[error("the storage of files: {0}")]
pub struct StorageFault(String);

impl StorageFault {
    fn of(what: impl std::fmt::Display) -> Self {
        Self(what.to_string())
    }
}

/// An awaited file.
#[derive(Debug)]
pub struct UploadCreated {
    /// The upload.
    pub upload: UploadView,
    /// The token that may put it, shown only now.
    pub token: SecretString,
}

/// How somebody shows that they may put a file.
#[derive(Debug, Clone)]
pub enum UploadProof {
    /// The upload's own token.
    Token(SecretString),
    /// A session or key of the organization.
    Principal(Principal),
}

/// Awaits a file of the caller's organization.
pub async fn upload_create(app: &App, caller: &Caller, input: UploadCreate) -> Result<UploadCreated, AppError> {
    let organization = admit(&caller.principal, input.purpose)?;
    let name = file_name(&input.file_name)?;
    upload_await(app, organization, caller.principal.user(), input.purpose, name).await
}

/// Awaits a file of `organization`, or of the exchange itself, for the command line too.
pub(crate) async fn upload_await(
    app: &App,
    organization: Option<OrganizationId>,
    by: Option<UserId>,
    purpose: UploadPurpose,
    file_name: String,
) -> Result<UploadCreated, AppError> {
    let token = Token::generate(app.entropy.as_ref(), UPLOAD_TOKEN_PREFIX);
    let imports = &app.config.imports;
    let max_bytes = match purpose {
        UploadPurpose::Leads | UploadPurpose::Suppressions => imports.file_max_bytes,
        UploadPurpose::Evidence => app.config.exchange.evidence_max_bytes,
    };
    let new = Upload {
        id: app.store.id(),
        organization,
        purpose,
        file_name: Vec::new(),
        state: UploadState::Open,
        token_hash: token.hash.to_vec(),
        max_bytes,
        content: None,
        created_by: by,
        created_at: app.now(),
        expires_at: plus_secs(app.now(), imports.upload_secs),
    };
    let (new, name) = (&new, file_name.as_bytes());
    let upload = app
        .store
        .write("upload_create", |tx| async move {
            let now = tx.now().await?;
            if tx.uploads_open(organization, now).await? >= imports.uploads_open_max {
                let message = format!("at most {} files are awaited at a time; put them, or wait", imports.uploads_open_max);
                return Err(AppError::from(Refusal::new(Code::RateLimited, message)));
            }
            let key = data_key(&tx, app, KeyPurpose::File, new.id.0).await?.ok_or_else(keyless)?;
            let file_name = key.seal(app.entropy.as_ref(), name_binding(new.id), name).map_err(AppError::internal)?;
            let upload = Upload { file_name, created_at: now, expires_at: plus_secs(now, imports.upload_secs), ..new.clone() };
            tx.upload_insert(&upload).await?;
            Ok(upload)
        })
        .await?;
    let upload = UploadView { upload, file_name: Some(file_name) };
    Ok(UploadCreated { upload, token: token.secret })
}

/// An upload of the caller's organization that the caller may use.
pub async fn upload_get(app: &App, caller: &Caller, id: UploadId) -> Result<Option<UploadView>, AppError> {
    let organization = match caller.principal.organization() {
        Some(organization) => organization,
        None => caller.principal.require(Permission::LeadsWrite)?,
    };
    let found = app.store.upload_of(organization, id).await?;
    let found = found.filter(|upload| admit(&caller.principal, upload.purpose).is_ok());
    Ok(uploads_named(app, found.into_iter().collect()).await?.pop())
}

/// Opens the names of files that the caller was found to see.
pub async fn uploads_named(app: &App, uploads: Vec<Upload>) -> Result<Vec<UploadView>, AppError> {
    let ids: Vec<Uuid> = uploads.iter().map(|upload| upload.id.0).collect();
    let keys = data_keys(app, KeyPurpose::File, &ids).await?;
    let named = uploads.into_iter().map(|upload| {
        let file_name = keys.open_text(upload.id.0, name_binding(upload.id), &upload.file_name)?;
        Ok(UploadView { upload, file_name })
    });
    named.collect()
}

/// Those of `ids` that the caller's organization announced and that the caller may use, in no order.
pub async fn uploads_many(app: &App, caller: &Caller, ids: &[UploadId]) -> Result<Vec<UploadView>, AppError> {
    let Some(organization) = caller.principal.organization() else { return Ok(Vec::new()) };
    let mut found = app.store.uploads_many(organization, ids).await?;
    found.retain(|upload| admit(&caller.principal, upload.purpose).is_ok());
    uploads_named(app, found).await
}

/// Takes the bytes of a file as they come. `declared` is the length that the client announced, if it did. Nothing of a file
/// that is refused is kept.
pub async fn upload_put<S, E>(
    app: &App,
    proof: &UploadProof,
    id: UploadId,
    declared: Option<u64>,
    body: S,
) -> Result<Upload, AppError>
where
    S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
{
    let upload = proven(app, proof, id).await?.ok_or_else(|| Refusal::not_found("id", "upload"))?;
    upload.state.admit(upload.expires_at, app.now())?;
    if declared.is_some_and(|declared| declared > upload.max_bytes) {
        return Err(too_large(upload.max_bytes).into());
    }
    let mut nonce = [0; 8];
    app.entropy.fill(&mut nonce);
    let key = format!("uploads/{id}/{}", hex::encode(nonce));
    let content = keep(app, &upload, &key, body).await?;
    let content = &content;
    let completed = app
        .store
        .write("upload_put", |tx| async move {
            let content = UploadContent { completed_at: tx.now().await?, ..content.clone() };
            tx.upload_complete(id, &content).await?;
            Ok::<_, AppError>(content)
        })
        .await;
    match completed {
        Ok(content) => Ok(Upload { state: UploadState::Stored, content: Some(content), ..upload }),
        Err(error) => {
            discard(app, &key).await;
            Err(error)
        }
    }
}

/// The bytes of a file that is there, as they come, opened in the memory of a chunk.
pub async fn upload_read(
    app: &App,
    id: UploadId,
    content: &UploadContent,
) -> Result<impl Stream<Item = Result<Bytes, StorageFault>> + Send + 'static + use<>, AppError> {
    let keys = data_keys(app, KeyPurpose::File, &[id.0]).await?;
    let opener = FileOpener::new(keys.key(id.0).ok_or_else(keyless)?, content_binding(id));
    let found = app.files.get(&Path::from(content.object_key.as_str())).await.map_err(AppError::internal)?;
    Ok(stream::try_unfold(Some((found.into_stream(), opener)), opened_next))
}

/// The next bytes of a file, and what is left of it.
async fn opened_next<S>(left: Option<(S, FileOpener)>) -> Result<Option<(Bytes, Option<(S, FileOpener)>)>, StorageFault>
where
    S: Stream<Item = Result<Bytes, object_store::Error>> + Unpin,
{
    let Some((mut sealed, mut opener)) = left else { return Ok(None) };
    while let Some(part) = sealed.next().await {
        let opened = opener.push(&part.map_err(StorageFault::of)?).map_err(StorageFault::of)?;
        if !opened.is_empty() {
            return Ok(Some((opened, Some((sealed, opener)))));
        }
    }
    Ok(Some((opener.finish().map_err(StorageFault::of)?, None)))
}

/// A file that is there, whole: for files whose size is limited to what fits in memory.
pub async fn upload_whole(app: &App, id: UploadId, content: &UploadContent) -> Result<Bytes, AppError> {
    let mut parts = Box::pin(upload_read(app, id, content).await?);
    let mut whole = BytesMut::new();
    while let Some(part) = parts.next().await {
        whole.extend_from_slice(&part.map_err(AppError::internal)?);
    }
    Ok(whole.freeze())
}

/// Forgets files that were awaited and never came, and removes files of leads that nobody has used for the configured time;
/// answers how many.
pub async fn uploads_sweep(app: &App) -> Result<u64, AppError> {
    let mut swept = unused_remove(app).await?;
    for id in app.store.uploads_expired(app.now(), SWEPT).await? {
        let forgotten: Result<bool, AppError> = app
            .store
            .write("uploads_sweep", |tx| async move {
                let now = tx.now().await?;
                Ok(tx.upload_forget(id, now).await?)
            })
            .await;
        swept = swept.saturating_add(u64::from(forgotten?));
    }
    Ok(swept)
}

async fn unused_remove(app: &App) -> Result<u64, AppError> {
    let before = plus_secs(app.now(), app.config.imports.file_keep_secs.saturating_neg());
    let mut removed = 0_u64;
    for id in app.store.uploads_unused(before, SWEPT).await? {
        let lay: Result<Option<String>, WriteError> =
            app.store.write("upload_remove", |tx| async move { tx.upload_remove(id, before).await }).await;
        // Its key is gone: what the storage may keep after a failure here says nothing.
        if let Some(key) = lay? {
            discard(app, &key).await;
            removed = removed.saturating_add(1);
        }
    }
    Ok(removed)
}

const fn name_binding(upload: UploadId) -> Binding {
    Binding { purpose: "upload.name", object: upload.0 }
}

const fn content_binding(upload: UploadId) -> Binding {
    Binding { purpose: "upload.content", object: upload.0 }
}

fn keyless() -> AppError {
    AppError::internal("a file without its key")
}

/// Whose file one may put for this purpose: that of the organization, or the exchange's own.
fn admit(principal: &Principal, purpose: UploadPurpose) -> Result<Option<OrganizationId>, Refusal> {
    match purpose {
        UploadPurpose::Leads => principal.require(Permission::LeadsWrite).map(Some),
        UploadPurpose::Evidence => principal.require(Permission::DisputesWrite).map(Some),
        UploadPurpose::Suppressions => principal.require_staff(StaffRole::Operator).map(|_| None),
    }
}

async fn proven(app: &App, proof: &UploadProof, id: UploadId) -> Result<Option<Upload>, AppError> {
    match proof {
        UploadProof::Token(token) => {
            let hash = token_hash(token.expose_secret());
            Ok(app.store.upload(id).await?.filter(|upload| tokens_match(&upload.token_hash, &hash)))
        }
        UploadProof::Principal(Principal::Anonymous) => Err(Refusal::new(Code::Unauthenticated, "log in first").into()),
        UploadProof::Principal(principal) => {
            let found = match principal.organization() {
                Some(organization) => app.store.upload_of(organization, id).await?,
                None => app.store.upload(id).await?.filter(|upload| upload.organization.is_none()),
            };
            Ok(found.filter(|upload| admit(principal, upload.purpose).is_ok()))
        }
    }
}

async fn keep<S, E>(app: &App, upload: &Upload, key: &str, mut body: S) -> Result<UploadContent, AppError>
where
    S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
{
    let path = Path::from(key);
    let keys = data_keys(app, KeyPurpose::File, &[upload.id.0]).await?;
    let data_key = keys.key(upload.id.0).ok_or_else(keyless)?;
    let mut sealer = FileSealer::new(app.entropy.as_ref(), data_key, content_binding(upload.id));
    let mut parts = WriteMultipart::new(app.files.put_multipart(&path).await.map_err(AppError::internal)?);
    let mut hash = Sha256::new();
    let mut head = Vec::new();
    let mut size = 0_u64;
    let refusal = loop {
        let chunk = match body.next().await {
            None => break None,
            Some(Ok(chunk)) => chunk,
            Some(Err(_)) => break Some(Refusal::new(Code::Invalid, "the file broke off; put it again")),
        };
        size = size.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
        if size > upload.max_bytes {
            break Some(too_large(upload.max_bytes));
        }
        hash.update(&chunk);
        head.extend(chunk.iter().take(SNIFFED_BYTES.saturating_sub(head.len())));
        parts.wait_for_capacity(PARTS_IN_FLIGHT).await.map_err(AppError::internal)?;
        parts.put(sealer.push(&chunk).map_err(AppError::internal)?);
    };
    let refusal = refusal.or_else(|| (size == 0).then(|| Refusal::new(Code::Invalid, "the file is empty")));
    let media_type = match refusal {
        Some(refusal) => Err(refusal),
        None => upload.purpose.media_type(infer::get(&head).map(|kind| kind.mime_type()), can_be_text(&head)),
    };
    match media_type {
        Ok(media_type) => {
            parts.put(sealer.finish().map_err(AppError::internal)?);
            parts.finish().await.map_err(AppError::internal)?;
            let sha256 = hash.finalize().into();
            Ok(UploadContent { size_bytes: size, sha256, media_type, object_key: key.to_owned(), completed_at: app.now() })
        }
        Err(refusal) => {
            if let Err(error) = parts.abort().await {
                tracing::warn!(%error, "parts of a refused file could not be removed");
            }
            Err(refusal.into())
        }
    }
}

async fn discard(app: &App, key: &str) {
    if let Err(error) = app.files.delete(&Path::from(key)).await {
        tracing::warn!(%error, "a file that nobody refers to could not be removed");
    }
}

fn too_large(max_bytes: u64) -> Refusal {
    Refusal::new(Code::TooLarge, format!("the file may have at most {max_bytes} bytes"))
}

/// Whether a file that begins like this can be text: UTF-16 by its mark or its zeros, or no zeros and hardly any control
/// characters. Those that some programs write between cells do not count.
fn can_be_text(head: &[u8]) -> bool {
    if head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]) {
        return true;
    }
    if head.contains(&0) {
        return utf16_by_zeros(head).is_some();
    }
    let strange =
        head.iter().filter(|byte| **byte < 0x20 && !matches!(byte, 1 | b'\t' | b'\n' | b'\r' | 0x0c | 0x1b..=0x1f)).count();
    strange.saturating_mul(100) <= head.len()
}

#[cfg(test)]
mod tests {
    use super::can_be_text;

    #[test]
    fn text_is_told_from_bytes() {
        let wide: Vec<u8> = "a,b\n1,2\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(can_be_text(b"a,b\n") && can_be_text("имя".as_bytes()) && can_be_text(b"\xe8\xec\xff;1") && can_be_text(&wide));
        assert!(!can_be_text(&[0, 1, 2, 0, 0, 9, 0, 0]) && !can_be_text(&[1, 2, 3, 4, 5, 6]));
    }
}
