//! Files that clients put: asked for by a mutation, put over HTTP, once, and never changed.

use bytes::Bytes;
use domain::access::{Permission, Principal};
use domain::id::{OrganizationId, UploadId, UserId};
use domain::refusal::{Code, Refusal};
use domain::time::plus_secs;
use domain::upload::{UploadPurpose, UploadState, file_name};
use futures::{Stream, StreamExt};
use object_store::path::Path;
use object_store::{ObjectStoreExt, WriteMultipart};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use store::uploads::{Upload, UploadContent};

use super::{App, AppError, Caller};
use crate::crypto::{Token, token_hash, tokens_match};

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

/// An awaited file.
#[derive(Debug)]
pub struct UploadCreated {
    /// The upload.
    pub upload: Upload,
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
    let organization = caller.principal.require(permission(input.purpose))?;
    let name = file_name(&input.file_name)?;
    upload_await(app, organization, caller.principal.user(), input.purpose, name).await
}

/// Awaits a file of `organization`, for the command line.
pub(crate) async fn upload_await(
    app: &App,
    organization: OrganizationId,
    by: Option<UserId>,
    purpose: UploadPurpose,
    file_name: String,
) -> Result<UploadCreated, AppError> {
    let token = Token::generate(app.entropy.as_ref(), UPLOAD_TOKEN_PREFIX);
    let imports = &app.config.imports;
    let max_bytes = match purpose {
        UploadPurpose::Leads => imports.file_max_bytes,
        UploadPurpose::Evidence => app.config.exchange.evidence_max_bytes,
    };
    let new = Upload {
        id: app.store.id(),
        organization: Some(organization),
        purpose,
        file_name,
        state: UploadState::Open,
        token_hash: token.hash.to_vec(),
        max_bytes,
        content: None,
        created_by: by,
        created_at: app.now(),
        expires_at: plus_secs(app.now(), imports.upload_secs),
    };
    let new = &new;
    let upload = app
        .store
        .write("upload_create", |tx| async move {
            let now = tx.now().await?;
            if tx.uploads_open(Some(organization), now).await? >= imports.uploads_open_max {
                let message = format!("at most {} files are awaited at a time; put them, or wait", imports.uploads_open_max);
                return Err(AppError::from(Refusal::new(Code::RateLimited, message)));
            }
            let upload = Upload { created_at: now, expires_at: plus_secs(now, imports.upload_secs), ..new.clone() };
            tx.upload_insert(&upload).await?;
            Ok(upload)
        })
        .await?;
    Ok(UploadCreated { upload, token: token.secret })
}

/// An upload of the caller's organization that the caller may use.
pub async fn upload_get(app: &App, caller: &Caller, id: UploadId) -> Result<Option<Upload>, AppError> {
    let organization = match caller.principal.organization() {
        Some(organization) => organization,
        None => caller.principal.require(Permission::LeadsWrite)?,
    };
    let found = app.store.upload_of(organization, id).await?;
    Ok(found.filter(|upload| caller.principal.may(permission(upload.purpose))))
}

/// Those of `ids` that the caller's organization announced and that the caller may use, in no order.
pub async fn uploads_many(app: &App, caller: &Caller, ids: &[UploadId]) -> Result<Vec<Upload>, AppError> {
    let Some(organization) = caller.principal.organization() else { return Ok(Vec::new()) };
    let mut found = app.store.uploads_many(organization, ids).await?;
    found.retain(|upload| caller.principal.may(permission(upload.purpose)));
    Ok(found)
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

/// The bytes of a file that is there, as they come.
pub async fn upload_read(
    app: &App,
    content: &UploadContent,
) -> Result<impl Stream<Item = Result<Bytes, object_store::Error>> + Send + 'static + use<>, AppError> {
    let found = app.files.get(&Path::from(content.object_key.as_str())).await.map_err(AppError::internal)?;
    Ok(found.into_stream())
}

/// Forgets files that were awaited and never came; answers how many.
pub async fn uploads_sweep(app: &App) -> Result<u64, AppError> {
    let mut swept = 0_u64;
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

const fn permission(purpose: UploadPurpose) -> Permission {
    match purpose {
        UploadPurpose::Leads => Permission::LeadsWrite,
        UploadPurpose::Evidence => Permission::DisputesWrite,
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
                None => None,
            };
            Ok(found.filter(|upload| principal.may(permission(upload.purpose))))
        }
    }
}

async fn keep<S, E>(app: &App, upload: &Upload, key: &str, mut body: S) -> Result<UploadContent, AppError>
where
    S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
{
    let path = Path::from(key);
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
        parts.put(chunk);
    };
    let refusal = refusal.or_else(|| (size == 0).then(|| Refusal::new(Code::Invalid, "the file is empty")));
    let media_type = match refusal {
        Some(refusal) => Err(refusal),
        None => upload.purpose.media_type(infer::get(&head).map(|kind| kind.mime_type()), can_be_text(&head)),
    };
    match media_type {
        Ok(media_type) => {
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

/// Whether a file that begins like this can be text: UTF-16 by its mark or its zeros in every other place, or no zeros and
/// hardly any control characters.
fn can_be_text(head: &[u8]) -> bool {
    if head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]) {
        return true;
    }
    let zeros = |from: usize| head.iter().skip(from).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    if even.saturating_add(odd) > 0 {
        let half = head.len() / 2;
        return even.min(odd) == 0 && even.max(odd).saturating_mul(2) >= half;
    }
    let strange = head.iter().filter(|byte| **byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c | 0x1b)).count();
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
