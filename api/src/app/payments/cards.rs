//! The cards that an organization saved at the provider. The exchange keeps none of them.

use domain::access::Permission;
use domain::id::OrganizationId;
use domain::refusal::{Code, Refusal};
use gateways::payments::{Card, PageRequest};

use super::{customer, key_of, provider, stripe, unavailable};
use crate::app::{App, AppError, Caller};

/// The most saved cards that are shown.
const CARDS_MAX: u8 = 100;

/// The saved cards of the caller's organization, newest first.
pub async fn saved_cards(app: &App, caller: &Caller) -> Result<Vec<Card>, AppError> {
    let organization = caller.principal.require(Permission::WalletRead)?;
    provider(app)?;
    cards_of(app, organization).await
}

/// Forgets a saved card. A wallet that fills itself from it stops doing so.
pub async fn saved_card_remove(app: &App, caller: &Caller, card: &str) -> Result<Card, AppError> {
    let organization = caller.principal.require(Permission::WalletWrite)?;
    provider(app)?;
    let known = require_card(app, organization, card).await?;
    let key = key_of(&["card", card, "detach"])?;
    stripe(app)?.card_detach(&key, card).await.map_err(unavailable)?;
    let set = app.store.auto_top_ups(organization).await?;
    for currency in set.into_iter().filter(|set| set.saved_card == card).map(|set| set.currency) {
        app.store
            .write("saved_card_remove", move |tx| async move {
                store::payments::auto_top_ups::auto_top_up_pause(&tx, organization, currency, "card_removed").await?;
                Ok::<_, AppError>(())
            })
            .await?;
    }
    Ok(known)
}

/// The card, if it is the organization's.
pub(super) async fn require_card(app: &App, organization: OrganizationId, card: &str) -> Result<Card, AppError> {
    let known = cards_of(app, organization).await?.into_iter().find(|known| known.id == card);
    known.ok_or_else(|| Refusal::new(Code::NotFound, "no saved card with this id").at("cardId").into())
}

async fn cards_of(app: &App, organization: OrganizationId) -> Result<Vec<Card>, AppError> {
    if app.store.payment_customer(organization).await?.is_none() {
        return Ok(Vec::new());
    }
    let customer = customer(app, organization).await?;
    let page = stripe(app)?.card_list(&customer, &PageRequest::first(CARDS_MAX)).await.map_err(unavailable)?;
    Ok(page.items)
}
