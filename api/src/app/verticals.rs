//! Kinds of demand.

use domain::access::StaffRole;
use domain::id::{UserId, VerticalId};
use domain::refusal::{Code, Refusal};
use domain::vertical::{Definition, VerticalPath, starter_set};
use store::verticals::StoredVertical;

use super::{App, AppError, Caller};

/// Creates the verticals of the starter set that are missing; answers how many. What operators changed stays.
pub async fn verticals_seed(app: &App) -> Result<usize, AppError> {
    let set = starter_set().map_err(AppError::internal)?;
    let set = &set;
    app.store
        .write("verticals_seed", |tx| async move {
            // Processes that start at once would all find the same ones missing.
            tx.verticals_lock().await?;
            let there: Vec<VerticalPath> =
                store::verticals::verticals(tx.db()).await?.into_iter().map(|vertical| vertical.path).collect();
            let missing: Vec<_> = set.iter().filter(|vertical| !there.contains(&vertical.path)).collect();
            for vertical in &missing {
                tx.vertical_create(&vertical.path, &vertical.definition, None).await?;
            }
            Ok(missing.len())
        })
        .await
}

/// Every vertical in its newest version, in the order of the paths; only those in or below `within`, if it is given.
pub async fn vertical_list(app: &App, within: Option<&VerticalPath>) -> Result<Vec<StoredVertical>, AppError> {
    let all = app.store.verticals().await?;
    Ok(all.into_iter().filter(|vertical| within.is_none_or(|path| vertical.path.within(path))).collect())
}

/// The newest version of each of `ids` that there is, in no order.
pub async fn verticals_many(app: &App, ids: &[VerticalId]) -> Result<Vec<StoredVertical>, AppError> {
    Ok(app.store.verticals_many(ids).await?)
}

/// The vertical at `path`, in `version` or the newest.
pub async fn vertical_get(app: &App, path: &VerticalPath, version: Option<i64>) -> Result<Option<StoredVertical>, AppError> {
    let Some(newest) = app.store.vertical_at(path).await? else { return Ok(None) };
    match version {
        Some(version) if version != newest.version => Ok(app.store.vertical_version(newest.id, version).await?),
        _ => Ok(Some(newest)),
    }
}

/// Creates a vertical. Operators only; refused when the path is taken, nothing is above it, or the definition makes no sense.
pub async fn vertical_create(
    app: &App,
    caller: &Caller,
    path: &str,
    definition: &Definition,
) -> Result<StoredVertical, AppError> {
    let operator = operator(caller)?;
    let path: VerticalPath = path.parse()?;
    definition.check().map_err(within)?;
    let path = &path;
    app.store.write("vertical_create", |tx| async move { Ok(tx.vertical_create(path, definition, Some(operator)).await?) }).await
}

/// Adds a version to a vertical. Operators only; `expected_version` is the newest one that the operator has seen.
pub async fn vertical_version_add(
    app: &App,
    caller: &Caller,
    id: VerticalId,
    expected_version: i64,
    definition: &Definition,
) -> Result<StoredVertical, AppError> {
    let operator = operator(caller)?;
    app.store
        .write("vertical_version_add", |tx| async move {
            let before = tx.vertical_locked(id).await?.ok_or_else(|| Refusal::not_found("verticalId", "vertical"))?;
            if before.version != expected_version {
                let message = format!("the newest version is {}", before.version);
                return Err(Refusal::new(Code::Conflict, message).at("expectedVersion").into());
            }
            before.definition.check_successor(definition).map_err(within)?;
            Ok(tx.vertical_version_add(&before, definition, Some(operator)).await?)
        })
        .await
}

fn within(found: Vec<Refusal>) -> Vec<Refusal> {
    found.into_iter().map(|refusal| refusal.at("definition")).collect()
}

fn operator(caller: &Caller) -> Result<UserId, Refusal> {
    caller.principal.require_staff(StaffRole::Operator)
}

/// The vertical at `path`, as somebody wrote it.
pub(super) async fn vertical_at(app: &App, path: &str) -> Result<Result<StoredVertical, Refusal>, AppError> {
    let unknown = || Refusal::not_found("vertical", "vertical at this path");
    let Ok(parsed) = path.parse::<VerticalPath>() else { return Ok(Err(unknown())) };
    Ok(app.store.vertical_at(&parsed).await?.ok_or_else(unknown))
}
