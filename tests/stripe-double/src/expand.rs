//! `expand[]`: ids in an answer replaced by their objects.

use serde_json::Value;

use crate::error::ApiError;
use crate::form::Params;
use crate::state::State;

/// Stripe expands at most four levels deep.
const MAX_DEPTH: usize = 4;

/// Replaces the ids that `expand` names by their objects; in a list, the paths begin with `data`.
pub(crate) fn expand(state: &State, params: &Params, mut answer: Value) -> Result<Value, ApiError> {
    for path in params.texts("expand") {
        let steps: Vec<_> = path.split('.').collect();
        if steps.len() > MAX_DEPTH {
            return Err(ApiError::invalid("You cannot expand more than 4 levels of a property.", "expand"));
        }
        if !expand_path(state, &mut answer, &steps) {
            return Err(ApiError::invalid(&format!("This property cannot be expanded ({path})."), "expand"));
        }
    }
    Ok(answer)
}

fn expand_path(state: &State, node: &mut Value, steps: &[&str]) -> bool {
    let Some((step, rest)) = steps.split_first() else { return true };
    let includable = *step == "line_items" && node.get("object").and_then(Value::as_str) == Some("checkout.session");
    if includable && let Some(fields) = node.as_object_mut() {
        let id = fields.get("id").and_then(Value::as_str).unwrap_or_default();
        let items = state.checkout_sessions.find(id).map(crate::resource::checkout_session::line_items);
        fields.insert("line_items".to_owned(), items.into());
    }
    match node.get_mut(step) {
        None => false,
        Some(Value::Array(items)) => items.iter_mut().all(|item| expand_path(state, item, rest)),
        Some(child) => {
            if let Some(object) = child.as_str().and_then(|id| state.render_any(id)) {
                *child = object;
            }
            child.is_null() || expand_path(state, child, rest)
        }
    }
}
