//! Scores of leads on the market grow old with them: what buyers filter by is true when they look.

use std::collections::HashMap;
use std::sync::Arc;

use domain::id::VerticalId;
use domain::scoring::{Score, Weights, aged};
use store::leads::StoredLead;

use super::{schema_of, weights};
use crate::app::{App, AppError};

/// Lowers the scores of listed leads that became less fresh since they were scored; answers how many.
pub async fn scores_age(app: &App) -> Result<u64, AppError> {
    let leads = app.store.leads_aging(app.now(), app.config.workers.batch).await?;
    let mut known: HashMap<(VerticalId, i64), Arc<Weights>> = HashMap::new();
    let mut scored: Vec<(StoredLead, Score)> = Vec::new();
    for lead in leads {
        let key = (lead.vertical, lead.vertical_version);
        let weights = match known.get(&key) {
            Some(weights) => Arc::clone(weights),
            None => Arc::clone(known.entry(key).or_insert(Arc::new(weights(app, &schema_of(app, &lead).await?)))),
        };
        let score = aged(&lead.contributions, lead.captured_at, &weights, app.now());
        scored.push((lead, score));
    }
    if scored.is_empty() {
        return Ok(0);
    }
    let scored = &scored;
    app.store
        .write("scores_age", |tx| async move {
            let mut done = 0_u64;
            for (lead, score) in scored {
                done = done.saturating_add(u64::from(tx.lead_score_age(lead, score).await?));
            }
            Ok(done)
        })
        .await
}
